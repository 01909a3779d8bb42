"""Key files are made once, kept apart, and refused when anything about them is odd."""

from __future__ import annotations

import base64
import os
import re
import stat
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.files import PUBLIC, write_new
from agent.crypto.keys import load_public, load_signer
from agent.crypto.open import unlock
from agent.crypto.vault import CHEAPEST, load_vault
from agent.crypto.wrapping import open_root, open_wrapping
from agent.errors import ConfigError, NoRecipient, PassphraseWrong, UnknownKey
from tests.forked import exit_code_of
from tests.sealing import NOW, PASSPHRASE, keyset

ROOT = Path(__file__).resolve().parents[3]
VECTORS = ROOT / "tests" / "vectors" / "keys-1"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site whose keys are on the disk."""
    made = Site(tmp_path)
    write_keys(made, keyset())
    return made


def edit(path: Path, old: str, new: str) -> None:
    """Change a file's text, which must contain `old`."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_public_keys_come_back(site: Site) -> None:
    """What was written is what is read."""
    assert keyset().public == load_public(site.public_keys)


def test_the_vault_comes_back(site: Site) -> None:
    """What was written is what is read."""
    assert keyset().vault == load_vault(site.vault)


def test_private_files_are_for_their_owner_only(site: Site) -> None:
    """The vault and the device key are 0600, the vault's folder is 0700."""
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (site.vault, site.device_key)]

    assert modes == [0o600, 0o600]
    assert stat.S_IMODE(site.vault.parent.stat().st_mode) == 0o700


def test_the_public_side_holds_no_private_byte(site: Site) -> None:
    """No private half, no root key and nothing wrapped can be read from the agent's folder."""
    vault = keyset().vault
    wrapping = open_wrapping(vault, PASSPHRASE)
    secrets = [wrapping.seed(epoch) for epoch in vault.epochs]
    secrets += [seed[:64] for seed in secrets] + [seed[64:] for seed in secrets]
    secrets += [open_root(vault, wrapping).private_bytes_raw(), vault.root.wrapped]
    secrets += [epoch.wrapped for epoch in vault.epochs]
    files = {path.name: path for path in site.public_keys.parent.iterdir()}

    raw = b"".join(path.read_bytes() for path in files.values())
    decoded = b"".join(base64.b64decode(word + b"==") for word in re.findall(rb"[\w+/]{40,}", raw))

    assert set(files) == {"public.toml", "device.pem"}
    for secret in secrets:
        for spelled in (secret, base64.b64encode(secret), secret.hex().encode()):
            assert spelled not in raw + decoded
    assert stat.S_IMODE(files["public.toml"].stat().st_mode) == 0o644
    assert stat.S_IMODE(files["device.pem"].stat().st_mode) == 0o600


def test_epochs_are_weeks_without_gaps() -> None:
    """Epochs start on Monday, follow each other, and cover today."""
    epochs = keyset().public.epochs

    assert epochs[0].valid_from.weekday() == 0
    assert [e.valid_to for e in epochs[:-1]] == [e.valid_from for e in epochs[1:]]
    assert epochs[0].valid_from <= NOW < epochs[0].valid_to
    assert epochs[0].id.startswith("2026-W48-")


def test_runway_ends_with_the_last_epoch() -> None:
    """Days left are counted to the last gapless epoch's end, and none when none is valid."""
    public = keyset().public

    assert public.runway(NOW) == public.epochs[-1].valid_to - NOW
    assert public.runway(NOW + timedelta(weeks=9)) == timedelta(0)
    assert replace(public, epochs=public.epochs[1:]).runway(NOW) == timedelta(0)


def test_no_epoch_is_valid_at_the_very_end() -> None:
    """An epoch's last instant belongs to the next one."""
    public = keyset().public

    assert public.epoch_at(public.epochs[0].valid_to) == public.epochs[1]
    assert public.epoch_at(public.epochs[-1].valid_to) is None
    assert public.epoch_at(public.epochs[0].valid_from - timedelta(seconds=1)) is None


def test_overlapping_epochs_are_refused() -> None:
    """Two recipients at one time would leave open whose week it is."""
    public = keyset().public

    with pytest.raises(ConfigError, match="begins before"):
        replace(public, epochs=(public.epochs[0], public.epochs[0]))


def test_keys_are_never_overwritten(site: Site) -> None:
    """A second set-up is refused and changes nothing."""
    before = site.vault.read_bytes()

    with pytest.raises(ConfigError, match="already"):
        write_keys(site, keyset())

    assert before == site.vault.read_bytes()


def test_a_half_made_site_is_refused(tmp_path: Path) -> None:
    """A vault alone is enough to refuse new keys."""
    site = Site(tmp_path)
    site.vault.parent.mkdir()
    site.vault.write_text("")

    with pytest.raises(ConfigError, match="already"):
        write_keys(site, keyset())


