"""The access log's database: what it keeps, what it refuses, what is gone from its bytes."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.checkpoints import sign_log, verify_log
from agent.domain.access import Action, Decision, Role
from agent.domain.access_entry import from_ranges, read_entry, to_ranges, write_entry
from agent.errors import SchemaTooNew, StoreError, StoreFull
from agent.store.access_log import AccessLog, AccessReader
from agent.store.access_reader import AccessQuery, StoredCheckpoint
from agent.store.segments import SegmentStore
from tests.logs import DEVICE, START, VERIFY_KEY, Forger, event

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
KEYS = (VERIFY_KEY,)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the log will be."""
    return tmp_path / "state" / "access.sqlite"


@pytest.fixture
def log(path: Path) -> Iterator[AccessLog]:
    """Return an open, empty log."""
    opened = AccessLog(path)
    yield opened
    opened.close()


@pytest.fixture
def reader(path: Path, log: AccessLog) -> AccessReader:
    """Return a reader of the same log."""
    return AccessReader(path)


def test_an_event_comes_back_as_it_was(log: AccessLog, reader: AccessReader) -> None:
    """Every field survives, in any language."""
    given = event(
        1.5, "森 花子", role=Role.ADMIN, action=Action.HOLD_PLACED, purpose='苦情 "12"\n',
        objects=("door/1", "入口/2"), decision=Decision.REFUSED, counts={"b": 2, "a": 1},
        note="because\tof this",
    )  # fmt: skip

    log.record(given)

    (entry,) = reader.entries()
    assert given == entry.event
    assert (1, False, False) == (entry.number, entry.actor_erased, entry.note_erased)


def test_entries_are_numbered_from_one_across_openings(path: Path) -> None:
    """A log that is opened again goes on where it ended."""
    for hours in range(3):
        opened = AccessLog(path)
        opened.record(event(hours))
        opened.close()

    assert [3, 2, 1] == [entry.number for entry in AccessReader(path).entries()]
    assert () == verify_log(path, KEYS).findings


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (AccessQuery(), [6, 5, 4, 3, 2, 1]),
        (AccessQuery(since=START + timedelta(hours=4)), [6, 5]),
        (AccessQuery(until=START + timedelta(hours=2)), [2, 1]),
        (AccessQuery(actor="sato"), [4, 1]),
        (AccessQuery(actor="sat"), []),
        (AccessQuery(role=Role.ADMIN), [3]),
        (AccessQuery(action=Action.OPENED), [5]),
        (AccessQuery(decision=Decision.REFUSED), [2]),
        (AccessQuery(object="door/2"), [6]),
        (AccessQuery(object="door"), []),
        (AccessQuery(actor="sato", since=START + timedelta(hours=1)), [4]),
    ],
)
def test_a_query_finds_what_it_asks_for(
    log: AccessLog, reader: AccessReader, query: AccessQuery, numbers: list[int]
) -> None:
    """Filters select, and combine."""
    log.record(event(0, "sato"))
    log.record(event(1, decision=Decision.REFUSED))
    log.record(event(2, role=Role.ADMIN))
    log.record(event(3, "sato"))
    log.record(event(4, action=Action.OPENED))
    log.record(event(5, objects=("door/1", "door/2")))

    assert numbers == [entry.number for entry in reader.entries(query)]
    assert len(numbers) == reader.count(query)


def test_pages_follow_each_other(log: AccessLog, reader: AccessReader) -> None:
    """The last number of a page begins the next one; entries that are added don't shift it."""
    for hours in range(5):
        log.record(event(hours))

    first = reader.entries(limit=2)
    log.record(event(6))
    second = reader.entries(limit=2, before=first[-1].number)

    assert [[5, 4], [3, 2]] == [[e.number for e in page] for page in (first, second)]


def test_a_log_that_is_not_there_reads_as_empty(tmp_path: Path) -> None:
    """Reading creates nothing."""
    reader = AccessReader(tmp_path / "none.sqlite")

    assert [] == reader.entries()
    assert (0, None, 0) == (reader.count(), reader.log_id(), reader.newest())
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET body = 'x' WHERE number = 1",
        "UPDATE entry SET hash = x'00' WHERE number = 1",
        "UPDATE entry SET number = 9 WHERE number = 1",
        "UPDATE entry SET actor = 'sato'",
        "UPDATE entry SET actor = NULL",
        "UPDATE entry SET note = 'more', note_salt = x'00'",
        "DELETE FROM entry WHERE number = 1",
        "DELETE FROM entry",
        "INSERT INTO entry (number, body, hash) VALUES (9, 'x', x'00')",
        "INSERT INTO entry (number, body, hash) VALUES (1, 'x', x'00')",
        "INSERT OR REPLACE INTO entry (number, body, hash) VALUES (1, 'x', x'00')",
        "UPDATE log SET id = x'00'",
        "DELETE FROM log",
        "UPDATE checkpoint SET size = 1",
        "DELETE FROM checkpoint",
    ],
)
def test_a_change_by_mistake_is_refused(log: AccessLog, path: Path, statement: str) -> None:
    """The database itself refuses what the log never does."""
    log.record(event(note="why"))
    log.record(event(1))
    log.add_checkpoint(StoredCheckpoint(2, START, "note\n"))

    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match=r"never|leaves|stays|gap"),
    ):
        connection.execute(statement)


