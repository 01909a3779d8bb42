"""Released aggregates in a database of their own, readable when the agent is down.

Rules:
- rollback journal instead of WAL: a reader under another user can't open a WAL database once its
  writer is gone; `synchronous=FULL` and `secure_delete=ON` on each writing connection;
- a cell (zone, bucket) is released once and whole, a day is summed up once: a second time is
  ignored, and triggers refuse every update, so that a released number never changes;
- each cell and each day is stored with its deadline, which only ever comes nearer;
- rows leave by `purge` alone;
- readers open `mode=ro`, take no lock longer than one query, and never create the file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, Row, Select, func, select, text

from agent.domain.aggregate import SITE_TOTAL, Aggregate
from agent.domain.daily import DailyAggregate
from agent.domain.retention import Holding
from agent.errors import StoreCorrupt, StoreFull
from agent.store import aggregate_holdings as lives
from agent.store.aggregate_rows import (
    DAY_FIELDS,
    FIELDS,
    to_aggregate,
    to_daily,
    to_instant,
    to_names,
    write_cell,
    write_day,
)
from agent.store.aggregate_tables import (
    CELL,
    DAY,
    DAY_NUMBER,
    MAX_PAGES,
    NUMBER,
    SCHEMA,
    SCHEMA_VERSION,
    found_version,
    reader_engine,
    refusals,
    triggers,
    writer_engine,
)
from agent.store.ballast import Ballast
from agent.store.migrations import migrate
from agent.store.quarantine import move_aside

__all__ = ["AggregateReader", "AggregateWriter", "Latest", "NumberPurge", "open_or_replace"]

READER_PATIENCE_SECONDS = 2.0
KEEP = timedelta(days=90)
"""How long a cell lives where nobody says otherwise."""
KEEP_DAYS = timedelta(days=730)
"""How long a day's numbers live where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class NumberPurge:
    """What one purge did.

    Attributes:
        cells: buckets whose numbers were deleted.
        days: days whose numbers were deleted.
        files: damaged databases that were overwritten and removed.
    """

    cells: int
    days: int
    files: int