def test_a_new_file_never_replaces_one(tmp_path: Path) -> None:
    """Also a file that appears in the last moment stays, and no scrap is left behind."""
    path = tmp_path / "public.toml"
    path.write_text("first")

    with pytest.raises(ConfigError, match="never overwritten"):
        write_new(path, b"second", PUBLIC)

    assert path.read_text() == "first"
    assert [path] == list(tmp_path.iterdir())


def test_a_missing_public_file_means_no_recipient(tmp_path: Path) -> None:
    """Without public keys there is nobody to encrypt to."""
    with pytest.raises(NoRecipient):
        load_public(tmp_path / "public.toml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version = 2", "version = 1"),
        ("version = 2", "version = 3"),
        ("version = 2\n", ""),
        ("suite = ", "suit = "),
        ("MLKEM768_X25519+", "X25519+"),
        ('device = "camera-1"', 'device = "Camera 1"'),
        ('\nkey = "', '\nkey = "AAAA'),
        ('root = "', 'root = "AAAA'),
        ('signature = "', 'signature = "AAAA'),
        ("serial = 1", "serial = 0"),
        ('public_key = "', 'public_key = "AAAA'),
        ("valid_from = 2026-11-23T00:00:00+00:00", "valid_from = 2026-11-23T00:00:00"),
        ("valid_from = 2026-11-23T00:00:00+00:00", "valid_from = 2026-11-30T00:00:00+00:00"),
        ("[[epoch]]", "[[epoch]]\ncolour = 1"),
        ("valid_from = 2026-11-23T00:00:00+00:00", "valid_from = 2026-11-23T00:00:00.5+00:00"),
        ("[[epoch]]", "[[epoch"),
    ],
)
def test_a_changed_public_file_is_refused(site: Site, old: str, new: str) -> None:
    """Unknown keys, another suite, naive times and keys of the wrong length don't load."""
    edit(site.public_keys, old, new)

    with pytest.raises(ConfigError):
        load_public(site.public_keys)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('device = "camera-1"', 'device = "camera-2"'),
        ("serial = 1", "serial = 2"),
        ("valid_to = 2026-11-30T00:00:00+00:00", "valid_to = 2026-11-29T00:00:00+00:00"),
        ("valid_from = 2026-11-23T00:00:00+00:00", "valid_from = 2026-11-22T00:00:00+00:00"),
    ],
)
def test_a_well_formed_change_breaks_the_signature(site: Site, old: str, new: str) -> None:
    """Device, serial and times are signed: a change that fits the form is refused, with advice."""
    edit(site.public_keys, old, new)

    with pytest.raises(ConfigError, match="signature of the site's root") as refusal:
        load_public(site.public_keys)
    assert "omokage keys" in refusal.value.advice


def test_a_slipped_in_recipient_is_refused(site: Site) -> None:
    """Nobody but the root adds an epoch: a foreign one at the end breaks the signature."""
    foreign = create_epochs(
        NOW + timedelta(weeks=9), weeks=1, passphrase=PASSPHRASE, device_id="d", profile=CHEAPEST
    ).public.to_toml().decode()  # fmt: skip
    text = site.public_keys.read_text()
    site.public_keys.write_text(text + foreign[foreign.index("[[epoch]]") :])

    with pytest.raises(ConfigError, match="signature"):
        load_public(site.public_keys)


def test_a_dropped_or_swapped_recipient_is_refused(site: Site) -> None:
    """Epochs can be neither taken away nor exchanged among each other."""
    public = keyset().public
    one, two, three = public.epochs
    for epochs in (
        (one, two),
        (replace(one, public_key=two.public_key), replace(two, public_key=one.public_key), three),
    ):
        site.public_keys.write_bytes(replace(public, epochs=epochs).to_toml())
        with pytest.raises(ConfigError, match="signature"):
            load_public(site.public_keys)


def test_another_roots_signature_is_refused(site: Site) -> None:
    """A signature by somebody else's root doesn't fit this root."""
    own, other = keyset().public, keyset("camera-2").public
    site.public_keys.write_bytes(replace(own, signature=other.signature).to_toml())

    with pytest.raises(ConfigError, match="signature"):
        load_public(site.public_keys)


def test_an_unsigned_file_of_the_first_version_is_accepted() -> None:
    """What the first release wrote still loads, and says that nobody signed it."""
    public = load_public(VECTORS / "public.toml")

    assert (public.root, public.signature, public.serial) == (None, None, 0)
    assert [e.id[:9] for e in public.epochs] == ["2026-W48-", "2026-W49-"]
    assert public.to_toml() == (VECTORS / "public.toml").read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a file to another account")
@pytest.mark.parametrize(("mode", "readable"), [(0o440, True), (0o460, False), (0o444, False)])
def test_a_signing_key_that_root_hands_over_is_read(site: Site, mode: int, readable: bool) -> None:
    """Credentials of systemd are root's, and show the account's right as the group's: no more."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        given = Path(name) / "omokage-device.pem"
        given.write_bytes(site.device_key.read_bytes())
        os.chown(given, 0, 4242)
        given.chmod(mode)

        def load() -> int:
            os.setgroups([])
            os.setgid(4242)
            os.setuid(4242)
            try:
                load_signer(given)
            except ConfigError:
                return 1
            return 0

        assert exit_code_of(load) == (0 if readable else 1)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_signing_key_that_others_can_read_is_refused(site: Site, mode: int) -> None:
    """A device key that somebody may have copied isn't used."""
    site.device_key.chmod(mode)

    with pytest.raises(ConfigError, match="others"):
        load_signer(site.device_key)