def test_what_is_erased_is_gone_from_the_bytes(log: AccessLog, path: Path) -> None:
    """Neither the name nor the random bytes it was hidden with are left in any file."""
    for hours in range(50):
        log.record(event(hours, "Katharina Sato" if hours % 2 else "mori", note="saw K. Sato"))
    salts = [row[4] for row in AccessReader(path).rows() if row[3] == b"Katharina Sato"]
    assert b"Katharina Sato" in path.read_bytes()

    log.erase("Katharina Sato", event(60, "office", action=Action.ERASED, note=""))

    left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"Katharina" not in left
    assert [] == [salt for salt in salts if salt in left]
    assert b"saw K. Sato" in left  # in notes of others that don't hold the name as it was given
    assert () == verify_log(path, KEYS).findings


def test_notes_of_others_that_name_the_person_are_erased(
    log: AccessLog, reader: AccessReader
) -> None:
    """The name also leaves where somebody else wrote it, in any case of its letters."""
    log.record(event(0, "mori", note="asked by SATO"))
    log.record(event(1, "mori", note="asked by nobody"))

    found = log.erase("sato", event(2, "office", action=Action.ERASED))

    assert ((), (1,)) == (found.actors, found.notes)
    kept, named = reader.entries(limit=3)[1:]
    assert ("asked by nobody", "") == (kept.event.note, named.event.note)
    assert named.note_erased
    assert "mori" == named.event.actor


def test_an_erasure_is_recorded_with_its_entries(log: AccessLog, reader: AccessReader) -> None:
    """The log says which entries lost a text, and doesn't say whose."""
    for hours in range(4):
        log.record(event(hours, "sato" if hours != 1 else "mori"))

    log.erase("sato", event(9, "office", action=Action.ERASED, objects=(), purpose="asked"))

    newest = reader.entries(limit=1)[0].event
    assert ("actor:1", "actor:3-4") == newest.objects
    assert {"actors": 3, "notes": 0} == newest.counts
    assert "sato" not in repr(newest)


def test_an_erasure_of_nobody_writes_nothing(log: AccessLog, reader: AccessReader) -> None:
    """Where there is nothing to erase, nothing is claimed."""
    log.record(event())

    assert ((), ()) == (
        log.erase("nobody", event(1)).actors, log.erase("nobody", event(1)).notes
    )  # fmt: skip
    assert 1 == reader.count()


def fill(log: AccessLog) -> None:
    """Write until the log refuses."""
    for hours in range(1000):
        log.record(event(hours, "sato", note="n" * 200))


def test_erasing_and_pruning_work_in_a_full_log(path: Path) -> None:
    """A log at its cap refuses new entries, and can still be emptied."""
    log = AccessLog(path, max_bytes=96 * 1024)
    with pytest.raises(StoreFull):
        fill(log)
    full = AccessReader(path).count()

    erased = log.erase("sato", event(2000, "office", action=Action.ERASED))
    last = AccessReader(path).newest()
    gone = log.prune(StoredCheckpoint(last, START, "n\n"), event(2000, action=Action.PURGED))

    assert full == len(erased.actors)
    assert (last, 1) == (gone, AccessReader(path).count())
    log.record(event(2001))


@pytest.mark.parametrize("size", [0, -1, 3])
def test_pruning_what_is_not_there_is_refused(log: AccessLog, size: int) -> None:
    """A note about more entries than there are deletes none."""
    log.record(event())
    log.record(event(1))

    with pytest.raises(StoreError, match="no such entries"):
        log.prune(StoredCheckpoint(size, START, "n\n"), event(2))


def test_a_log_on_a_read_only_file_refuses(log: AccessLog, path: Path) -> None:
    """What can't be written raises, so that it isn't done."""
    log.record(event())
    path.unlink()

    with pytest.raises(StoreError):
        log.record(event(1))
    assert not path.exists()  # a log that vanished isn't silently begun anew


