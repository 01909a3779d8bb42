"""Let the database add released rows up, so that a page reads thousands of numbers, not millions.

A stretch of time is read from single buckets or from the days that were summed up; `Span` says
which. Where all zones are asked for together, each bucket (or day) gives its site total where that
speaks for at least as many face-records as the zones that are shown, else those zones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, case, func, select, union_all

from agent.domain.aggregate import SITE_TOTAL, TOTAL_SECONDS
from agent.domain.sums import REASONS, Sum
from agent.store.shelf import Shelf, Tables, shelf_of

_FEW = 4
"""Metrics up to which each cell is asked for them, instead of reading all numbers of a stretch."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time and where it is read from.

    Attributes:
        since: first instant, aware UTC.
        until: first instant after.
        days: from the days that were summed up, instead of from single buckets.
    """

    since: datetime
    until: datetime
    days: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """How time is cut.

    Attributes:
        seconds: length of a step.
        anchor: where step 0 begins, seconds since 1970; rows before it have negative steps.
    """

    seconds: int
    anchor: int = 0


class SumReader:
    """Reads sums of one site's aggregates; a database that doesn't exist yet gives none."""

    def __init__(self, source: Path | Shelf) -> None:
        """Open; `source` is the path of the site's database, or a shelf that lies elsewhere."""
        self._shelf = shelf_of(source)
        self._tables = self._shelf.tables

    def by_zone(
        self,
        spans: Sequence[Span],
        steps: Steps,
        metrics: Sequence[str],
        zones: Sequence[str] | None = None,
    ) -> list[Sum]:
        """Return sums for each zone, step and metric.

        Args:
            spans: that don't overlap.
            steps: how time is cut.
            metrics: names.
            zones: names, None for all without the site total.

        Raises:
            SchemaTooNew: a newer Omokage wrote the database.
            StoreError: it is locked or broken.
        """
        rows = _source(self._tables, spans, metrics, zones)
        return self._sums(
            spans, _grouped(select(rows.c.zone, *_sums(rows, steps)), rows, rows.c.zone)
        )

    def pooled(self, spans: Sequence[Span], steps: Steps, metrics: Sequence[str]) -> list[Sum]:
        """Return sums over all zones for each step and metric, see above. Raises as `by_zone`."""
        rows = _chosen(_source(self._tables, spans, metrics, (), everywhere=True))
        return self._sums(spans, _grouped(select(*_sums(rows, steps)), rows))

    def coverage(
        self, spans: Sequence[Span], metrics: Sequence[str], zones: Sequence[str] | None = None
    ) -> list[Sum]:
        """Return one sum for each zone and metric, with `timed`; arguments as `by_zone`.

        `TOTAL_SECONDS` has to be among the metrics.
        """
        assert TOTAL_SECONDS in metrics, "shares of time are weighted by the time that was ticked"
        rows = _source(self._tables, spans, metrics, zones)
        ticked = func.max(case((rows.c.metric == TOTAL_SECONDS, rows.c.value)))
        timed = select(
            *rows.c,
            ticked.over(partition_by=(rows.c.start, rows.c.zone)).label("ticked"),
        ).subquery()
        steps = Steps(1 << 40)
        query = select(
            timed.c.zone, func.sum(timed.c.value * timed.c.ticked).label("timed"),
            *_sums(timed, steps),
        )  # fmt: skip
        return self._sums(spans, _grouped(query, timed, timed.c.zone))

    def days(self, since: datetime, until: datetime) -> tuple[datetime, datetime] | None:
        """Return start of the first and end of the last day that begin in [since, until), or None.

        Raises:
            SchemaTooNew, StoreError: as `by_zone`.
        """
        day = self._tables.day
        wanted = select(
            func.min(day.c.start).label("first"), func.max(day.c.start + day.c.seconds).label("end")
        ).where(day.c.start >= since.timestamp(), day.c.start < until.timestamp())
        for row in self._fetch(wanted, days=True):
            if row.first is not None:
                return datetime.fromtimestamp(row.first, UTC), datetime.fromtimestamp(row.end, UTC)
        return None

    def terms(self, since: datetime, until: datetime) -> tuple[set[str], set[str]]:
        """Return the policies' digests and the sets of models behind all releases.

        Args:
            since: aware UTC, first start of a bucket or day.
            until: first start after; a set of models is its sorted names, one a line.

        Raises:
            SchemaTooNew, StoreError: as `by_zone`.
        """
        found: tuple[set[str], set[str]] = set(), set()
        cell, day = self._tables.cell, self._tables.day
        asked = ((cell, cell.c.bucket_start, cell.c.policy), (day, day.c.start, day.c.policies))
        for table, start, policies in asked:
            query = (
                select(policies.label("policies"), table.c.models)
                .where(start >= since.timestamp(), start < until.timestamp())
                .distinct()
            )
            for row in self._fetch(query, days=table is day):
                found[0].update(row.policies.split("\n"))
                found[1].add("\n".join(sorted(row.models.split("\n"))))
        return found

    def _sums(self, spans: Sequence[Span], query: Select[Any]) -> list[Sum]:
        rows = self._fetch(query, days=any(span.days for span in spans))
        names = rows[0]._fields if rows else ()
        return [_read(dict(zip(names, row, strict=True))) for row in rows]

    def _fetch(self, query: Select[Any], *, days: bool) -> Sequence[Row[Any]]:
        return self._shelf.fetch(query, least=2 if days else 1)


