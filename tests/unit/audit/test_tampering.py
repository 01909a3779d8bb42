"""Somebody who may write every file of the log: what is found, by what, and what isn't wrong."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from agent.audit.checkpoint import Checkpoint, find_checkpoints, origin_of, sign_checkpoint
from agent.audit.findings import Kind, Verdict
from agent.checkpoints import Device, prune_if_due, sign_if_due, sign_log, verify_log
from agent.domain.access import Action, Decision, Role
from agent.domain.access_entry import entry_hash
from agent.errors import AuditBroken, StoreError
from agent.store.access_log import AccessLog, AccessReader
from tests.logs import (
    DEVICE,
    OTHER_DEVICE,
    OTHER_KEY,
    OTHER_SIGNER,
    SIGNER,
    START,
    VERIFY_KEY,
    Forger,
    event,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a log of ten entries by two people, not signed yet."""
    path = tmp_path / "access.sqlite"
    log = AccessLog(path)
    for i in range(10):
        log.record(event(i, "mori" if i % 2 else "tanaka", note="told by mori" if i == 4 else ""))
    log.close()
    return path


@pytest.fixture
def log(path: Path) -> Iterator[AccessLog]:
    """Return the same log, open."""
    opened = AccessLog(path)
    yield opened
    opened.close()


def kinds(path: Path, *kept: str, keys: tuple[bytes, ...] = (VERIFY_KEY,)) -> set[Kind]:
    """Return what is found, with these notes from elsewhere."""
    return {finding.kind for finding in verdict(path, *kept, keys=keys).findings}


def verdict(path: Path, *kept: str, keys: tuple[bytes, ...] = (VERIFY_KEY,)) -> Verdict:
    """Verify a log, with these notes from elsewhere."""
    return verify_log(path, keys, [w for note in kept for w in find_checkpoints(note, "paper")])


def erasure(*objects: str) -> Any:
    """Return who erases."""
    return event(20, "office", role=Role.OPERATOR, action=Action.ERASED, objects=objects)


def test_an_untouched_log_has_no_finding(path: Path) -> None:
    """Nothing is found in what was written; a checkpoint then covers all of it."""
    sign_log(path, DEVICE, START + DAY)

    found = verdict(path)

    assert () == found.findings
    assert (10, 1, 10, 1, 10) == (
        found.entries, found.first, found.last, found.checkpoints, found.covered
    )  # fmt: skip


@pytest.mark.parametrize("number", [1, 5, 10])
def test_an_edit_is_found_at_its_entry(path: Path, number: int) -> None:
    """One changed word is found, also without any checkpoint, and the entry is named."""
    Forger(path).run(
        "UPDATE entry SET body = replace(body, 'complaint', 'holiday') WHERE number = ?", (number,)
    )

    found = verdict(path)

    assert not found.sound
    assert (Kind.EDITED, number) in {(f.kind, f.entry) for f in found.findings}


def test_an_edit_with_its_hash_is_found_at_the_next_entry(path: Path) -> None:
    """Who also corrects the entry's own hash breaks the link of the next one."""
    forger = Forger(path)
    body = forger.body(5).replace("complaint", "holiday")
    forger.run(
        "UPDATE entry SET body = ?, hash = ? WHERE number = 5", (body, entry_hash(body.encode()))
    )

    assert [(Kind.UNLINKED, 6)] == [(f.kind, f.entry) for f in verdict(path).findings]


def test_an_edit_with_the_whole_chain_is_found_by_the_checkpoint(path: Path) -> None:
    """Who rewrites all that follows is found by what was signed before."""
    sign_log(path, DEVICE, START + DAY)
    forger = Forger(path)
    body = forger.body(5).replace("complaint", "holiday")
    forger.run("UPDATE entry SET body = ? WHERE number = 5", (body,))
    forger.rechain(5)

    assert {Kind.REWRITTEN} == kinds(path)


