"""The vault opens with the right passphrases and is refused when anything in it was moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.crypto.create import create_epochs
from agent.crypto.devices import DeviceKey, DeviceKeys
from agent.crypto.files import put
from agent.crypto.keybox import KeyBox
from agent.crypto.keys import load_public
from agent.crypto.open import unlock
from agent.crypto.vault import CHEAPEST, Vault, load_vault
from agent.crypto.wrapping import derive, open_root, open_wrapping, public_half, stretch
from agent.errors import ConfigError, PassphraseWrong, SealError, UnknownKey
from tests.sealing import BUCKET_START, NOW, PASSPHRASE, keyset

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "keys-1"
SECOND = "vier blaue Elefanten"


@pytest.fixture(scope="module")
def pair() -> Vault:
    """Return a vault that two persons open."""
    return create_epochs(
        NOW, weeks=2, passphrase=PASSPHRASE, second_passphrase=SECOND, device_id="d",
        profile=CHEAPEST,
    ).vault  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a place for a vault's file."""
    return tmp_path / "epochs.toml"


def old_vault(file: Path) -> Vault:
    """Return what the first release wrote."""
    put(file, (VECTORS / "epochs.toml").read_bytes(), 0o600)
    return load_vault(file)


@pytest.mark.parametrize("order", [(PASSPHRASE, SECOND), (SECOND, PASSPHRASE)])
def test_two_persons_open_in_any_order(pair: Vault, order: tuple[str, str]) -> None:
    """Nobody has to remember who was first."""
    wrapping = open_wrapping(pair, *order)

    assert [len(wrapping.seed(epoch)) for epoch in pair.epochs] == [96, 96]


@pytest.mark.parametrize(
    "given",
    [
        (),
        (PASSPHRASE,),
        (SECOND,),
        (PASSPHRASE, PASSPHRASE),
        (SECOND, SECOND),
        (PASSPHRASE, ""),
        ("", SECOND),
        (PASSPHRASE + SECOND,),
        (PASSPHRASE, SECOND, SECOND),
    ],
)
def test_one_person_opens_nothing(pair: Vault, given: tuple[str, ...]) -> None:
    """One passphrase, twice the same, or one and a guess: refused."""
    with pytest.raises(PassphraseWrong):
        open_wrapping(pair, *given)


def test_one_persons_stretched_bytes_are_not_the_key(pair: Vault) -> None:
    """What one passphrase gives, with either salt, unwraps no half; nor does it as the only one."""
    from agent.crypto.wrapping import WrappingKey

    for passphrase in (PASSPHRASE, SECOND):
        for salt in pair.salts:
            for wrapping in (
                WrappingKey(stretch(passphrase, CHEAPEST, salt)),
                derive((passphrase,), CHEAPEST, (salt,)),
            ):
                with pytest.raises(PassphraseWrong):
                    wrapping.seed(pair.epochs[0])


def test_a_vault_for_two_can_not_be_turned_into_one_for_one(pair: Vault, file: Path) -> None:
    """With one salt taken out of the file, neither passphrase opens it."""
    for salt in pair.salts:
        put(file, replace(pair, salts=(salt,)).to_toml(), 0o600)
        for passphrase in (PASSPHRASE, SECOND):
            with pytest.raises(PassphraseWrong):
                unlock(file, passphrase)


def test_both_versions_come_back_as_they_were_written(pair: Vault, file: Path) -> None:
    """Reading and writing are inverse, for the first version as well."""
    old = old_vault(file)
    assert old.to_toml().split(b"\n", 2)[2] != b""
    put(file, old.to_toml(), 0o600)
    assert old == load_vault(file)

    put(file, pair.to_toml(), 0o600)
    assert pair == load_vault(file)


def test_the_first_releases_vault_opens(file: Path) -> None:
    """Files that version 0.1.0 wrote open with their passphrase, half by half."""
    old_vault(file)
    public = load_public(VECTORS / "public.toml")

    vault = load_vault(file)
    wrapping = open_wrapping(vault, PASSPHRASE)

    assert [e.public_key for e in public.epochs] == [
        public_half(wrapping.seed(e)) for e in vault.epochs
    ]
    assert unlock(file, PASSPHRASE).epochs == {e.id for e in public.epochs}


def test_the_first_releases_vault_vouches_for_no_device(file: Path) -> None:
    """It holds no verification key, and says so with advice instead of guessing."""
    old_vault(file)

    with pytest.raises(UnknownKey) as refusal:
        _ = unlock(file, PASSPHRASE).verifier
    assert "extend" in refusal.value.advice


@pytest.mark.parametrize("wrong", ["", PASSPHRASE.upper(), SECOND])
def test_the_first_releases_vault_refuses_too(file: Path, wrong: str) -> None:
    """The old wrapping is as strict as the new one."""
    old_vault(file)

    with pytest.raises(PassphraseWrong):
        unlock(file, wrong)


def test_an_old_vault_without_entries_can_not_be_tried(file: Path) -> None:
    """Nothing says whether a passphrase is right, so none is accepted."""
    old = replace(old_vault(file), epochs=())

    with pytest.raises(ConfigError, match="nothing"):
        open_wrapping(old, PASSPHRASE)


def test_a_changed_list_of_devices_is_refused(file: Path) -> None:
    """Whoever adds a verification key to the file can't sign it: opening is refused."""
    vault = keyset().vault
    foreign = DeviceKey(bytes(32), NOW)
    for devices in (
        DeviceKeys("camera-1", (*vault.root.devices.keys, foreign)),
        DeviceKeys("camera-1", (foreign,)),
        DeviceKeys("camera-2", vault.root.devices.keys),
        DeviceKeys("camera-1", (replace(vault.root.devices.keys[0], valid_to=NOW),)),
    ):
        put(file, replace(vault, root=replace(vault.root, devices=devices)).to_toml(), 0o600)
        with pytest.raises(SealError, match="changed"):
            unlock(file, PASSPHRASE)


