"""The database of released aggregates: what it keeps, and what it refuses."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from agent.domain.aggregate import METRICS, SITE_TOTAL, Aggregate, Reason, au_rate
from agent.domain.daily import DailyAggregate, Day
from agent.domain.retention import Tier
from agent.errors import SchemaTooNew, StoreError, StoreFull
from agent.store import aggregates
from agent.store.aggregate_tables import SCHEMA_VERSION
from agent.store.aggregates import (
    AggregateReader,
    AggregateWriter,
    NumberPurge,
    open_or_replace,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = datetime(2026, 9, 27, 1, tzinfo=UTC)
FAR = START + timedelta(days=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HIDDEN = Reason.TOO_FEW_PERSONS


def row(
    zone: str = "door", start: datetime = START, metric: str = au_rate("AU12"), value: float = 0.25
) -> Aggregate:
    """Return one shown row."""
    return Aggregate(
        zone=zone, bucket_start=start, bucket_seconds=3600, metric=metric,
        unit=METRICS[metric].unit, value=value, standard_error=0.011, samples=400, tracks=9,
        persons=6, suppressed=False, reason=None, k=5, policy="ab" * 32, models=("m 1", "n 2"),
    )  # fmt: skip


def hidden(zone: str = "door", metric: str = au_rate("AU04")) -> Aggregate:
    """Return one hidden row."""
    return replace(
        row(zone, metric=metric), value=None, standard_error=None, samples=None, tracks=None,
        persons=None, suppressed=True, reason=HIDDEN,
    )  # fmt: skip


def daily(
    zone: str = "door", metric: str = au_rate("AU12"), value: float = 0.25, shown: int = 3
) -> DailyAggregate:
    """Return a day's number, or for no shown bucket the note that there is none."""
    midnight = START.replace(hour=15) - DAY
    some = shown > 0
    return DailyAggregate(
        day=Day(START.date(), midnight, midnight + DAY), zone=zone, metric=metric,
        unit=METRICS[metric].unit, value=value if some else None,
        standard_error=0.011 if some else None, samples=1200 if some else None,
        tracks=27 if some else None, persons=6 if some else None, shown=shown, cells=10,
        expected=24, reason=HIDDEN, k=5, policies=("ab" * 32,), models=("m 1", "n 2"),
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database will be."""
    return tmp_path / "state" / "aggregates.sqlite"


@pytest.fixture
def writer(path: Path) -> Iterator[AggregateWriter]:
    """Return an open writer."""
    opened = AggregateWriter(path)
    yield opened
    opened.close()


def test_rows_come_back_as_they_were(path: Path, writer: AggregateWriter) -> None:
    """Shown and hidden rows survive the database unchanged."""
    rows = [row(), hidden()]

    assert writer.release(rows) == 2
    assert AggregateReader(path).rows(START, FAR) == sorted(rows, key=lambda r: r.metric)


def test_a_released_cell_never_changes(path: Path, writer: AggregateWriter) -> None:
    """A second release of a cell is ignored as a whole, new metrics included."""
    writer.release([row()])

    assert writer.release([row(value=0.9), row(metric=au_rate("AU25"))]) == 0
    assert AggregateReader(path).rows(START, FAR) == [row()]


@pytest.mark.parametrize("table", ["number", "cell"])
def test_the_database_refuses_updates(path: Path, writer: AggregateWriter, table: str) -> None:
    """Not even a hand at the database changes a released number."""
    writer.release([row()])
    column = "value" if table == "number" else "k"

    with (
        sqlite3.connect(path) as connection,
        pytest.raises(sqlite3.IntegrityError, match="never changes"),
    ):
        connection.execute(f"UPDATE {table} SET {column} = 1")  # noqa: S608  # own names
    connection.close()


def test_a_release_is_all_or_nothing(path: Path, writer: AggregateWriter) -> None:
    """A row that the database refuses takes the whole release with it."""
    with pytest.raises(StoreError):
        writer.release([row("first"), row("second"), row("second")])

    assert AggregateReader(path).latest() is None


def test_period_zones_and_metrics_narrow_the_rows(path: Path, writer: AggregateWriter) -> None:
    """A reader gets the buckets that start in the period, of the zones and metrics it names."""
    writer.release([row(), row("yard"), row(SITE_TOTAL), hidden(), row(start=START + HOUR)])
    reader = AggregateReader(path)

    assert len(reader.rows(START, START + HOUR)) == 4
    assert len(reader.rows(START, FAR, ["door"])) == 3
    assert reader.rows(START, FAR, ["yard"], [au_rate("AU12")]) == [row("yard")]
    assert reader.rows(START + 2 * HOUR, FAR) == []


def test_latest_earliest_and_zones(path: Path, writer: AggregateWriter) -> None:
    """The newest release carries its terms; the total isn't a zone."""
    writer.release([row(), row("yard", START + HOUR), row(SITE_TOTAL)])
    reader = AggregateReader(path)
    latest = reader.latest()

    assert latest is not None
    assert latest.bucket_end == START + 2 * HOUR
    assert (latest.k, latest.models, latest.bucket_seconds) == (5, ("m 1", "n 2"), 3600)
    assert reader.earliest() == START
    assert reader.zones() == ["door", "yard"]


def test_purged_cells_are_gone_with_their_numbers(path: Path, writer: AggregateWriter) -> None:
    """What is named is deleted, and nothing else; what isn't there is passed over."""
    writer.release([row(start=START + n * HOUR) for n in range(4)])
    ids = [holding.id for holding in writer.holdings()[:2]]

    assert writer.purge([*ids, "cell:1:nowhere", "day:x:y", "abc"]) == NumberPurge(2, 0, 0)
    assert [r.bucket_start for r in AggregateReader(path).rows(START, FAR)] == [
        START + 2 * HOUR,
        START + 3 * HOUR,
    ]


def test_expired_bytes_leave_the_file(path: Path, writer: AggregateWriter) -> None:
    """A zone's name can't be found in the file once its cells have expired."""
    writer.release([row("zanzibar-gate")])
    assert b"zanzibar-gate" in path.read_bytes()

    writer.purge([holding.id for holding in writer.holdings()])

    assert b"zanzibar-gate" not in path.read_bytes()
    assert not path.with_name(path.name + "-journal").exists()


def test_a_missing_database_reads_as_nothing_released(path: Path) -> None:
    """Before the agent's first start there is nothing, and reading doesn't create a file."""
    reader = AggregateReader(path)

    assert (reader.latest(), reader.earliest(), reader.zones()) == (None, None, [])
    assert reader.rows(START, FAR) == []
    assert not path.exists()


def test_an_empty_file_reads_as_nothing_released(path: Path) -> None:
    """The instant in which the agent creates the file isn't an error."""
    path.parent.mkdir()
    path.touch()

    assert AggregateReader(path).latest() is None


def test_a_reader_can_not_write(path: Path, writer: AggregateWriter) -> None:
    """The page's connection is read-only."""
    writer.release([row()])
    engine = AggregateReader(path)._shelf._engine

    with engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM cell")


def test_readable_without_a_writer_and_without_write_permission(path: Path) -> None:
    """When the agent is down, a reader that may not write the folder still opens the numbers."""
    writer = AggregateWriter(path)
    writer.release([row()])
    writer.close()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        assert AggregateReader(path).zones() == ["door"]
        assert sorted(os.listdir(path.parent)) == [  # noqa: PTH208  # names only
            "aggregates.ballast",
            path.name,
        ]
    finally:
        path.parent.chmod(0o755)


def test_a_newer_schema_is_refused_by_both_ends(path: Path) -> None:
    """A database of a newer Omokage is left as it is."""
    AggregateWriter(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    connection.close()

    with pytest.raises(SchemaTooNew):
        AggregateReader(path).latest()
    with pytest.raises(SchemaTooNew):
        AggregateWriter(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """Garbage is a `StoreError` with advice, never an empty page."""
    path.parent.mkdir()
    path.write_bytes(b"this is no database at all" * 100)

    with pytest.raises(StoreError, match="damaged") as caught:
        AggregateReader(path).latest()
    assert "moves the file aside" in caught.value.advice
    with pytest.raises(StoreError):
        AggregateWriter(path)


def test_a_damaged_database_is_refused(path: Path, writer: AggregateWriter) -> None:
    """Overwritten pages are noticed instead of shown."""
    writer.release([row(start=START + n * HOUR) for n in range(200)])
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(StoreError):
        AggregateReader(path).rows(START, START + timedelta(days=30))


def test_a_foreign_database_is_refused_by_both_ends(path: Path) -> None:
    """Another program's database isn't touched."""
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()

    with pytest.raises(StoreError, match="wasn't written by Omokage"):
        AggregateReader(path).latest()
    with pytest.raises(StoreError, match="wasn't written by Omokage"):
        AggregateWriter(path)


def test_a_locked_database_says_wait(
    path: Path, writer: AggregateWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process holds the file, the advice is to wait."""
    writer.release([row()])
    monkeypatch.setattr(aggregates, "READER_PATIENCE_SECONDS", 0.05)
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreError, match="locked") as caught:
            AggregateReader(path).latest()
        assert "Wait" in caught.value.advice
    finally:
        holder.close()


def test_a_full_database_keeps_what_it_has(path: Path) -> None:
    """At the file's upper bound a release is refused whole, and expiry still works."""
    writer = AggregateWriter(path, max_pages=18)
    writer.release([row()])
    many = [row(f"zone-{n}", metric=name) for n in range(40) for name in METRICS if "rate" in name]

    with pytest.raises(StoreFull):
        writer.release(many)
    assert AggregateReader(path).rows(START, FAR) == [row()]
    assert writer.purge([holding.id for holding in writer.holdings()]).cells == 1
    writer.close()


def test_an_interrupted_release_says_start_the_agent(path: Path, tmp_path: Path) -> None:
    """A half-written release with its journal isn't shown; the agent takes it back at its start."""
    AggregateWriter(path).release([row()])
    torn = tmp_path / "torn" / "aggregates.sqlite"
    torn.parent.mkdir()
    busy = sqlite3.connect(path)
    busy.execute("PRAGMA cache_size=1")
    busy.execute("BEGIN")
    busy.executemany(
        "INSERT INTO cell VALUES (?, ?, 1, 5, '', '', 0, 0)",
        [(n, f"z{n}" * 50) for n in range(2000)],
    )
    for end in ("", "-journal"):
        torn.with_name(torn.name + end).write_bytes(path.with_name(path.name + end).read_bytes())
    busy.rollback()
    busy.close()

    with pytest.raises(StoreError) as caught:
        AggregateReader(torn).latest()
    assert "Start the agent" in caught.value.advice
    AggregateWriter(torn).close()
    assert AggregateReader(torn).rows(START, FAR) == [row()]


def test_writer_needs_a_folder_it_may_create(tmp_path: Path) -> None:
    """A state folder that can't exist is a `StoreError`."""
    (tmp_path / "file").touch()

    with pytest.raises(StoreError):
        AggregateWriter(tmp_path / "file" / "aggregates.sqlite")


def test_a_cell_is_stored_with_its_deadline(writer: AggregateWriter) -> None:
    """Its life is counted from the bucket's end, as the policy at release says."""
    writer.release([row(), hidden()], 30 * DAY)

    (found,) = writer.holdings()
    assert (START + HOUR + 30 * DAY, 2, "door") == (found.delete_by, found.rows, found.zone)
    assert (START, START + HOUR, Tier.AGGREGATES) == (found.start, found.end, found.tier)


def test_a_deadline_comes_nearer_and_never_goes(writer: AggregateWriter) -> None:
    """Lowering twice keeps the earlier one; a later one is ignored."""
    writer.release([row()], 30 * DAY)
    id_ = writer.holdings()[0].id

    assert writer.lower({id_: FAR, "cell:1:nowhere": FAR}) == 1
    assert writer.lower({id_: FAR + DAY}) == 0
    assert writer.holdings()[0].delete_by == FAR


@pytest.mark.parametrize("value", ["delete_by + 1", "NULL"])
def test_the_database_refuses_to_put_off(path: Path, writer: AggregateWriter, value: str) -> None:
    """Not even a hand at the database gives a cell or a day a longer life."""
    writer.release([row()])
    writer.close_day([daily()])

    for table in ("cell", "day"):
        with (
            contextlib.closing(sqlite3.connect(path)) as connection,
            pytest.raises(sqlite3.IntegrityError, match="only ever comes nearer"),
        ):
            connection.execute(f"UPDATE {table} SET delete_by = {value}")  # noqa: S608  # own names


def test_days_come_back_as_they_were(path: Path, writer: AggregateWriter) -> None:
    """A shown and a hidden metric of a day survive the database unchanged."""
    rows = [daily(), daily(metric=au_rate("AU25"), shown=0)]

    assert writer.close_day(rows) == 2
    reader = AggregateReader(path)
    assert reader.days(START - DAY, FAR) == rows
    assert reader.days(START - DAY, FAR, ["yard"]) == []
    assert reader.days(START - DAY, FAR, None, [au_rate("AU25")]) == rows[1:]
    assert reader.summed_up_to() == rows[0].day.end


def test_a_day_never_changes(path: Path, writer: AggregateWriter) -> None:
    """A second summary of a day is ignored, and updates are refused."""
    writer.close_day([daily()])

    assert writer.close_day([daily(value=0.9)]) == 0
    assert AggregateReader(path).days(START - DAY, FAR) == [daily()]
    for table in ("day", "day_number"):
        column = "k" if table == "day" else "value"
        with (
            contextlib.closing(sqlite3.connect(path)) as connection,
            pytest.raises(sqlite3.IntegrityError, match="never changes"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = 1")  # noqa: S608  # own names


def test_days_are_purged_with_their_numbers(path: Path, writer: AggregateWriter) -> None:
    """A day is a holding of its own tier."""
    writer.close_day([daily()], 30 * DAY)
    (found,) = writer.holdings()

    assert (Tier.DAILY, daily().day.end + 30 * DAY) == (found.tier, found.delete_by)
    assert writer.purge([found.id]) == NumberPurge(0, 1, 0)
    assert AggregateReader(path).days(START - DAY, FAR) == []


@pytest.fixture
def old(path: Path) -> Path:
    """Return a database as the first release wrote it, with one cell of two numbers."""
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA_1)
        connection.execute(
            "INSERT INTO cell VALUES (?, 'door', 3600, 5, ?, 'm 1\nn 2')",
            (int(START.timestamp()), "ab" * 32),
        )
        connection.execute(
            "INSERT INTO number VALUES (?, 'door', 'au.AU12.rate', 'share', 0.25, 0.011, 400, 9, 6,"
            " 0, NULL)",
            (int(START.timestamp()),),
        )
        connection.execute("PRAGMA user_version=1")
        connection.commit()
    return path


SCHEMA_1 = """
CREATE TABLE cell (bucket_start INTEGER NOT NULL, zone TEXT NOT NULL,
 bucket_seconds INTEGER NOT NULL, k INTEGER NOT NULL, policy TEXT NOT NULL, models TEXT NOT NULL,
 PRIMARY KEY (bucket_start, zone)) WITHOUT ROWID;
CREATE TABLE number (bucket_start INTEGER NOT NULL, zone TEXT NOT NULL, metric TEXT NOT NULL,
 unit TEXT NOT NULL, value FLOAT, standard_error FLOAT, samples INTEGER, tracks INTEGER,
 persons INTEGER, suppressed BOOLEAN NOT NULL, reason TEXT,
 PRIMARY KEY (bucket_start, zone, metric),
 FOREIGN KEY(bucket_start, zone) REFERENCES cell (bucket_start, zone) ON DELETE CASCADE)
 WITHOUT ROWID;
CREATE TRIGGER cell_never_changes BEFORE UPDATE ON cell
 BEGIN SELECT RAISE(ABORT, 'a released number never changes'); END;
CREATE TRIGGER number_never_changes BEFORE UPDATE ON number
 BEGIN SELECT RAISE(ABORT, 'a released number never changes'); END;
"""


def test_an_older_database_is_read_as_it_is(old: Path) -> None:
    """A page that meets it before the agent does shows its numbers; there are no days."""
    reader = AggregateReader(old)

    assert reader.rows(START, FAR) == [row()]
    assert (reader.days(START - DAY, FAR), reader.holdings()) == ([], [])
    assert reader.latest().k == 5


def test_an_older_database_is_brought_forward_and_dated(old: Path) -> None:
    """Undated cells are due at once until the policy dates them from their own ends."""
    with AggregateWriter(old) as writer:
        (undated,) = writer.holdings()
        assert writer.adopt(30 * DAY) == 1
        assert writer.adopt(90 * DAY) == 0
        (dated,) = writer.holdings()

    assert (START + HOUR, 1) == (undated.delete_by, undated.rows)
    assert dated.delete_by == START + HOUR + 30 * DAY
    assert AggregateReader(old).rows(START, FAR) == [row()]


def test_both_ways_to_the_newest_schema_agree(old: Path, tmp_path: Path) -> None:
    """A database brought forward refuses and holds the same as one created afresh."""
    AggregateWriter(old).close()
    fresh = tmp_path / "fresh.sqlite"
    AggregateWriter(fresh).close()

    def shape(path: Path) -> dict[str, object]:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            names = connection.execute("SELECT type, name, tbl_name FROM sqlite_master").fetchall()
            tables = sorted(name for kind, name, _ in names if kind == "table")
            columns = {
                t: {c[1:6] for c in connection.execute(f"PRAGMA table_info({t})")} for t in tables
            }
            version = connection.execute("PRAGMA user_version").fetchone()
            return {"names": sorted(names), "columns": columns, "version": version}

    assert shape(fresh) == shape(old)


def test_the_frozen_columns_of_both_ways_agree() -> None:
    """The migration's triggers name the same columns as the tables' own."""
    from agent.store import aggregate_tables as tables
    from agent.store.migrations.aggregates.v0002_deadlines import _FROZEN

    own = "\n".join(tables.triggers())
    for table, columns in _FROZEN.items():
        assert f"BEFORE UPDATE OF {columns} ON {table} " in own


def test_a_damaged_database_is_moved_aside_and_dies_on_time(path: Path) -> None:
    """A new one takes its place; the old file is a holding and is erased with the rest."""
    with AggregateWriter(path) as writer:
        writer.release([row("zanzibar-gate")])
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)

    writer, aside = open_or_replace(path, FAR)
    (file,) = writer.holdings()

    assert aside.exists()
    assert (FAR, FAR + 90 * DAY, Tier.AGGREGATES) == (file.end, file.delete_by, file.tier)
    assert writer.purge([file.id]) == NumberPurge(0, 0, 1)
    assert not aside.exists()
    assert writer.purge(["file:../../etc/passwd", f"file:{path.name}"]) == NumberPurge(0, 0, 0)
    assert path.exists()
    writer.close()


def test_a_healthy_database_stays_where_it_is(path: Path, writer: AggregateWriter) -> None:
    """Only damage moves a file."""
    writer.release([row()])

    again, aside = open_or_replace(path, FAR)
    again.close()

    assert aside is None
    assert AggregateReader(path).rows(START, FAR) == [row()]