@pytest.mark.parametrize("column", ["actor", "note"])
def test_another_name_or_note_is_found(path: Path, column: str) -> None:
    """Names and notes lie beside the chain, and are still held by it."""
    Forger(path).run(f"UPDATE entry SET {column} = 'sato' WHERE number = 5")  # noqa: S608

    assert [(Kind.TEXT_CHANGED, 5)] == [(f.kind, f.entry) for f in verdict(path).findings]


def test_a_note_that_is_added_later_is_found(path: Path) -> None:
    """An entry without a note is committed to having none."""
    Forger(path).run("UPDATE entry SET note = 'was fine', note_salt = zeroblob(32) WHERE number=1")

    assert {Kind.TEXT_CHANGED} == kinds(path)


def test_names_that_are_exchanged_are_found(path: Path) -> None:
    """A name with its random bytes fits its own entry only."""
    forger = Forger(path)
    texts = forger.run("SELECT actor, actor_salt FROM entry WHERE number = 1")[0]
    forger.run("UPDATE entry SET actor = ?, actor_salt = ? WHERE number = 2", texts)

    assert {Kind.TEXT_CHANGED} == kinds(path)


@pytest.mark.parametrize("column", ["actor", "actor_salt", "note", "note_salt"])
def test_half_an_erasure_is_found(path: Path, column: str) -> None:
    """A text without its random bytes, or they without it, is no erasure."""
    Forger(path).run(f"UPDATE entry SET {column} = NULL WHERE number = 5")  # noqa: S608

    assert {Kind.TEXT_CHANGED} == kinds(path)


def test_an_erasure_that_nobody_recorded_is_found(path: Path) -> None:
    """A name that vanished without an entry about it is a finding."""
    Forger(path).run("UPDATE entry SET actor = NULL, actor_salt = NULL WHERE number = 3")

    assert [(Kind.ERASED_UNLOGGED, 3)] == [(f.kind, f.entry) for f in verdict(path).findings]


def test_a_later_theft_of_a_name_is_not_covered_by_an_earlier_erasure(
    path: Path, log: AccessLog
) -> None:
    """A recorded erasure speaks for the entries it names, and no others."""
    log.erase("mori", erasure())
    Forger(path).run("UPDATE entry SET actor = NULL, actor_salt = NULL WHERE number = 1")

    assert [(Kind.ERASED_UNLOGGED, 1)] == [(f.kind, f.entry) for f in verdict(path).findings]


def test_an_erasure_can_not_be_recorded_in_advance(path: Path, log: AccessLog) -> None:
    """An entry about an erasure speaks for earlier entries only."""
    log.record(erasure("actor:1-99"))
    log.record(event(21, "sato"))
    Forger(path).run("UPDATE entry SET actor = NULL, actor_salt = NULL WHERE number = 12")

    assert [(Kind.ERASED_UNLOGGED, 12)] == [(f.kind, f.entry) for f in verdict(path).findings]


def test_a_recorded_erasure_is_no_finding(path: Path, log: AccessLog) -> None:
    """Names and notes leave, the chain and an earlier checkpoint still fit."""
    note = sign_log(path, DEVICE, START + DAY).note

    log.erase("mori", erasure())

    found = verdict(path, note)
    assert () == found.findings
    assert 6 == found.erased


@pytest.mark.parametrize("number", [1, 5])
def test_a_deleted_entry_is_found(path: Path, number: int) -> None:
    """A gap in the numbers is found without any checkpoint."""
    Forger(path).run("DELETE FROM entry WHERE number = ?", (number,))

    assert [(Kind.MISSING, number)] == [(f.kind, f.entry) for f in verdict(path).findings]


def test_a_deleted_entry_whose_followers_move_up_is_found(path: Path) -> None:
    """Closing the gap breaks the numbers inside the entries, and a link."""
    forger = Forger(path)
    forger.run("DELETE FROM entry WHERE number = 5")
    forger.run("UPDATE entry SET number = number - 1 WHERE number > 5")

    assert {Kind.UNLINKED, Kind.MOVED} == kinds(path)


