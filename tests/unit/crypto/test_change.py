"""A change to the keys may stop between any two steps: what is sealed opens, and verifies."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.config.site import Site
from agent.crypto.change import (
    KeyPaths,
    Step,
    adding,
    carry_out,
    open_box,
    reclosing,
    replacing_device,
    withdrawing,
)
from agent.crypto.create import write_keys
from agent.crypto.destroy import destroy_epochs
from agent.crypto.files import exclusive
from agent.crypto.keybox import KeyBox
from agent.crypto.keys import load_public
from agent.crypto.lifecycle import extended, with_new_epoch
from agent.crypto.open import unlock
from agent.crypto.seal import load_sealer
from agent.errors import ConfigError, NoRecipient, PassphraseWrong, SealError
from tests.sealing import BUCKET_START, DIGEST, NOW, PASSPHRASE, keyset, records

ROOT = Path(__file__).resolve().parents[3]
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)


@pytest.fixture
def paths(tmp_path: Path) -> KeyPaths:
    """Return a site's key files on the disk."""
    site = Site(tmp_path)
    write_keys(site, keyset())
    return KeyPaths.of(site)


def box_of(paths: KeyPaths, passphrase: str = PASSPHRASE) -> KeyBox:
    """Open the site's vault for a change."""
    return open_box(paths, passphrase, now=NOW)


def round_trip(paths: KeyPaths, now: datetime = NOW, *given: str) -> None:
    """Seal as the agent does, from the files as they are; open as the reviewer does."""
    start = now.replace(minute=0, second=0)
    writer = load_sealer(paths.public, paths.device).open_bucket(
        "door", start, 3600, delete_by=start + WEEK, policy_digest=DIGEST, models=(), now=now
    )
    segment = writer.seal(records(5))
    opener = unlock(paths.vault, *(given or (PASSPHRASE,)))
    assert len(opener.open(segment, writer.sealed_key, opener.verifier, now=now)) == 5


def longer(paths: KeyPaths) -> list[Step]:
    """Return the steps of an extension."""
    box = box_of(paths)
    return adding(paths, box.become(extended(box.state, NOW, 2)))


def fresh_recipient(paths: KeyPaths) -> list[Step]:
    """Return the steps of a new recipient within the week."""
    box = box_of(paths)
    return adding(paths, box.become(with_new_epoch(box.state, BUCKET_START + HOUR)))


def fresh_device(paths: KeyPaths) -> list[Step]:
    """Return the steps of a new signing key."""
    return replacing_device(paths, box_of(paths), NOW)


def without_a_week(paths: KeyPaths) -> list[Step]:
    """Return the steps that take a later week off the public side."""
    return withdrawing(paths, box_of(paths), frozenset({keyset().public.epochs[2].id}))


CHANGES = [(longer, 2), (fresh_recipient, 2), (fresh_device, 5), (without_a_week, 2)]
CUTS = [(change, cut) for change, steps in CHANGES for cut in range(steps + 1)]


@pytest.mark.parametrize(("change", "cut"), CUTS)
def test_stopped_after_any_step_the_site_works(paths: KeyPaths, change, cut: int) -> None:
    """Agent and reviewer go on from the files as they lie, now and after the instant of change."""
    steps = change(paths)

    carry_out(steps[:cut])

    round_trip(paths, NOW)
    round_trip(paths, NOW + 2 * HOUR)
    round_trip(paths, NOW + WEEK)


@pytest.mark.parametrize(("change", "cut"), CUTS)
def test_stopped_after_any_step_the_change_can_be_given_again(
    paths: KeyPaths, change, cut: int
) -> None:
    """The vault opens for a change, the change is done, and everything fits afterwards."""
    carry_out(change(paths)[:cut])

    if cut and change is fresh_recipient:
        with pytest.raises(ConfigError, match="running bucket"):
            change(paths)
        carry_out(longer(paths))  # any other change brings the public side up to date
    else:
        carry_out(change(paths))

    public, opener = load_public(paths.public), unlock(paths.vault, PASSPHRASE)
    assert {e.id for e in public.epochs} <= opener.epochs
    assert public.devices == opener.verifier
    assert sum(key.valid_to is None for key in public.devices.keys) == 1
    round_trip(paths, NOW + WEEK)