class AggregateWriter:
    """The agent's end: releases, sums up days, and deletes."""

    def __init__(self, path: Path, *, max_pages: int = MAX_PAGES) -> None:
        """Open or create the database; an older one is brought forward.

        Raises:
            SchemaTooNew: a newer Omokage wrote it.
            StoreCorrupt: it is damaged; see `open_or_replace`.
            StoreError: it can't be opened or isn't a database.
        """
        self._path = path
        with refusals():
            path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = writer_engine(path, max_pages)
        try:
            self._prepare()
        except BaseException:
            self._engine.dispose()
            raise
        self.reader = AggregateReader(path)
        self._ballast = Ballast(path)
        self._ballast.restore()

    def _prepare(self) -> None:
        with refusals():
            with self._engine.begin() as connection:
                found = found_version(connection)
                if found == 0:
                    SCHEMA.create_all(connection)
                    for trigger in triggers():
                        connection.execute(text(trigger))
                    connection.execute(text(f"PRAGMA user_version={SCHEMA_VERSION}"))
            migrate(self._engine, "aggregates")

    def release(self, rows: Iterable[Aggregate], keep: timedelta = KEEP) -> int:
        """Write rows in one transaction; cells that are already released stay as they are.

        Args:
            rows: of whole cells.
            keep: how long a cell may live from its end on.

        Returns:
            How many rows were new.

        Raises:
            StoreFull: no space is left; nothing of this call was written.
            StoreError: the database refuses; nothing of this call was written.
        """
        cells: dict[tuple[str, datetime], list[Aggregate]] = defaultdict(list)
        for row in rows:
            cells[row.zone, row.bucket_start].append(row)
        with refusals(), self._engine.begin() as connection:
            return sum(write_cell(connection, cell, keep) for cell in cells.values())

    def close_day(self, rows: Iterable[DailyAggregate], keep: timedelta = KEEP_DAYS) -> int:
        """Write a day's numbers, in one transaction; a day that is there stays as it is.

        Args:
            rows: of one or more days, whole.
            keep: how long a day may live from its end on.

        Returns:
            How many rows were new.

        Raises:
            StoreFull, StoreError: as `release`.
        """
        days: dict[tuple[str, datetime], list[DailyAggregate]] = defaultdict(list)
        for row in rows:
            days[row.zone, row.day.start].append(row)
        with refusals(), self._engine.begin() as connection:
            return sum(write_day(connection, day, keep) for day in days.values())

    def adopt(self, keep: timedelta) -> int:
        """Date the cells of an older Omokage from their own ends; return how many.

        Raises:
            StoreError: the database refuses; none was dated.
        """
        with refusals(), self._engine.begin() as connection:
            return lives.adopt(connection, keep)

    def holdings(self) -> list[Holding]:
        """Return every cell, every day and every damaged file, with its deadline.

        Raises:
            StoreError: the database refuses.
        """
        return self.reader.holdings()

    def lower(self, deadlines: Mapping[str, datetime]) -> int:
        """Bring deadlines forward; a later one than what holds already changes nothing.

        Args:
            deadlines: new deadline, aware UTC, by holding's id.

        Returns:
            How many deadlines changed.

        Raises:
            StoreError: the database refuses; no deadline was changed.
        """
        if not deadlines:
            return 0
        with refusals(), self._engine.begin() as connection:
            return lives.lower(connection, deadlines)

    def purge(self, ids: Collection[str]) -> NumberPurge:
        """Delete holdings; ids that aren't there are passed over.

        Args:
            ids: of holdings.

        Raises:
            StoreFull: not even the reserved room was enough; nothing was deleted.
            StoreError: the database refuses; nothing was deleted.
        """
        if not ids:
            return NumberPurge(0, 0, 0)
        files = lives.erase_files(self._path, ids)
        try:
            cells, days = self._purge(ids)
        except StoreFull:
            self._ballast.release()  # a rollback journal needs room before anything can go
            cells, days = self._purge(ids)
        self._ballast.restore()
        return NumberPurge(cells, days, files)

    def _purge(self, ids: Collection[str]) -> tuple[int, int]:
        with refusals(), self._engine.begin() as connection:
            return lives.purge(connection, ids)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_or_replace(path: Path, now: datetime) -> tuple[AggregateWriter, Path | None]:
    """Open the database; a damaged one is moved aside, and deleted when its time is over.

    Returns:
        The writer, and where the damaged file lies now, if there was one.

    Raises:
        SchemaTooNew, StoreError: as `AggregateWriter`.
    """
    try:
        return AggregateWriter(path), None
    except StoreCorrupt:
        aside = move_aside(path, now)
    return AggregateWriter(path), aside


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest release.

    Attributes:
        bucket_end: instant at which its bucket closed, aware UTC.
        bucket_seconds: length of its bucket.
        k: smallest number of persons behind a shown number.
        policy: SHA-256 (hex) of the policy.
        models: names of the models.
    """

    bucket_end: datetime
    bucket_seconds: int
    k: int
    policy: str
    models: tuple[str, ...]


class AggregateReader:
    """The page's end; can read and nothing else. Each call is one short transaction.

    A database that doesn't exist yet reads as empty: nothing has been released. One that an older
    Omokage wrote is read too; it has no days.
    """

    def __init__(self, path: Path, patience: float | None = None) -> None:
        """Open.

        Args:
            path: of the database.
            patience: seconds to wait for whoever has locked it; `READER_PATIENCE_SECONDS` if None.
        """
        self._path = path
        usual = READER_PATIENCE_SECONDS
        self._engine: Engine = reader_engine(path, usual if patience is None else patience)

    def rows(
        self,
        since: datetime,
        until: datetime,
        zones: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
    ) -> list[Aggregate]:
        """Return the released rows of all buckets that start in [since, until).

        Args:
            since: aware instant.
            until: aware instant.
            zones: names, None for all (then with `SITE_TOTAL`).
            metrics: names, None for all.

        Returns:
            Rows ordered by bucket, zone and metric.

        Raises:
            SchemaTooNew: a newer Omokage wrote the database.
            StoreError: it is locked or broken.
        """
        query = (
            select(*FIELDS)
            .join_from(NUMBER, CELL)
            .where(NUMBER.c.bucket_start >= since.timestamp())
            .where(NUMBER.c.bucket_start < until.timestamp())
            .order_by(NUMBER.c.bucket_start, NUMBER.c.zone, NUMBER.c.metric)
        )
        if zones is not None:
            query = query.where(NUMBER.c.zone.in_(zones))
        if metrics is not None:
            query = query.where(NUMBER.c.metric.in_(metrics))
        return [to_aggregate(row) for row in self._fetch(query)]

    def days(
        self,
        since: datetime,
        until: datetime,
        zones: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
    ) -> list[DailyAggregate]:
        """Return the rows of all days that start in [since, until). Arguments as `rows`."""
        query = (
            select(*DAY_FIELDS)
            .join_from(DAY_NUMBER, DAY)
            .where(DAY_NUMBER.c.start >= since.timestamp())
            .where(DAY_NUMBER.c.start < until.timestamp())
            .order_by(DAY_NUMBER.c.start, DAY_NUMBER.c.zone, DAY_NUMBER.c.metric)
        )
        if zones is not None:
            query = query.where(DAY_NUMBER.c.zone.in_(zones))
        if metrics is not None:
            query = query.where(DAY_NUMBER.c.metric.in_(metrics))
        return [to_daily(row) for row in self._fetch(query, least=2)]

    def summed_up_to(self) -> datetime | None:
        """Return the end of the newest day that was summed up, or None. Raises as `rows`."""
        end = func.max(DAY.c.start + DAY.c.seconds).label("end")
        for row in self._fetch(select(end), least=2):
            return None if row.end is None else to_instant(row.end)
        return None

    def first_day(self) -> datetime | None:
        """Return the start of the oldest day that is kept, or None. Raises as `rows`."""
        for row in self._fetch(select(func.min(DAY.c.start).label("start")), least=2):
            return None if row.start is None else to_instant(row.start)
        return None

    def latest(self) -> Latest | None:
        """Return the newest release, or None before the first. Raises as `rows`."""
        names = ("bucket_start", "bucket_seconds", "k", "policy", "models")
        query = (
            select(*(CELL.c[name] for name in names)).order_by(CELL.c.bucket_start.desc()).limit(1)
        )
        for row in self._fetch(query):
            start = to_instant(row.bucket_start)
            return Latest(
                start + timedelta(seconds=row.bucket_seconds),
                row.bucket_seconds,
                row.k,
                row.policy,
                to_names(row.models),
            )
        return None

    def earliest(self) -> datetime | None:
        """Return the start of the oldest bucket that is kept, or None. Raises as `rows`."""
        for row in self._fetch(select(func.min(CELL.c.bucket_start).label("start"))):
            return None if row.start is None else to_instant(row.start)
        return None

    def zones(self) -> list[str]:
        """Return the names of all zones with a release, sorted. Raises as `rows`."""
        query = select(CELL.c.zone).where(CELL.c.zone != SITE_TOTAL).distinct()
        return sorted(row.zone for row in self._fetch(query))

    def holdings(self) -> list[Holding]:
        """Return what there is, with its deadlines; see `AggregateWriter.holdings`."""
        cells = self._fetch(lives.CELLS, least=2)
        days = self._fetch(lives.DAYS, least=2)
        return [
            *(lives.cell_holding(row) for row in cells),
            *(lives.day_holding(row) for row in days),
            *lives.damaged_files(self._path, KEEP),
        ]

    def _fetch(self, query: Select[Any], *, least: int = 1) -> Sequence[Row[Any]]:
        with refusals():
            # Looked at each time: the agent may create the file while the page is open.
            if not self._path.exists():
                return []
            with self._engine.connect() as connection:
                if found_version(connection) < least:
                    return []  # the agent is just creating it, or hasn't brought it forward yet
                return connection.execute(query).all()