def test_a_deleted_entry_in_a_new_chain_is_found_by_the_checkpoint(path: Path) -> None:
    """Closing the gap and rewriting all that follows is found by what was signed before."""
    sign_log(path, DEVICE, START + DAY)
    forger = Forger(path)
    forger.run("DELETE FROM entry WHERE number = 5")
    forger.run("UPDATE entry SET number = number - 1 WHERE number > 5")
    forger.rechain(5)

    assert {Kind.TRUNCATED} == kinds(path)


def test_an_inserted_entry_is_found(path: Path) -> None:
    """An entry that is put between two others doesn't follow the one before."""
    forger = Forger(path)
    for number in range(10, 5, -1):
        forger.run("UPDATE entry SET number = ? WHERE number = ?", (number + 1, number))
    columns = "body, hash, actor, actor_salt, note, note_salt"
    forger.run(
        f"INSERT INTO entry (number, {columns}) SELECT 6, {columns} FROM entry WHERE number=3"  # noqa: S608
    )

    assert {Kind.UNLINKED, Kind.MOVED} <= kinds(path)


def test_exchanged_entries_are_found(path: Path) -> None:
    """Two entries that change places are found."""
    forger = Forger(path)
    for old, new in ((3, 99), (7, 3), (99, 7)):
        forger.run("UPDATE entry SET number = ? WHERE number = ?", (new, old))

    assert {Kind.UNLINKED, Kind.MOVED} <= kinds(path)


def test_cut_off_entries_are_found_by_a_checkpoint(path: Path) -> None:
    """The newest entries can go without a trace in the chain, but not past a checkpoint."""
    sign_log(path, DEVICE, START + DAY)
    Forger(path).run("DELETE FROM entry WHERE number > 8")

    assert {Kind.TRUNCATED} == kinds(path)


def test_cutting_off_what_no_checkpoint_covers_is_not_found(path: Path) -> None:
    """This is what the log can't show, and why checkpoints are kept elsewhere each day."""
    Forger(path).run("DELETE FROM entry WHERE number > 8")

    found = verdict(path)

    assert () == found.findings
    assert 0 == found.covered


def test_cutting_off_with_all_local_checkpoints_needs_one_from_elsewhere(path: Path) -> None:
    """Who also removes the checkpoints from both files is found by the one on paper."""
    note = sign_log(path, DEVICE, START + DAY).note
    forger = Forger(path)
    forger.run("DELETE FROM entry WHERE number > 8")
    forger.run("DELETE FROM checkpoint")
    path.with_suffix(".checkpoints").unlink()

    assert set() == kinds(path)
    assert {Kind.TRUNCATED} == kinds(path, note)
    three_lines = note.partition("\n\n")[0] + "\n"
    assert {Kind.TRUNCATED} == kinds(path, three_lines)


def test_an_older_copy_is_found(path: Path, log: AccessLog) -> None:
    """A copy of the database from yesterday doesn't reach today's checkpoint."""
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    log.record(event(11))
    sign_log(path, DEVICE, START + DAY)
    shutil.copy(copy, path)

    assert {Kind.TRUNCATED} == kinds(path)


def test_an_older_copy_that_grew_again_is_found(path: Path, log: AccessLog) -> None:
    """An older copy that new entries were added to isn't what was signed."""
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    log.record(event(11))
    sign_log(path, DEVICE, START + DAY)
    shutil.copy(copy, path)
    fresh = AccessLog(path)
    for hours in (12, 13, 14):
        fresh.record(event(hours))

    assert {Kind.REWRITTEN} == kinds(path)


def test_a_running_writer_notices_an_older_copy(path: Path, log: AccessLog) -> None:
    """What is put in place of the log isn't written to by those who knew the log."""
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    log.record(event(11))
    shutil.copy(copy, path)

    with pytest.raises(StoreError, match="isn't the one"):
        log.record(event(12))