def test_a_folder_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    """The error says so, in the store's own branch."""
    (tmp_path / "state").write_text("a file")

    with pytest.raises(StoreError, match="can't create"):
        AccessLog(tmp_path / "state" / "access.sqlite")


def test_another_database_is_refused(tmp_path: Path) -> None:
    """The segments' database isn't taken for a log, and isn't changed."""
    path = tmp_path / "segments.sqlite"
    SegmentStore(path).close()
    before = path.read_bytes()

    with pytest.raises(StoreError):
        AccessLog(path)
    with pytest.raises(StoreError):
        AccessReader(path).entries()
    assert before == path.read_bytes()


def test_what_is_no_database_is_refused(path: Path) -> None:
    """A text file isn't a log."""
    path.parent.mkdir()
    path.write_text("not a database, but long enough to look at " * 100)

    with pytest.raises(StoreError):
        AccessLog(path)
    with pytest.raises(StoreError):
        AccessReader(path).entries()


def test_a_newer_log_is_refused(log: AccessLog, path: Path) -> None:
    """A log that a newer Omokage wrote is left as it is."""
    Forger(path).run("UPDATE meta SET number = 99 WHERE name = 'schema'")

    with pytest.raises(SchemaTooNew):
        AccessLog(path)
    with pytest.raises(SchemaTooNew):
        AccessReader(path).entries()


def test_a_locked_log_refuses(log: AccessLog, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can't get the lock in time is told, and has written nothing."""
    monkeypatch.setattr("agent.store.access_tables.PATIENCE_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="locked by another"):
            log.record(event())
    assert 0 == AccessReader(path).count()


def test_an_entry_that_can_not_be_read_is_an_error_with_advice(
    log: AccessLog, reader: AccessReader, path: Path
) -> None:
    """A page doesn't guess what a forged entry says."""
    log.record(event())
    Forger(path).run("""UPDATE entry SET body = '{"role":"king"}'""")

    with pytest.raises(StoreError, match="entry 1") as refused:
        reader.entries()
    assert "audit verify" in refused.value.advice


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o600), (0o770, 0o660), (0o777, 0o660)])
def test_the_file_is_as_open_to_its_group_as_its_folder_and_never_to_others(
    tmp_path: Path, folder: int, file: int
) -> None:
    """Several accounts may share a log through their group; the world may not."""
    place = tmp_path / "shared"
    place.mkdir()
    place.chmod(folder)

    AccessLog(place / "access.sqlite")

    assert file == stat.S_IMODE((place / "access.sqlite").stat().st_mode)


def test_no_journal_is_left(log: AccessLog, path: Path) -> None:
    """A reader of another account needs one file, whether or not the agent runs."""
    log.record(event())

    assert ["access.sqlite"] == [file.name for file in path.parent.iterdir()]


def test_checkpoints_are_kept_twice(log: AccessLog, path: Path) -> None:
    """In the database, and in a text file beside it."""
    log.record(event())
    made = sign_log(path, DEVICE, START)

    assert [made] == AccessReader(path).checkpoints()
    assert made.note + "\n" == path.with_suffix(".checkpoints").read_text()
    log.add_checkpoint(made)
    assert made.note + "\n" == path.with_suffix(".checkpoints").read_text()


@pytest.mark.parametrize(
    ("before", "now", "point"),
    [(0, 100, 0), (1, 100, 1), (2.5, 100, 3), (9, 100, 5), (2.5, 2.6, 5)],
)
def test_the_prune_point_is_before_the_first_entry_that_stays(
    log: AccessLog, reader: AccessReader, before: float, now: float, point: int
) -> None:
    """Entries go in their order; one that claims to be from the future doesn't stay for ever."""
    for hours in range(5):
        log.record(event(hours))

    assert point == reader.prune_point(event(before).at, event(now).at)


def test_a_set_back_clock_does_not_prune_more(log: AccessLog, reader: AccessReader) -> None:
    """An entry that looks old stays while a younger one lies before it."""
    for hours in (50, 1, 2):
        log.record(event(hours))

    assert 0 == reader.prune_point(event(40).at, event(60).at)


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from agent.domain.access import AccessEvent, Action, Role
from agent.store.access_log import AccessLog
log = AccessLog(Path(sys.argv[1]))
for i in range(int(sys.argv[3])):
    now = datetime.now(UTC)
    log.record(AccessEvent(now, sys.argv[2], Role.REVIEWER, Action.OPENED, objects=(str(i),)))
    print(i, flush=True)
