"""`omokage keys` does what it says, asks before it harms, and writes it down first."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli.keys import keys
from agent.clock import SystemClock
from agent.config.site import Site
from agent.crypto import create
from agent.crypto.files import put
from agent.crypto.keys import load_public, load_signer
from agent.crypto.open import unlock
from agent.crypto.vault import CHEAPEST, load_vault
from agent.domain.access import Action, Decision
from agent.domain.retention import LegalHold
from agent.domain.segment import delete_by
from agent.errors import (
    ConfigError,
    NoRecipient,
    PassphraseWrong,
    PolicyEmpty,
    PolicyForbids,
    SealError,
    StoreError,
    UnknownKey,
)
from agent.store.access_log import AccessReader
from agent.store.segments import SegmentStore
from tests.sealing import records

ROOT = Path(__file__).resolve().parents[3]
VECTORS = ROOT / "tests" / "vectors" / "keys-1"
PASSPHRASE = "a passphrase for tests"
OTHER = "another phrase of words"
THIRD = "some third thing to say"
AWAY = ("--no-holds", "--retention", "72h")
"""Options for a machine without the records and without a policy."""


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the cheapest Argon2 cost."""
    defaults = {**create.create_epochs.__kwdefaults__, "profile": CHEAPEST}
    monkeypatch.setattr(create.create_epochs, "__kwdefaults__", defaults)


def call(site: Path, *arguments: str, typed: str | None = None) -> Result:
    """Run `omokage keys` and let refusals through."""
    return CliRunner().invoke(
        keys, [*arguments, "--site", str(site)], input=typed, catch_exceptions=True
    )


def secret(folder: Path, words: str) -> tuple[str, str]:
    """Return the options that give a passphrase by a file."""
    path = folder / f"{words.split(maxsplit=1)[0]}.secret"
    path.write_text(words)
    return "--passphrase-file", str(path)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with five weeks of keys."""
    place = Site(tmp_path / "shop")
    given = secret(tmp_path, PASSPHRASE)
    assert call(place.root, "init", "--weeks", "5", *given).exit_code == 0
    return place


@pytest.fixture
def one(tmp_path: Path) -> tuple[str, str]:
    """Return the options that give the site's passphrase."""
    return secret(tmp_path, PASSPHRASE)


def entries(site: Site) -> list[tuple[Action, Decision, tuple[str, ...]]]:
    """Return what the access log holds, oldest first."""
    reader = AccessReader(site.access_log)
    found = sorted(reader.entries(), key=lambda entry: entry.number)
    return [(e.event.action, e.event.decision, e.event.objects) for e in found]


def seal_into(site: Site, now: datetime) -> str:
    """Put one sealed bucket into the site's store; return its epoch."""
    from agent.crypto.seal import load_sealer

    start = now.replace(minute=0, second=0, microsecond=0)
    bucket = load_sealer(site.public_keys, site.device_key).open_bucket(
        "door", start, 3600, delete_by=delete_by(start, 3600, timedelta(days=3)),
        policy_digest="ab" * 32, models=(), now=now,
    )  # fmt: skip
    with SegmentStore(site.segments) as store:
        store.append(bucket.seal(records(5)), bucket.sealed_key)
    return bucket.sealed_key.epoch