def test_a_vault_that_others_can_read_is_refused(site: Site) -> None:
    """The reviewer learns that the vault lay open."""
    site.vault.chmod(0o644)

    with pytest.raises(ConfigError, match="others"):
        unlock(site.vault, PASSPHRASE)


def test_a_key_that_can_decrypt_is_no_signing_key(site: Site) -> None:
    """The agent refuses a private key of any other kind in place of its own."""
    wrong = X25519PrivateKey.generate()
    site.device_key.write_bytes(
        wrong.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )

    with pytest.raises(ConfigError, match="Ed25519"):
        load_signer(site.device_key)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAA==\n", b"\xff\xfe"])
def test_a_broken_signing_key_is_refused(site: Site, content: bytes) -> None:
    """Noise in the key file is a setting to correct, not a crash."""
    site.device_key.write_bytes(content)

    with pytest.raises(ConfigError, match="signing key"):
        load_signer(site.device_key)


def test_a_missing_signing_key_is_refused(tmp_path: Path) -> None:
    """No device key, no start."""
    with pytest.raises(ConfigError, match="can't read"):
        load_signer(tmp_path / "device.pem")


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE + " ", PASSPHRASE.upper()])
def test_a_wrong_passphrase_is_refused(site: Site, passphrase: str) -> None:
    """Only the passphrase itself opens the vault."""
    with pytest.raises(PassphraseWrong):
        unlock(site.vault, passphrase)


def test_a_passphrase_counts_as_typed_on_any_keyboard(tmp_path: Path) -> None:
    """Full-width letters and composed kana are the same passphrase as their plain forms."""
    site = Site(tmp_path)
    write_keys(
        site,
        create_epochs(
            NOW, weeks=1, passphrase="おもかげ-がぎ-ABC123", device_id="d", profile=CHEAPEST
        ),
    )

    opener = unlock(site.vault, "おもかげ-か\u3099き\u3099-\uff21\uff22\uff23123")

    assert len(opener.epochs) == 1


def test_a_damaged_entry_costs_its_own_week_only(site: Site) -> None:
    """The other epochs of the vault still open."""
    first = keyset().vault.epochs[0]
    edit(site.vault, "\nwrapped = ", "\nwrapped = 'AAAA' #")

    opener = unlock(site.vault, PASSPHRASE)

    assert first.id not in opener.epochs
    assert len(opener.epochs) == 2


def test_an_entry_cannot_pass_for_another_week(site: Site) -> None:
    """An epoch's id and times are bound into its wrapping."""
    ids = [epoch.id for epoch in keyset().vault.epochs]
    edit(site.vault, ids[0], "2026-W01-00000000")

    assert set(ids[1:]) == unlock(site.vault, PASSPHRASE).epochs


def test_an_emptied_vault_is_an_unknown_key(site: Site) -> None:
    """After all epochs were destroyed the passphrase isn't blamed."""
    text = site.vault.read_text()
    site.vault.write_text(text[: text.index("[[epoch]]")])

    with pytest.raises(UnknownKey):
        unlock(site.vault, PASSPHRASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("memory_kib = 8", "memory_kib = 1073741824"),
        ("iterations = 1", "iterations = 1000000"),
        ("lanes = 1", "lanes = 0"),
        ("salts = ", "salt = "),
        ("version = 2", "version = ["),
        ("version = 2", "version = 1"),
    ],
)
def test_a_vault_cannot_take_the_machine_down(site: Site, old: str, new: str) -> None:
    """Costs beyond the ceilings and unknown keys are refused before Argon2 starts."""
    edit(site.vault, old, new)

    with pytest.raises(ConfigError):
        unlock(site.vault, PASSPHRASE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"passphrase": "eleven char"},
        {"device_id": "Camera 1"},
        {"device_id": ""},
        {"weeks": 0},
        {"weeks": 521},
    ],
)
def test_set_up_refuses_weak_and_odd_arguments(wrong: dict[str, object]) -> None:
    """A short passphrase, a device id that doesn't fit TOML and endless keys aren't made."""
    arguments = {"passphrase": PASSPHRASE, "device_id": "d", "weeks": 1, "profile": CHEAPEST}

    with pytest.raises(ConfigError):
        create_epochs(NOW, **{**arguments, **wrong})


def test_two_set_ups_share_no_id() -> None:
    """Keys made anew for the same week are told apart."""
    one, two = keyset("camera-1").public, keyset("camera-2").public

    assert not {e.id for e in one.epochs} & {e.id for e in two.epochs}


def test_a_key_set_prints_no_secret() -> None:
    """A key set in a traceback or a log shows no device key."""
    assert "PRIVATE" not in repr(keyset())