@pytest.mark.parametrize("change", ["public", "wrapped", "serial", "signature"])
def test_a_changed_root_is_refused(file: Path, change: str) -> None:
    """A root key, its wrapping, its serial and its signature hold each other."""
    own, other = keyset().vault, keyset("camera-2").vault
    value = own.root.serial + 1 if change == "serial" else getattr(other.root, change)
    put(file, replace(own, root=replace(own.root, **{change: value})).to_toml(), 0o600)

    with pytest.raises(SealError, match="changed"):
        unlock(file, PASSPHRASE)


def test_another_vaults_root_is_refused(file: Path) -> None:
    """Root, list and signature of another site, all fitting each other, don't open here."""
    own, other = keyset().vault, keyset("camera-2").vault
    put(file, replace(own, root=other.root).to_toml(), 0o600)

    with pytest.raises(SealError, match="changed"):
        unlock(file, PASSPHRASE)


def test_the_root_opens_with_the_passphrase_only() -> None:
    """The root's private half belongs to the public one, and a stranger's key doesn't unwrap it."""
    vault = keyset().vault
    root = open_root(vault, open_wrapping(vault, PASSPHRASE))

    assert root.public_key().public_bytes_raw() == vault.root.public == keyset().public.root
    with pytest.raises(SealError):
        open_root(vault, derive(("another one",), CHEAPEST, vault.salts))


def test_an_epoch_twice_is_refused(file: Path) -> None:
    """A file in which an id stands twice isn't one that was written here."""
    vault = keyset().vault
    put(file, replace(vault, epochs=(*vault.epochs, vault.epochs[0])).to_toml(), 0o600)

    with pytest.raises(ConfigError, match="twice"):
        load_vault(file)


def test_the_opener_verifies_by_the_vault(file: Path) -> None:
    """The look-up that the vault vouches for knows this device, at this time, and no other."""
    put(file, keyset().vault.to_toml(), 0o600)
    verifier = unlock(file, PASSPHRASE).verifier

    assert verifier("camera-1", BUCKET_START)
    with pytest.raises(UnknownKey):
        verifier("camera-2", BUCKET_START)
    with pytest.raises(UnknownKey):
        verifier("camera-1", BUCKET_START - timedelta(days=30))


def test_a_swapped_public_side_is_noticed_when_opening(file: Path) -> None:
    """With public.toml and device.pem both exchanged, what the stranger signs doesn't verify."""
    from agent.crypto.seal import Sealer
    from agent.errors import SegmentTampered
    from tests.sealing import DELETE_BY, records

    foreign = create_epochs(NOW, weeks=1, passphrase=SECOND, device_id="camera-1", profile=CHEAPEST)
    mixed = replace(foreign.public, epochs=keyset().public.epochs)  # sealed to the right recipient
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    bucket = Sealer(mixed, load_pem_private_key(foreign.device_pem, None)).open_bucket(
        "door", BUCKET_START, 3600, delete_by=DELETE_BY, policy_digest="ab" * 32, models=(), now=NOW
    )  # fmt: skip
    segment = bucket.seal(records(5))
    put(file, keyset().vault.to_toml(), 0o600)
    opener = unlock(file, PASSPHRASE)

    with pytest.raises(SegmentTampered, match="signature"):
        opener.open(segment, bucket.sealed_key, opener.verifier, now=NOW)


def test_a_box_refuses_a_damaged_entry() -> None:
    """Keys are changed only while every private half opens; the advice says what to do."""
    vault = keyset().vault
    broken = replace(vault.epochs[0], wrapped=bytes(124))
    damaged = replace(vault, epochs=(broken, *vault.epochs[1:]))

    with pytest.raises(SealError, match="damaged") as refusal:
        KeyBox.opened(damaged, keyset().public, PASSPHRASE, now=NOW)
    assert "destroy" in refusal.value.advice


def test_a_box_refuses_another_sites_public_side() -> None:
    """Device, root, device keys and epochs must be this vault's own."""
    own, other = keyset(), keyset("camera-2")
    same_name = replace(other.public, devices=own.public.devices)
    bare = replace(own.public, root=None, serial=0, signature=None)
    for public in (
        other.public,
        same_name,
        replace(bare, devices=DeviceKeys("camera-1", (DeviceKey(bytes(32), NOW),))),
        replace(bare, epochs=other.public.epochs),
        replace(own.public, serial=7),
    ):
        with pytest.raises(SealError):
            KeyBox.opened(own.vault, public, PASSPHRASE, now=NOW)


def test_an_old_vault_needs_its_public_side() -> None:
    """Without public.toml nobody knows the device of a vault of version 1."""
    old = Vault(CHEAPEST, (bytes(16),), ())
    from agent.crypto.wrapping import WrappingKey

    wrapping = WrappingKey(stretch(PASSPHRASE, CHEAPEST, bytes(16)))
    epoch = wrapping.wrap("2026-W48-aaaaaaaa", NOW, NOW + timedelta(weeks=1), bytes(95) + b"\1")
    with pytest.raises(ConfigError, match=r"public\.toml"):
        KeyBox.opened(replace(old, epochs=(epoch,)), None, PASSPHRASE, now=NOW)


def test_a_vault_prints_no_secret() -> None:
    """A box in a traceback or a log shows no half, no root and no wrapping key."""
    box = KeyBox.opened(keyset().vault, keyset().public, PASSPHRASE, now=NOW)
    seed = box.state.halves[0].seed

    assert repr(seed)[2:20] not in repr(box)
    assert "root=" not in repr(box)