def test_init_asks_twice_and_makes_keys_that_open(tmp_path: Path) -> None:
    """The passphrase that was typed opens the vault, and the loss of it is spelled out."""
    result = call(tmp_path, "init", "--weeks", "5", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")

    assert result.exit_code == 0
    assert "nobody can recover" in result.output
    assert "written on paper" in result.output
    assert re.search(r"fingerprint +([0-9A-Z]{4}-){4}[0-9A-Z]{4}\n", result.output)
    assert PASSPHRASE not in result.output
    assert len(unlock(Site(tmp_path).vault, PASSPHRASE).epochs) == 5


def test_init_reads_the_passphrase_from_a_file(tmp_path: Path) -> None:
    """A file's first line is the passphrase; its line end isn't part of it."""
    secret_file = tmp_path / "secret"
    secret_file.write_text(f"{PASSPHRASE}\r\nsecond line\n")

    result = call(tmp_path, "init", "--weeks", "1", "--passphrase-file", str(secret_file))

    assert result.exit_code == 0
    assert unlock(Site(tmp_path).vault, PASSPHRASE).epochs


def test_two_persons_open_together_and_not_alone(tmp_path: Path) -> None:
    """With --two-persons each types a passphrase, and both are needed, in any order."""
    typed = f"{PASSPHRASE}\n{PASSPHRASE}\n{OTHER}\n{OTHER}\n"

    result = call(tmp_path, "init", "--two-persons", "--weeks", "1", typed=typed)

    assert result.exit_code == 0
    assert "two persons together" in result.output
    vault = Site(tmp_path).vault
    assert unlock(vault, OTHER, PASSPHRASE).epochs
    for given in ((PASSPHRASE,), (OTHER,), (PASSPHRASE, PASSPHRASE), (OTHER, OTHER)):
        with pytest.raises(PassphraseWrong):
            unlock(vault, *given)


def test_two_persons_with_one_passphrase_make_no_keys(tmp_path: Path) -> None:
    """The second person must choose one of his own."""
    typed = f"{PASSPHRASE}\n" * 4

    result = call(tmp_path, "init", "--two-persons", typed=typed)

    assert isinstance(result.exception, ConfigError)
    assert list(tmp_path.iterdir()) == []


def test_a_mistyped_passphrase_makes_no_keys(tmp_path: Path) -> None:
    """Two different passphrases, and nothing is written."""
    result = call(tmp_path, "init", typed=f"{PASSPHRASE}\nanother one\n")

    assert result.exit_code != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"short\n", b"", b"\xff\xfe\n", b"password123456\n", b"camera-1camera-1\n"]
)
def test_an_unusable_passphrase_file_makes_no_keys(tmp_path: Path, content: bytes) -> None:
    """A short, empty, unreadable or obvious passphrase is refused before anything is written."""
    secret_file = tmp_path / "secret"
    secret_file.write_bytes(content)

    result = call(tmp_path, "init", "--passphrase-file", str(secret_file))

    assert isinstance(result.exception, ConfigError)
    assert not Site(tmp_path).vault.exists()


def test_init_refuses_a_site_that_has_keys(site: Site) -> None:
    """The refusal comes before a passphrase is asked for."""
    result = call(site.root, "init", typed="")

    assert isinstance(result.exception, ConfigError)
    assert "assphrase" not in result.output


def test_nothing_is_made_that_can_not_be_written_down(tmp_path: Path, one: tuple[str, str]) -> None:
    """Where the access log refuses, there are no keys."""
    site = Site(tmp_path / "shop")
    site.access_log.parent.mkdir(parents=True)
    site.access_log.write_text("not a database" * 99)

    result = call(site.root, "init", *one)

    assert isinstance(result.exception, StoreError)
    assert not site.vault.exists()
    assert not site.public_keys.exists()


def test_the_log_knows_every_change_before_it_is_done(site: Site, one: tuple[str, str]) -> None:
    """Creation, opening, extension, replacement and destruction name their epochs, no secret."""
    made = tuple(e.id for e in load_public(site.public_keys).epochs)
    call(site.root, "extend", "--weeks", "1", *one)
    call(site.root, "rotate", "--device", "--yes", *one)
    last = load_public(site.public_keys).epochs[-1].id
    call(site.root, "destroy", last, "--confirm", last, *AWAY, *one)

    log = entries(site)

    assert log[0] == (Action.KEYS_CREATED, Decision.ALLOWED, made)
    assert [e[0] for e in log[1:]] == [
        Action.UNLOCKED, Action.KEYS_EXTENDED,
        Action.UNLOCKED, Action.KEYS_ROTATED,
        Action.KEYS_DESTROYED, Action.UNLOCKED,
    ]  # fmt: skip
    assert log[2][2] == log[5][2] == (last,)
    assert PASSPHRASE.encode() not in site.access_log.read_bytes()


def test_a_wrong_passphrase_is_written_down_and_changes_nothing(site: Site, tmp_path: Path) -> None:
    """Who tries is on record, and the files are as they were."""
    before = site.vault.read_bytes(), site.public_keys.read_bytes()

    result = call(site.root, "extend", *secret(tmp_path, OTHER))

    assert isinstance(result.exception, PassphraseWrong)
    assert before == (site.vault.read_bytes(), site.public_keys.read_bytes())
    assert [e[:2] for e in entries(site)[1:]] == [
        (Action.UNLOCKED, Decision.ALLOWED),
        (Action.UNLOCKED, Decision.REFUSED),
    ]