def test_another_log_in_its_place_is_found(path: Path, tmp_path: Path) -> None:
    """A new, clean log isn't this log."""
    note = sign_log(path, DEVICE, START + DAY).note
    path.unlink()
    AccessLog(path).record(event())

    assert {Kind.OTHER_LOG} == kinds(path, note)


def test_a_log_that_is_gone_is_found(path: Path) -> None:
    """A checkpoint remembers a log that was deleted."""
    note = sign_log(path, DEVICE, START + DAY).note
    path.unlink()

    assert {Kind.MISSING} == kinds(path)
    path.with_suffix(".checkpoints").unlink()
    assert {Kind.MISSING} == kinds(path, note)


def test_signing_again_with_another_key_is_found(path: Path) -> None:
    """Who rewrites the log and signs it with a key of their own is found by our key."""
    forger = Forger(path)
    body = forger.body(5).replace("complaint", "holiday")
    forger.run("UPDATE entry SET body = ? WHERE number = 5", (body,))
    forger.rechain(5)
    sign_log(path, OTHER_DEVICE, START + DAY)

    assert {Kind.WRONG_KEY} == kinds(path)


def test_a_key_that_was_exchanged_too_is_found_by_a_checkpoint_from_before(path: Path) -> None:
    """With an exchanged public key all looks well, except to who kept a checkpoint."""
    note = sign_log(path, DEVICE, START + DAY).note
    forger = Forger(path)
    forger.run("DELETE FROM checkpoint")
    path.with_suffix(".checkpoints").unlink()
    sign_log(path, OTHER_DEVICE, START + DAY)

    assert set() == kinds(path, keys=(OTHER_KEY,))
    assert {Kind.WRONG_KEY} == kinds(path, note, keys=(OTHER_KEY,))


def test_a_device_key_that_was_replaced_still_verifies(path: Path, log: AccessLog) -> None:
    """Checkpoints of the old key and of the new one fit, in this order."""
    sign_log(path, DEVICE, START + DAY)
    log.record(event(30))
    both = (VERIFY_KEY, OTHER_KEY)
    sign_log(path, Device(OTHER_SIGNER, both), START + 2 * DAY)

    found = verdict(path, keys=both)

    assert ((), 2, 11) == (found.findings, found.checkpoints, found.covered)


def test_a_replaced_key_that_signs_again_is_found(path: Path, log: AccessLog) -> None:
    """An old key that was stolen can't sign for entries after its successor has signed."""
    both = (VERIFY_KEY, OTHER_KEY)
    sign_log(path, Device(OTHER_SIGNER, both), START + DAY)
    log.record(event(30))
    sign_log(path, Device(SIGNER, both), START + 2 * DAY)

    assert {Kind.WRONG_KEY} == kinds(path, keys=both)


def test_a_checkpoint_whose_signature_was_taken_off_is_not_believed(path: Path) -> None:
    """In the files beside the log each checkpoint must be signed."""
    note = sign_log(path, DEVICE, START + DAY).note
    path.with_suffix(".checkpoints").write_text(note.partition("\n\n")[0] + "\n")

    assert {Kind.WRONG_KEY} == kinds(path)


def test_pruning_is_no_finding(path: Path) -> None:
    """Old entries leave with a signed note, and the rest still verifies."""
    note = sign_log(path, DEVICE, START + DAY).note

    gone = prune_if_due(path, DEVICE, purge(30), timedelta(hours=1))

    found = verdict(path, note)
    assert 10 == gone
    assert () == found.findings
    assert (1, 11, 11) == (found.entries, found.first, found.last)


def purge(hours: float) -> Any:
    """Return who prunes."""
    return event(hours, "agent", role=Role.AGENT, action=Action.PURGED, objects=())