def _source(
    tables: Tables,
    spans: Sequence[Span],
    metrics: Sequence[str],
    zones: Sequence[str] | None,
    *,
    everywhere: bool = False,
) -> Subquery:
    """Return the released rows of all spans in one form, whether they are buckets or days."""
    parts = []
    for span in spans:
        few = len(metrics) <= _FEW
        table = tables.day_number if span.days else tables.number
        cell = tables.cell if few else tables.number
        start = table.c.start if span.days else cell.c.bucket_start
        part = (_day_rows(tables) if span.days else _bucket_rows(tables, few)).where(
            start >= span.since.timestamp(),
            start < span.until.timestamp(),
            table.c.metric.in_(metrics),
        )
        if not everywhere:
            inside = table.c.zone != SITE_TOTAL if zones is None else table.c.zone.in_(zones)
            part = part.where(inside)
        parts.append(part)
    return union_all(*parts).subquery()


def _bucket_rows(tables: Tables, cell_by_cell: bool) -> Select[Any]:
    cell, number = tables.cell, tables.number
    shown = case((number.c.suppressed, 0), else_=1)
    query = select(
        number.c.bucket_start.label("start"), number.c.zone, number.c.metric, number.c.value,
        number.c.standard_error, number.c.samples, number.c.tracks,
        (shown * 0 + 1).label("cells"), shown.label("shown"), number.c.reason,
    )  # fmt: skip
    if not cell_by_cell:
        return query
    # Cell by cell: the numbers lie in the order of time, so a few metrics are found faster so.
    same = and_(cell.c.bucket_start == number.c.bucket_start, cell.c.zone == number.c.zone)
    return query.select_from(cell.join(number, same))


def _day_rows(tables: Tables) -> Select[Any]:
    names = (
        "start", "zone", "metric", "value", "standard_error", "samples", "tracks", "cells",
        "shown", "reason",
    )  # fmt: skip
    return select(*(tables.day_number.c[name] for name in names))


def _chosen(rows: Subquery) -> Subquery:
    """Take of each bucket or day the site total, or the zones."""
    total = rows.c.zone == SITE_TOTAL
    same = (rows.c.start, rows.c.metric)
    in_total, in_zones = (
        func.coalesce(func.sum(case((which, rows.c.samples))).over(partition_by=same), 0)
        for which in (total, ~total)
    )
    taken = and_(in_total > 0, in_total >= in_zones)
    marked = select(*rows.c, taken.label("taken"), total.label("whole")).subquery()
    return select(marked).where(marked.c.whole == marked.c.taken).subquery()


def _step(rows: Subquery, steps: Steps) -> ColumnElement[int]:
    # Moved by whole steps first: the database rounds towards zero, and steps may be negative.
    ahead = steps.anchor // steps.seconds + 1
    moved = rows.c.start - steps.anchor + ahead * steps.seconds
    return moved // steps.seconds - ahead


def _sums(rows: Subquery, steps: Steps) -> tuple[ColumnElement[Any], ...]:
    v, n, e = rows.c.value, rows.c.samples, rows.c.standard_error
    counts = and_(v.is_not(None), n > 0)
    nn = case((counts, n * n))
    hidden = tuple(
        func.sum(case((rows.c.reason == reason.value, rows.c.cells - rows.c.shown), else_=0)).label(
            f"hidden_{reason.value}"
        )
        for reason in REASONS
    )
    return (
        _step(rows, steps).label("step"),
        rows.c.metric,
        func.sum(rows.c.cells).label("cells"),
        func.sum(rows.c.shown).label("shown"),
        func.sum(case((counts, 1), else_=0)).label("rows"),
        func.sum(n).label("samples"),
        func.sum(rows.c.tracks).label("tracks"),
        func.sum(n * v).label("weighted"),
        func.sum(nn * e * e).label("spread"),
        func.sum(case((and_(counts, e.is_(None)), 1), else_=0)).label("uncertain"),
        func.sum(nn).label("nn"),
        func.sum(nn * v).label("nnv"),
        func.sum(nn * v * v).label("nnvv"),
        func.sum(v).label("total"),
        func.max(v).label("top"),
        *hidden,
    )


def _grouped(query: Select[Any], rows: Subquery, *by: ColumnElement[Any]) -> Select[Any]:
    # By the label: a server that gets parameters apart can't see that two expressions are the same.
    return query.group_by(*by, "step", rows.c.metric)


_HIDDEN = tuple(f"hidden_{reason.value}" for reason in REASONS)


def _read(row: dict[str, Any]) -> Sum:
    return Sum(
        zone=row.get("zone", ""),
        step=int(row["step"]),
        metric=row["metric"],
        cells=int(row["cells"]),
        shown=int(row["shown"]),
        rows=int(row["rows"]),
        # PostgreSQL adds large whole numbers up as decimals.
        samples=int(row["samples"] or 0),
        tracks=int(row["tracks"] or 0),
        weighted=row["weighted"] or 0.0,
        spread=row["spread"] or 0.0,
        uncertain=int(row["uncertain"]),
        nn=float(row["nn"] or 0),
        nnv=row["nnv"] or 0.0,
        nnvv=row["nnvv"] or 0.0,
        total=row["total"] or 0.0,
        timed=row.get("timed") or 0.0,
        top=row["top"],
        hidden=tuple(int(row[name]) for name in _HIDDEN),
    )
