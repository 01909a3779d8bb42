"""Read released numbers, wherever they lie; can read and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, func, select

from agent.domain.aggregate import SITE_TOTAL, Aggregate
from agent.domain.daily import DailyAggregate
from agent.store.aggregate_rows import (
    buckets_query,
    days_query,
    to_aggregate,
    to_daily,
    to_instant,
    to_names,
)
from agent.store.shelf import PATIENCE_SECONDS, Shelf, shelf_of


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


class NumberReader:
    """The page's end; can read and nothing else. Each call is one short transaction.

    A database that doesn't exist yet reads as empty: nothing has been released. One that an older
    Omokage wrote is read too; it has no days.
    """

    def __init__(self, source: Path | Shelf, patience: float | None = None) -> None:
        """Open.

        Args:
            source: path of the site's database, or a shelf that lies elsewhere.
            patience: seconds to wait for whoever has locked the file; `PATIENCE_SECONDS` if None.
        """
        self._shelf = shelf_of(source, PATIENCE_SECONDS if patience is None else patience)
        self._tables = self._shelf.tables

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
        number = self._tables.number
        query = (
            buckets_query(self._tables)
            .where(number.c.bucket_start >= since.timestamp())
            .where(number.c.bucket_start < until.timestamp())
            .order_by(number.c.bucket_start, number.c.zone, number.c.metric)
        )
        if zones is not None:
            query = query.where(number.c.zone.in_(zones))
        if metrics is not None:
            query = query.where(number.c.metric.in_(metrics))
        return [to_aggregate(row) for row in self._fetch(query)]

    def days(
        self,
        since: datetime,
        until: datetime,
        zones: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
    ) -> list[DailyAggregate]:
        """Return the rows of all days that start in [since, until). Arguments as `rows`."""
        number = self._tables.day_number
        query = (
            days_query(self._tables)
            .where(number.c.start >= since.timestamp())
            .where(number.c.start < until.timestamp())
            .order_by(number.c.start, number.c.zone, number.c.metric)
        )
        if zones is not None:
            query = query.where(number.c.zone.in_(zones))
        if metrics is not None:
            query = query.where(number.c.metric.in_(metrics))
        return [to_daily(row) for row in self._fetch(query, least=2)]

    def summed_up_to(self) -> datetime | None:
        """Return the end of the newest day that was summed up, or None. Raises as `rows`."""
        day = self._tables.day
        end = func.max(day.c.start + day.c.seconds).label("end")
        for row in self._fetch(select(end), least=2):
            return None if row.end is None else to_instant(row.end)
        return None

    def first_day(self) -> datetime | None:
        """Return the start of the oldest day that is kept, or None. Raises as `rows`."""
        start = self._tables.day.c.start
        for row in self._fetch(select(func.min(start).label("start")), least=2):
            return None if row.start is None else to_instant(row.start)
        return None

    def latest(self) -> Latest | None:
        """Return the newest release, or None before the first. Raises as `rows`."""
        cell = self._tables.cell
        names = ("bucket_start", "bucket_seconds", "k", "policy", "models")
        query = select(*(cell.c[name] for name in names)).order_by(cell.c.bucket_start.desc())
        for row in self._fetch(query.limit(1)):
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
        start = self._tables.cell.c.bucket_start
        for row in self._fetch(select(func.min(start).label("start"))):
            return None if row.start is None else to_instant(row.start)
        return None

    def zones(self) -> list[str]:
        """Return the names of all zones with a release, sorted. Raises as `rows`."""
        zone = self._tables.cell.c.zone
        query = select(zone).where(zone != SITE_TOTAL).distinct()
        return sorted(row.zone for row in self._fetch(query))

    def _fetch(self, query: Select[Any], *, least: int = 1) -> Sequence[Row[Any]]:
        return self._shelf.fetch(query, least=least)
