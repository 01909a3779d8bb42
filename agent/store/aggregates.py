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
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from sqlalchemy import text

from agent.domain.aggregate import Aggregate
from agent.domain.daily import DailyAggregate
from agent.domain.retention import Holding
from agent.errors import StoreCorrupt, StoreFull
from agent.store import aggregate_holdings as lives
from agent.store.aggregate_reader import Latest, NumberReader
from agent.store.aggregate_rows import write_cell, write_day
from agent.store.aggregate_tables import (
    MAX_PAGES,
    SCHEMA,
    SCHEMA_VERSION,
    found_version,
    refusals,
    triggers,
    writer_engine,
)
from agent.store.ballast import Ballast
from agent.store.migrations import migrate
from agent.store.quarantine import move_aside

READER_PATIENCE_SECONDS = 2.0

__all__ = ["AggregateReader", "AggregateWriter", "Latest", "NumberPurge", "open_or_replace"]

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


class AggregateReader(NumberReader):
    """The reader of this site's own file, which also knows what there is to delete."""

    def __init__(self, path: Path, patience: float | None = None) -> None:
        """Open; see `NumberReader`."""
        super().__init__(path, READER_PATIENCE_SECONDS if patience is None else patience)
        self._path = path

    def holdings(self) -> list[Holding]:
        """Return what there is, with its deadlines; see `AggregateWriter.holdings`."""
        cells = self._fetch(lives.CELLS, least=2)
        days = self._fetch(lives.DAYS, least=2)
        return [
            *(lives.cell_holding(row) for row in cells),
            *(lives.day_holding(row) for row in days),
            *lives.damaged_files(self._path, KEEP),
        ]