"""


def writer(path: Path, name: str, entries: int) -> subprocess.Popen[str]:
    """Start another process that appends."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(entries)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_four_processes_append_to_one_chain(path: Path) -> None:
    """Processes that start together on no log at all make one log, without a gap."""
    # Few enough that on a busy disk nobody waits for the lock longer than is allowed.
    writers = [writer(path, f"process-{i}", 15) for i in range(4)]
    for process in writers:
        process.communicate()

    reader = AccessReader(path)
    assert [0] * 4 == [process.returncode for process in writers]
    for i in range(4):
        mine = reader.entries(AccessQuery(actor=f"process-{i}"), limit=100)
        assert [str(n) for n in range(14, -1, -1)] == [e.event.objects[0] for e in mine]
    verdict = verify_log(path, KEYS)
    assert (True, 60, 60) == (verdict.sound, verdict.entries, verdict.last)


@pytest.mark.parametrize("appended", [1, 3, 4, 7, 12])
def test_a_killed_writer_leaves_whole_entries(path: Path, appended: int) -> None:
    """After kill -9 all acknowledged entries are there, no half one, and the chain goes on."""
    process = writer(path, "victim", 10_000)
    assert process.stdout is not None
    for _ in range(appended):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    process.stdout.close()

    AccessLog(path).record(event(1_000_000))  # rolls a half-written entry back

    verdict = verify_log(path, KEYS)
    assert verdict.sound
    assert appended + len(rest) <= verdict.last - 1 <= appended + len(rest) + 1


INTERRUPTED = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("PRAGMA cache_size = 1")
c.execute("BEGIN IMMEDIATE")
c.execute("CREATE TABLE half (a)")
for _ in range(100):
    c.execute("INSERT INTO half VALUES (zeroblob(3000))")
os._exit(9)
"""


def test_a_reader_says_what_to_do_about_a_half_written_entry(
    log: AccessLog, reader: AccessReader, path: Path
) -> None:
    """A reader can't take back what a writer left half done; the next writer does."""
    log.record(event())
    subprocess.run([sys.executable, "-c", INTERRUPTED, str(path)], check=False)

    with pytest.raises(StoreError, match="interrupted") as refused:
        reader.entries()
    assert "writes into it" in refused.value.advice

    log.record(event(1))
    assert [2, 1] == [entry.number for entry in reader.entries()]


def test_ranges_come_back() -> None:
    """Numbers of entries are written as ranges."""
    assert ["1", "3-5", "9-10"] == to_ranges([9, 3, 4, 5, 1, 10, 3])
    assert [range(1, 2), range(3, 6)] == from_ranges(["1", "3-5"])


@pytest.mark.parametrize("text", ["", "a", "1-b", "-3"])
def test_what_is_no_range_is_refused(text: str) -> None:
    """A range that can't be read isn't guessed."""
    with pytest.raises(ValueError, match="invalid literal"):
        from_ranges([text])


SALT = bytes(32)


@pytest.mark.parametrize(
    "change",
    [
        {"at": START.replace(tzinfo=None)},
        {"note": "\ud800"},
        {"purpose": "\ud800"},
        {"purpose": "x" * (1 << 18)},
    ],
)
def test_an_event_that_is_no_entry_is_refused(log: AccessLog, change: dict[str, object]) -> None:
    """A time without a zone, a text that isn't Unicode, a book: nothing is written."""
    from dataclasses import replace

    with pytest.raises(ValueError):  # noqa: PT011  (UnicodeEncodeError is one of them)
        log.record(replace(event(), **change))


def test_a_short_salt_is_refused() -> None:
    """A name that is hidden with few bytes isn't hidden."""
    with pytest.raises(ValueError, match="salt"):
        write_entry(event(), 1, bytes(32), actor_salt=SALT[:31], note_salt=SALT)


def test_the_layout_is_the_documented_one() -> None:
    """The bytes of an entry are fixed for good; a change of them is a new layout."""
    # The two commitments were computed with sha256sum.
    row = write_entry(
        event(note="n", counts={"b": 1, "a": 2}), 17, bytes(32), actor_salt=SALT, note_salt=SALT
    )

    assert (
        b'{"omokage-access":1,"at":"2026-11-25T09:00:00.000000Z","prev":"' + b"0" * 64 + b'",'
        b'"actor":"9dffcd18e0426a5f91a0d71fa96f06253d5b57d20df1c5d8a3b34d817c48c266",'
        b'"note":"9345ba945a6d7cf8d3da1fc596683cb6bf6b014956f7e4cbfeca68b899d0833a",'
        b'"n":17,"role":"reviewer","action":"unlocked","decision":"allowed",'
        b'"purpose":"complaint 12","objects":["door/2026-11-25T09"],"counts":{"a":2,"b":1}}'
    ) == row.body
    assert event(note="n", counts={"b": 1, "a": 2}) == read_entry(row).event