def test_pruning_waits_until_the_oldest_is_a_day_too_old(path: Path) -> None:
    """A log isn't pruned entry by entry."""
    assert 0 == prune_if_due(path, DEVICE, purge(30), timedelta(hours=8))
    assert 10 == AccessReader(path).count()


def test_pruning_leaves_what_is_young_enough(path: Path, log: AccessLog) -> None:
    """Entries that are younger than asked for stay, and are still checked against the past."""
    for day in range(2, 6):
        log.record(event(24 * day))
    note = sign_log(path, DEVICE, START + 6 * DAY).note

    assert 11 == prune_if_due(path, DEVICE, purge(24 * 6), timedelta(days=3.5))

    found = verdict(path, note)
    assert () == found.findings
    assert (12, 15, 1) == (found.first, found.last, found.checkpoints)
    Forger(path).run("UPDATE entry SET body = replace(body, 'complaint', 'x') WHERE number = 13")
    assert {Kind.EDITED, Kind.UNLINKED, Kind.REWRITTEN} == kinds(path, note)


def test_a_cut_at_the_old_end_is_found(path: Path) -> None:
    """Deleting the oldest entries needs a signed note about it."""
    Forger(path).run("DELETE FROM entry WHERE number < 4")

    assert [(Kind.MISSING, 1)] == [(f.kind, f.entry) for f in verdict(path).findings]


def test_a_daily_checkpoint_is_no_permission_to_prune(path: Path, log: AccessLog) -> None:
    """A genuine checkpoint can't be passed off as a note about pruning."""
    sign_log(path, DEVICE, START + DAY)
    log.record(event(11))
    forger = Forger(path)
    forger.run(
        "INSERT INTO checkpoint SELECT 'pruned', size, at, note, zeroblob(64) FROM checkpoint"
    )
    forger.run("DELETE FROM entry WHERE number <= 10")

    assert Kind.PRUNED_UNSIGNED in kinds(path)


def test_a_note_about_pruning_that_somebody_else_signed_is_found(path: Path) -> None:
    """Only this device's key may say that entries are gone on time."""
    prune_if_due(path, OTHER_DEVICE, purge(60), timedelta(hours=1))

    assert Kind.PRUNED_UNSIGNED in kinds(path)


def test_pruned_peaks_that_were_changed_are_found(path: Path) -> None:
    """What a pruned log goes on from is bound to the signed root."""
    prune_if_due(path, DEVICE, purge(60), timedelta(hours=1))
    Forger(path).run("UPDATE checkpoint SET peaks = zeroblob(length(peaks)) WHERE kind = 'pruned'")

    assert {Kind.PRUNED_UNSIGNED} == kinds(path)


def test_nothing_is_signed_or_pruned_that_does_not_hold(path: Path) -> None:
    """A broken log gets no new signature, and loses no entry."""
    Forger(path).run("UPDATE entry SET body = replace(body, 'complaint', 'x') WHERE number = 5")

    with pytest.raises(AuditBroken, match="Entry 5"):
        sign_log(path, DEVICE, START + DAY)
    with pytest.raises(AuditBroken, match="Entry 5"):
        prune_if_due(path, DEVICE, purge(60), timedelta(hours=1))
    assert 10 == AccessReader(path).count()
    assert [] == AccessReader(path).checkpoints()


def test_nothing_is_signed_that_an_earlier_signature_contradicts(path: Path) -> None:
    """After a cut, the checkpoint beside the database keeps the log from being signed again."""
    sign_log(path, DEVICE, START + DAY)
    forger = Forger(path)
    forger.run("DELETE FROM entry WHERE number > 8")
    forger.run("DELETE FROM checkpoint")

    with pytest.raises(AuditBroken, match="cut off"):
        sign_log(path, DEVICE, START + 2 * DAY)