PROGRAM = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from agent.config.site import Site
from agent.crypto.change import KeyPaths, adding, carry_out, open_box, replacing_device
from agent.crypto.lifecycle import extended
paths = KeyPaths.of(Site(Path(sys.argv[1])))
now, number = datetime.fromisoformat(sys.argv[3]), int(sys.argv[4])
box = open_box(paths, sys.argv[5], now=now)
longer = box.become(extended(box.state, now, 1))
steps = adding(paths, longer) if sys.argv[2] == "extend" else replacing_device(paths, box, now)
seen = 0
def hook(name, args):
    global seen
    if name in ("os.rename", "os.link", "os.remove"):
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
carry_out(steps)
"""
"""Kills itself just before the N-th change of a name on the disk."""


@pytest.mark.parametrize(
    ("what", "number"),
    [("extend", n) for n in range(1, 9)] + [("device", n) for n in range(1, 21, 2)],
)
def test_killed_at_any_moment_the_site_works(paths: KeyPaths, what: str, number: int) -> None:
    """SIGKILL before each rename, link and removal: sealing and opening go on."""
    arguments = [str(paths.vault.parents[1]), what, NOW.isoformat(), str(number), PASSPHRASE]

    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=False, cwd=ROOT)

    assert done.returncode in {-signal.SIGKILL, 0}
    assert done.returncode or number > 6
    round_trip(paths, NOW)
    with exclusive(paths.vault.parent), exclusive(paths.public.parent):
        pass  # the next command clears what was left behind
    assert len(list(paths.vault.parent.iterdir())) == 1
    round_trip(paths, NOW)
    round_trip(paths, NOW + WEEK)


def test_an_extension_opens_and_verifies(paths: KeyPaths) -> None:
    """A record of the last new week opens, and its epoch stands in both files."""
    carry_out(longer(paths))

    round_trip(paths, NOW + 4 * WEEK)
    with pytest.raises(NoRecipient):
        round_trip(paths, NOW + 5 * WEEK)


def test_serials_rise_together(paths: KeyPaths) -> None:
    """Each change gives both files the next number, so that older ones are told apart."""
    for expected in (2, 3, 4):
        carry_out(longer(paths))
        assert load_public(paths.public).serial == expected == box_of(paths).state.serial


def test_an_older_vault_is_refused_for_changes(paths: KeyPaths) -> None:
    """Writing it back would lose private halves that are in use."""
    old = paths.vault.read_bytes()
    carry_out(longer(paths))
    carry_out([Step(paths.vault, old)])

    with pytest.raises(SealError, match="older"):
        box_of(paths)


def test_an_older_public_side_is_brought_up_to_date(paths: KeyPaths) -> None:
    """The vault knows everything: whatever change comes next writes the whole list again."""
    old = paths.public.read_bytes()
    carry_out(longer(paths))
    carry_out([Step(paths.public, old, 0o644)])

    carry_out(longer(paths))

    assert len(load_public(paths.public).epochs) == 7


def test_a_missing_public_side_is_made_again(paths: KeyPaths) -> None:
    """After `destroy --all`, or a lost disk, the vault alone is enough."""
    paths.public.unlink()

    carry_out(longer(paths))

    assert load_public(paths.public).root == keyset().public.root
    round_trip(paths)


def test_a_broken_public_side_stops_a_change(paths: KeyPaths) -> None:
    """A file that doesn't fit its signature is looked at by a person, not written over."""
    text = paths.public.read_text()
    paths.public.write_text(text.replace("serial = 1", "serial = 9"))

    with pytest.raises(ConfigError, match="signature"):
        box_of(paths)


def test_other_passphrases_leave_the_public_side_alone(paths: KeyPaths) -> None:
    """Only the vault is written, under fresh salts; the old passphrase opens nothing in it."""
    before = paths.public.read_bytes()
    box = box_of(paths).reclosed(("new words for all", "and for the other"))

    carry_out(reclosing(paths, box, load_public(paths.public)))

    assert before == paths.public.read_bytes()
    round_trip(paths, NOW, "and for the other", "new words for all")
    with pytest.raises(PassphraseWrong):
        box_of(paths)
    assert box.salts[0] != keyset().vault.salts[0]


def test_a_first_change_signs_old_keys(paths: KeyPaths) -> None:
    """Unsigned keys get a root and a signature with whatever change comes first."""
    bare = replace(keyset().public, root=None, serial=0, signature=None)
    opened = keyset().vault
    from agent.crypto.vault import CHEAPEST, Vault
    from agent.crypto.wrapping import WrappingKey, open_wrapping, stretch

    old = WrappingKey(stretch(PASSPHRASE, CHEAPEST, bytes(16)))
    new = open_wrapping(opened, PASSPHRASE)
    epochs = tuple(old.wrap(e.id, e.valid_from, e.valid_to, new.seed(e)) for e in opened.epochs)
    carry_out(
        [
            Step(paths.vault, Vault(CHEAPEST, (bytes(16),), epochs).to_toml()),
            Step(paths.public, bare.to_toml(), 0o644),
        ]
    )

    box = box_of(paths).reclosed(("new words for all",))
    carry_out(reclosing(paths, box, load_public(paths.public)))

    assert load_public(paths.public).root is not None
    round_trip(paths, NOW, "new words for all")


def test_a_withdrawn_week_is_recorded_by_nobody(paths: KeyPaths) -> None:
    """First the agent forgets it, then the private half goes; in that week nothing is sealed."""
    doomed = keyset().public.epochs[2].id
    carry_out(without_a_week(paths))
    assert doomed in unlock(paths.vault, PASSPHRASE).epochs

    destroy_epochs(paths.vault, {doomed})

    round_trip(paths, NOW + WEEK)
    with pytest.raises(NoRecipient):
        round_trip(paths, NOW + 2 * WEEK)
    carry_out(longer(paths))
    round_trip(paths, NOW + 2 * WEEK)


def test_a_step_that_fails_names_the_file_only(paths: KeyPaths) -> None:
    """The message holds no content, and the steps before it are done."""
    steps = [Step(paths.vault, b"x"), Step(paths.vault.parent / "no" / "public.toml", b"secret")]

    with pytest.raises(ConfigError, match=r"^can't write public\.toml") as refusal:
        carry_out(steps)
    assert "secret" not in str(refusal.value)
    assert "secret" not in repr(steps)
