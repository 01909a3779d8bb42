"""A destroyed epoch is gone from the vault's bytes, and nothing is destroyed before its time."""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from agent.crypto.destroy import Span, destroy_epochs, destroyable
from agent.crypto.files import put
from agent.crypto.open import unlock
from agent.crypto.vault import load_vault
from agent.errors import ConfigError, SegmentTampered, UnknownKey
from tests.sealing import NOW, PASSPHRASE, bucket, keyset, records

ROOT = Path(__file__).resolve().parents[3]
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
LIVES = {"retention": 3 * DAY, "bucket": HOUR}


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """Return a vault of three epochs on the disk."""
    path = tmp_path / "vault" / "epochs.toml"
    path.parent.mkdir(mode=0o700)
    put(path, keyset().vault.to_toml(), 0o600)
    return path


@pytest.mark.parametrize(
    ("since", "gone"),
    [
        (-WEEK, False),
        (timedelta(0), False),
        (HOUR, False),
        (3 * DAY, False),
        (3 * DAY + HOUR - timedelta(seconds=1), False),
        (3 * DAY + HOUR, True),
        (9 * WEEK, True),
    ],
)
def test_an_epoch_may_go_after_its_last_records_deadline(since: timedelta, gone: bool) -> None:
    """The last bucket begins before the epoch's end and lasts for its length and the retention."""
    spans = [Span("a", NOW)]

    assert (("a",) if gone else ()) == destroyable(spans, NOW + since, **LIVES)


def test_a_blocked_epoch_stays_for_as_long_as_it_is_blocked() -> None:
    """A legal hold on any of its records keeps the key."""
    spans = [Span("a", NOW), Span("b", NOW)]

    assert destroyable(spans, NOW + 9 * WEEK, blocked={"a"}, **LIVES) == ("b",)


def test_destroyed_halves_are_gone_and_the_others_open(vault: Path) -> None:
    """The entry leaves the file; what remains opens with the same passphrase, root included."""
    first, second, third = (epoch.id for epoch in keyset().vault.epochs)

    assert destroy_epochs(vault, {second, first}) == (first, second)

    opener = unlock(vault, PASSPHRASE)
    assert opener.epochs == {third}
    assert opener.verifier.device == "camera-1"


def test_the_bytes_are_overwritten_where_they_lay(vault: Path) -> None:
    """Whoever had the old file open finds no wrapped half of the epoch in it, in no spelling."""
    doomed = keyset().vault.epochs[0]

    with vault.open("rb") as old:
        destroy_epochs(vault, {doomed.id})
        left = old.read()
    everything = left + b"".join(p.read_bytes() for p in vault.parent.iterdir())

    for spelled in (
        doomed.wrapped,
        base64.b64encode(doomed.wrapped),
        doomed.wrapped.hex().encode(),
    ):
        assert spelled not in everything


def test_a_backup_of_the_records_opens_no_more(vault: Path) -> None:
    """Segments copied before the destruction stay shut, with the right passphrase."""
    writer = bucket()
    copied = writer.seal(records(5))

    destroy_epochs(vault, {writer.sealed_key.epoch})

    opener = unlock(vault, PASSPHRASE)
    with pytest.raises(UnknownKey):
        opener.open(copied, writer.sealed_key, opener.verifier, now=NOW)


def test_another_epochs_half_does_not_help(vault: Path) -> None:
    """What is left in the vault opens nothing of the destroyed week."""
    writer = bucket()
    copied = writer.seal(records(5))
    destroy_epochs(vault, {writer.sealed_key.epoch})
    opener = unlock(vault, PASSPHRASE)
    other = next(iter(opener.epochs))
    opener._epochs[writer.sealed_key.epoch] = opener._epochs[other]

    with pytest.raises(SegmentTampered):
        opener.open(copied, writer.sealed_key, opener.verifier, now=NOW)


def test_an_unknown_epoch_destroys_nothing(vault: Path) -> None:
    """One wrong id among right ones, and all stay."""
    ids = [epoch.id for epoch in keyset().vault.epochs]
    before = vault.read_bytes()

    with pytest.raises(UnknownKey, match="2026-W01"):
        destroy_epochs(vault, {*ids, "2026-W01-00000000"})

    assert before == vault.read_bytes()


def test_nothing_to_destroy_writes_nothing(vault: Path) -> None:
    """An empty list leaves the very file."""
    before = vault.stat().st_ino

    assert destroy_epochs(vault, ()) == ()
    assert before == vault.stat().st_ino


def test_a_vault_that_others_can_read_is_not_touched(vault: Path) -> None:
    """The operator is told first; somebody may have copied it."""
    vault.chmod(0o644)

    with pytest.raises(ConfigError, match="others"):
        destroy_epochs(vault, {keyset().vault.epochs[0].id})


PROGRAM = """
import os, signal, sys
from pathlib import Path
from agent.crypto.destroy import destroy_epochs
kind, number = sys.argv[2], int(sys.argv[3])
seen = 0
def hook(name, args):
    global seen
    if name == kind:
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
destroy_epochs(Path(sys.argv[1]), sys.argv[4:])
"""
"""Kills itself just before the N-th system call of a kind."""


@pytest.mark.parametrize(
    ("kind", "number"),
    [("os.rename", 1), ("os.link", 1), ("os.remove", 1), ("tempfile.mkstemp", 1)],
)
def test_killed_in_the_middle_the_vault_still_opens(vault: Path, kind: str, number: int) -> None:
    """Wherever it stops, the other epochs open, the doomed one doesn't, and again finishes it."""
    doomed, *kept = (epoch.id for epoch in keyset().vault.epochs)

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(vault), kind, str(number), doomed],
        check=False, cwd=ROOT,
    )  # fmt: skip

    assert done.returncode == -signal.SIGKILL
    assert unlock(vault, PASSPHRASE).epochs == set(kept)
    if doomed in {epoch.id for epoch in load_vault(vault).epochs}:
        assert destroy_epochs(vault, {doomed}) == (doomed,)
    else:
        destroy_epochs(vault, ())
    raw = b"".join(path.read_bytes() for path in vault.parent.iterdir())
    assert keyset().vault.epochs[0].spelled not in raw
    assert list(vault.parent.iterdir()) == [vault]