def test_status_shows_the_epoch_in_use_and_the_days_left(tmp_path: Path) -> None:
    """With half a year ahead there is no warning."""
    call(tmp_path, "init", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")

    result = call(tmp_path, "status")

    assert result.exit_code == 0
    assert "epochs       26" in result.output
    assert result.output.count("\n*") == 1
    assert "more days" in result.output
    assert result.stderr == ""


def test_status_warns_four_weeks_ahead(tmp_path: Path) -> None:
    """Under 28 days of runway the operator is told, and the command still ends well."""
    call(tmp_path, "init", "--weeks", "4", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")

    result = call(tmp_path, "status")

    assert "warning: the keys run out" in result.stderr
    assert result.exit_code == 0


def test_status_without_a_valid_epoch_is_refused(site: Site) -> None:
    """Keys that are all over end with the code of a missing recipient, after they were shown."""
    old = create.create_epochs(
        SystemClock().now() - timedelta(weeks=9), weeks=2, passphrase=PASSPHRASE, device_id="d"
    )
    put(site.public_keys, old.public.to_toml(), 0o644)

    result = call(site.root, "status")

    assert isinstance(result.exception, NoRecipient)
    assert "epochs       2" in result.output


def test_status_without_keys_is_refused(tmp_path: Path) -> None:
    """A site without keys has no recipient, and the exit says so."""
    assert isinstance(call(tmp_path, "status").exception, NoRecipient)


def test_status_as_json_says_the_same(site: Site) -> None:
    """Scripts get device, fingerprint, epochs and runway as values."""
    text, report = call(site.root, "status").stdout, call(site.root, "status", "--json").stdout
    values = json.loads(report)

    assert values["fingerprint"] in text
    assert values["keys_until"].startswith(values["epochs"][-1]["valid_to"][:10])
    assert [e["in_use"] for e in values["epochs"]] == [True, False, False, False, False]
    assert values["warnings"] == []
    assert values["persons"] == 1


def test_status_on_the_camera_machine_needs_no_vault(site: Site) -> None:
    """Without the vault the public side is shown, and nobody is alarmed."""
    site.vault.unlink()

    result = call(site.root, "status")

    assert result.exit_code == 0
    assert "not here" in result.output


def test_old_unsigned_keys_warn_until_they_are_extended(tmp_path: Path) -> None:
    """Keys of the first release are accepted with a warning, and `extend` signs them."""
    site = Site(tmp_path)
    old = create.create_epochs(SystemClock().now(), weeks=5, passphrase=OTHER, device_id="camera-1")
    _as_version_1(site, old)

    before, extended = call(tmp_path, "status"), call(
        tmp_path, "extend", "--weeks", "1", *secret(tmp_path, OTHER)
    )  # fmt: skip
    after = call(tmp_path, "status")

    assert "isn't signed" in before.stderr
    assert extended.exit_code == 0, extended.exception
    assert "isn't signed" not in after.stderr
    assert unlock(site.vault, OTHER).verifier.device == "camera-1"


def _as_version_1(site: Site, made: create.KeySet) -> None:
    """Write keys as the first release did."""
    from dataclasses import replace

    from agent.crypto.vault import Vault
    from agent.crypto.wrapping import WrappingKey, open_wrapping, stretch

    salt, opened = bytes(16), open_wrapping(made.vault, OTHER)
    wrapping = WrappingKey(stretch(OTHER, CHEAPEST, salt))
    epochs = tuple(
        wrapping.wrap(e.id, e.valid_from, e.valid_to, opened.seed(e)) for e in made.vault.epochs
    )
    bare = replace(made.public, root=None, serial=0, signature=None)
    create.write_keys(site, create.KeySet(bare, Vault(CHEAPEST, (salt,), epochs), made.device_pem))


def test_extend_goes_on_where_the_keys_end(site: Site, one: tuple[str, str]) -> None:
    """New weeks follow the last one; what was there stays; the vault opens all of them."""
    before = load_public(site.public_keys).epochs

    result = call(site.root, "extend", "--weeks", "3", *one)

    after = load_public(site.public_keys).epochs
    assert result.exit_code == 0
    assert after[:5] == before
    assert [e.valid_from for e in after[1:]] == [e.valid_to for e in after[:-1]]
    assert unlock(site.vault, PASSPHRASE).epochs == {e.id for e in after}


def test_extend_refuses_a_vault_that_is_not_there(site: Site, one: tuple[str, str]) -> None:
    """Without the vault there is nothing to extend, and the advice names the option."""
    site.vault.unlink()

    result = call(site.root, "extend", *one)

    assert isinstance(result.exception, ConfigError)
    assert "--vault" in result.exception.advice


def test_the_vault_may_lie_elsewhere(site: Site, tmp_path: Path, one: tuple[str, str]) -> None:
    """A vault on the reviewer's stick is named with --vault."""
    stick = tmp_path / "stick" / "epochs.toml"
    stick.parent.mkdir(mode=0o700)
    site.vault.rename(stick)

    result = call(site.root, "extend", "--weeks", "1", "--vault", str(stick), *one)

    assert result.exit_code == 0
    assert not site.vault.exists()
    assert len(unlock(stick, PASSPHRASE).epochs) == 6


def test_extend_refuses_keys_beyond_ten_years(site: Site, one: tuple[str, str]) -> None:
    """Nobody makes keys for ever by giving the command again and again."""
    result = call(site.root, "extend", "--weeks", "520", *one)

    assert isinstance(result.exception, ConfigError)
    assert len(load_public(site.public_keys).epochs) == 5


def test_a_vault_from_last_month_is_refused(site: Site, one: tuple[str, str]) -> None:
    """An older copy of the vault would drop private halves: it isn't written back."""
    old = site.vault.read_bytes()
    call(site.root, "extend", "--weeks", "1", *one)
    put(site.vault, old, 0o600)

    result = call(site.root, "extend", *one)

    assert isinstance(result.exception, SealError)
    assert "older" in str(result.exception)


def test_rotate_needs_one_kind(site: Site) -> None:
    """Nobody guesses what should be replaced."""
    assert isinstance(call(site.root, "rotate").exception, ConfigError)


def test_rotate_asks_first(site: Site, one: tuple[str, str]) -> None:
    """Without a yes nothing is replaced."""
    before = site.vault.read_bytes(), site.device_key.read_bytes()

    for kind in ("--device", "--epoch"):
        result = call(site.root, "rotate", kind, *one, typed="n\n")
        assert result.exit_code == 1

    assert before == (site.vault.read_bytes(), site.device_key.read_bytes())


def test_a_new_passphrase_replaces_the_old_one(site: Site, one: tuple[str, str]) -> None:
    """All halves open with the new one and with nothing else; the fingerprint stays."""
    before = load_public(site.public_keys)

    result = call(site.root, "rotate", "--passphrase", "--yes", *one, typed=f"{OTHER}\n{OTHER}\n")

    assert result.exit_code == 0
    assert len(unlock(site.vault, OTHER).epochs) == 5
    with pytest.raises(PassphraseWrong):
        unlock(site.vault, PASSPHRASE)
    assert before == load_public(site.public_keys)


def test_one_person_can_become_two(site: Site, tmp_path: Path, one: tuple[str, str]) -> None:
    """With --persons 2 the vault needs both from now on."""
    files = [secret(tmp_path, words)[1] for words in (OTHER, THIRD)]

    result = call(
        site.root, "rotate", "--passphrase", "--persons", "2", "--yes", *one,
        "--new-passphrase-file", files[0], "--new-passphrase-file", files[1],
    )  # fmt: skip

    assert result.exit_code == 0
    assert len(unlock(site.vault, THIRD, OTHER).epochs) == 5
    with pytest.raises(PassphraseWrong, match="two"):
        unlock(site.vault, PASSPHRASE)


@pytest.mark.parametrize("weak", ["short", "password123456", "aaaaaaaaaaaaaaaa"])
def test_a_weak_new_passphrase_changes_nothing(site: Site, one: tuple[str, str], weak: str) -> None:
    """The new passphrase is judged like the first one."""
    before = site.vault.read_bytes()

    result = call(site.root, "rotate", "--passphrase", "--yes", *one, typed=f"{weak}\n{weak}\n")

    assert isinstance(result.exception, ConfigError)
    assert before == site.vault.read_bytes()


def test_a_new_device_key_signs_and_the_old_one_verifies(site: Site, one: tuple[str, str]) -> None:
    """The device signs with the new key; the old one stays listed, with its end."""
    old = load_public(site.public_keys).verify_key

    result = call(site.root, "rotate", "--device", "--yes", *one)

    public = load_public(site.public_keys)
    assert result.exit_code == 0
    assert public.verify_key == load_signer(site.device_key).public_key().public_bytes_raw()
    assert [k.key for k in public.devices.keys] == [old, public.verify_key]
    assert public.devices.keys[0].valid_to is not None
    assert not public.devices.accepts(old)


def test_a_new_recipient_takes_over_within_the_week(site: Site, one: tuple[str, str]) -> None:
    """From the next bucket on another key is in use; the old one still opens what it has."""
    before = load_public(site.public_keys).epochs[0]

    result = call(site.root, "rotate", "--epoch", "--yes", *one)

    first, second, *_ = load_public(site.public_keys).epochs
    if result.exception is not None:  # in the very last hour of a week there is nothing to replace
        assert "ends with the running bucket" in str(result.exception)
        return
    assert first.id == before.id
    assert first.valid_to == second.valid_from
    assert second.valid_to == before.valid_to
    assert {first.id, second.id} <= unlock(site.vault, PASSPHRASE).epochs


def test_destroy_needs_to_be_told_what(site: Site) -> None:
    """Neither nothing nor two things at once."""
    for given in ((), ("--all", "--expired"), ("--expired", "2026-W48-aaaaaaaa")):
        assert isinstance(call(site.root, "destroy", *given, *AWAY).exception, ConfigError)


def test_destroying_an_epoch_in_use_is_typed_and_signed(site: Site, one: tuple[str, str]) -> None:
    """The id is typed, public.toml forgets the epoch, the vault too."""
    doomed = load_public(site.public_keys).epochs[2].id

    result = call(site.root, "destroy", doomed, *AWAY, *one, typed=f"{doomed}\n")

    assert result.exit_code == 0, result.exception
    assert doomed not in {e.id for e in load_public(site.public_keys).epochs}
    assert doomed not in unlock(site.vault, PASSPHRASE).epochs
    assert len(load_vault(site.vault).epochs) == 4


@pytest.mark.parametrize("typed", ["", "yes\n", "2026-W01-00000000\n"])
def test_destroying_without_the_right_word_destroys_nothing(
    site: Site, one: tuple[str, str], typed: str
) -> None:
    """Anything but the id itself leaves everything as it was."""
    doomed = load_public(site.public_keys).epochs[0].id
    before = site.vault.read_bytes()

    result = call(site.root, "destroy", doomed, *AWAY, *one, typed=typed)

    assert result.exit_code != 0
    assert before == site.vault.read_bytes()


def test_destroying_an_epoch_in_use_needs_the_passphrase(site: Site, tmp_path: Path) -> None:
    """Without it public.toml couldn't be signed, so the private half stays."""
    doomed = load_public(site.public_keys).epochs[0].id
    wrong = secret(tmp_path, OTHER)

    result = call(site.root, "destroy", doomed, *AWAY, "--confirm", doomed, *wrong)

    assert isinstance(result.exception, PassphraseWrong)
    assert doomed in unlock(site.vault, PASSPHRASE).epochs
    assert doomed in {e.id for e in load_public(site.public_keys).epochs}


def test_an_unknown_epoch_is_not_destroyed(site: Site) -> None:
    """A misspelt id is refused before anything is asked."""
    result = call(site.root, "destroy", "2026-W01-00000000", *AWAY)

    assert isinstance(result.exception, UnknownKey)


def test_expired_takes_what_is_over_and_nothing_else(site: Site) -> None:
    """Without passphrase and without a question; this week's epoch stays."""
    old = create.create_epochs(
        SystemClock().now() - timedelta(weeks=3), weeks=5, passphrase=PASSPHRASE, device_id="d"
    )
    for path, content in (
        (site.vault, old.vault.to_toml()),
        (site.public_keys, old.public.to_toml()),
    ):
        put(path, content, 0o600)

    dry = call(site.root, "destroy", "--expired", "--dry-run", "--no-holds", "--retention", "7d")
    result = call(site.root, "destroy", "--expired", "--no-holds", "--retention", "7d")

    ids = [e.id for e in old.vault.epochs]
    assert "Nothing was destroyed; 2 would be" in dry.output or "; 1 would be" in dry.output
    assert result.exit_code == 0
    left = {e.id for e in load_vault(site.vault).epochs}
    assert set(ids[3:]) <= left
    assert ids[0] not in left


def test_expired_needs_to_know_how_long_records_are_kept(site: Site) -> None:
    """Neither policy nor --retention: refused."""
    result = call(site.root, "destroy", "--expired", "--no-holds")

    assert isinstance(result.exception, PolicyEmpty)


def test_expired_needs_to_know_about_holds(site: Site) -> None:
    """Where the records aren't, somebody has to say that no hold keeps any."""
    result = call(site.root, "destroy", "--expired", "--retention", "72h")

    assert isinstance(result.exception, ConfigError)
    assert "--no-holds" in result.exception.advice


def test_a_legal_hold_keeps_its_epoch(site: Site, one: tuple[str, str]) -> None:
    """Neither by id nor with --all is an epoch destroyed whose records are held."""
    now = SystemClock().now()
    held = seal_into(site, now)
    with SegmentStore(site.segments) as store:
        store.holds.place(
            LegalHold("h1", None, now - timedelta(days=1), now + timedelta(days=1), "a reason",
                      "an approver", now, now + timedelta(days=30))
        )  # fmt: skip

    named = call(site.root, "destroy", held, "--retention", "72h", "--confirm", held, *one)
    everything = call(site.root, "destroy", "--all", "--confirm", "shop")

    assert isinstance(named.exception, PolicyForbids)
    assert isinstance(everything.exception, PolicyForbids)
    assert held in unlock(site.vault, PASSPHRASE).epochs


def test_all_needs_the_sites_name(site: Site) -> None:
    """Another name, and every private half is still there."""
    result = call(site.root, "destroy", "--all", "--no-holds", typed="yes\n")

    assert isinstance(result.exception, ConfigError)
    assert len(unlock(site.vault, PASSPHRASE).epochs) == 5
    assert site.public_keys.exists()


def test_all_ends_everything_but_the_root(site: Site, one: tuple[str, str]) -> None:
    """No passphrase is needed; afterwards nothing opens, and new keys have the old fingerprint."""
    root = load_public(site.public_keys).root

    result = call(site.root, "destroy", "--all", "--no-holds", typed="shop\n")

    assert result.exit_code == 0
    with pytest.raises(UnknownKey):
        unlock(site.vault, PASSPHRASE)
    assert isinstance(call(site.root, "status").exception, NoRecipient)
    assert call(site.root, "extend", "--weeks", "1", *one).exit_code == 0
    assert load_public(site.public_keys).root == root


def test_verify_is_content_with_what_belongs_together(site: Site, one: tuple[str, str]) -> None:
    """Every half is counted, and the fingerprint is shown to be compared."""
    result = call(site.root, "verify", *one)

    assert result.exit_code == 0
    assert "5 private halves belong" in result.output
    assert "paper form" in result.output


def test_verify_finds_a_swapped_public_side(site: Site, one: tuple[str, str]) -> None:
    """A public.toml that fits its own signature, but isn't this vault's, is a problem."""
    foreign = create.create_epochs(
        SystemClock().now(), weeks=5, passphrase=OTHER, device_id="camera-1"
    )
    put(site.public_keys, foreign.public.to_toml(), 0o644)

    result = call(site.root, "verify", *one)

    assert isinstance(result.exception, SealError)
    assert "another root key" in result.stderr
    assert "no private half" in result.stderr


def test_verify_with_a_wrong_passphrase_says_nothing_about_the_keys(
    site: Site, tmp_path: Path
) -> None:
    """No count, no fingerprint of the vault: nothing was opened."""
    result = call(site.root, "verify", *secret(tmp_path, OTHER))

    assert isinstance(result.exception, PassphraseWrong)
    assert "belong" not in result.output


def test_export_writes_what_the_agent_reads(site: Site, tmp_path: Path) -> None:
    """To a file or to the standard output, and the fingerprint goes beside it."""
    out = tmp_path / "public.toml"

    first, second = call(site.root, "export-public"), call(
        site.root, "export-public", "--out", str(out)
    )  # fmt: skip

    assert first.stdout.encode() == site.public_keys.read_bytes() == out.read_bytes()
    assert "fingerprint" in first.stderr
    assert "fingerprint" in second.stderr


def test_export_replaces_an_older_one_only(
    site: Site, tmp_path: Path, one: tuple[str, str]
) -> None:
    """A newer file, another site's file and any other file are left alone."""
    out = tmp_path / "public.toml"
    call(site.root, "export-public", "--out", str(out))
    call(site.root, "extend", "--weeks", "1", *one)
    newest = site.public_keys.read_bytes()
    assert call(site.root, "export-public", "--out", str(out)).exit_code == 0
    assert out.read_bytes() == newest

    call(site.root, "extend", "--weeks", "1", *one)
    put(out, site.public_keys.read_bytes(), 0o644)
    put(site.public_keys, newest, 0o644)
    other = tmp_path / "other.toml"
    other.write_bytes(
        create.create_epochs(
            SystemClock().now(), weeks=1, passphrase=OTHER, device_id="d"
        ).public.to_toml()
    )
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")

    for target in (out, other, notes):
        before = target.read_bytes()
        result = call(site.root, "export-public", "--out", str(target))
        assert isinstance(result.exception, ConfigError)
        assert before == target.read_bytes()