def test_a_log_without_entries_is_not_signed(tmp_path: Path) -> None:
    """There is nothing to say about nothing, and no log is made by asking."""
    with pytest.raises(StoreError, match="no entry"):
        sign_log(tmp_path / "none.sqlite", DEVICE, START)
    assert not (tmp_path / "none.sqlite").exists()


def test_a_checkpoint_is_signed_once_a_day_and_only_over_something_new(
    path: Path, log: AccessLog
) -> None:
    """The upkeep may ask each minute."""
    first = sign_if_due(path, DEVICE, START + DAY)
    assert first is not None
    assert sign_if_due(path, DEVICE, START + 3 * DAY) is None
    log.record(event(30))
    assert sign_if_due(path, DEVICE, START + 1.5 * DAY) is None
    second = sign_if_due(path, DEVICE, START + 2 * DAY)

    assert second is not None
    assert (10, 11) == (first.size, second.size)


def test_a_clock_that_ran_backwards_is_told_and_forgiven(path: Path, log: AccessLog) -> None:
    """A clock may be set; the log still holds."""
    log.record(event(2))
    log.record(event(2.001))

    found = verdict(path)

    assert [(Kind.CLOCK_BACKWARDS, 11)] == [(f.kind, f.entry) for f in found.findings]
    assert found.sound


def test_entries_that_waited_for_each_other_are_no_finding(path: Path, log: AccessLog) -> None:
    """Two processes may write in another order than their clocks were read."""
    log.record(event(9 - 20 / 3600))

    assert () == verdict(path).findings


@pytest.mark.parametrize(
    "change",
    [
        "body = 'nonsense'",
        "body = x'ff00ff'",
        "body = ''",
        "hash = 'text'",
        "hash = 7",
        "actor = 7",
        "actor_salt = 'text'",
        "actor_salt = 1.5",
        "note_salt = zeroblob(3)",
    ],
)
def test_values_of_any_type_are_findings_and_no_crash(path: Path, change: str) -> None:
    """Whatever a forger puts into a row is found."""
    Forger(path).run(f"UPDATE entry SET {change} WHERE number = 5")  # noqa: S608

    found = verdict(path)

    assert not found.sound
    assert all(f.entry in {5, 6} for f in found.findings)


def test_an_erasure_that_can_not_be_read_is_found(path: Path) -> None:
    """An entry that says something was erased must say what."""
    AccessLog(path).record(erasure("actor:one", "what"))

    assert Kind.UNREADABLE in kinds(path)


def test_a_checkpoint_of_no_known_shape_in_the_database_is_refused(path: Path) -> None:
    """A stored note that isn't one is said to be overwritten."""
    sign_log(path, DEVICE, START + DAY)
    Forger(path).run("UPDATE checkpoint SET note = 'nothing'")

    with pytest.raises(AuditBroken, match="overwritten"):
        verdict(path)


def test_a_second_truth_of_the_same_length_is_found(path: Path) -> None:
    """Two checkpoints of one size with different roots can't both fit."""
    reader = AccessReader(path)
    other = Checkpoint(origin_of(reader.log_id() or b""), 10, bytes(32))

    assert {Kind.REWRITTEN} == kinds(path, sign_checkpoint(other, SIGNER))


def test_findings_name_no_person(path: Path) -> None:
    """What a verification says may be passed on."""
    forger = Forger(path)
    forger.run("UPDATE entry SET actor = 'sato' WHERE number = 5")
    forger.run("DELETE FROM entry WHERE number = 7")

    said = " ".join(f.sentence for f in verdict(path).findings)

    assert said
    assert not {"sato", "mori", "tanaka"} & set(said.replace(".", " ").split())


def test_a_refusal_is_an_entry_like_any_other(path: Path, log: AccessLog) -> None:
    """What was refused stands in the log and is held by it."""
    log.record(event(12, decision=Decision.REFUSED))
    Forger(path).run(
        "UPDATE entry SET body = replace(body, 'refused', 'allowed') WHERE number = 11"
    )

    assert {Kind.EDITED} == kinds(path)
