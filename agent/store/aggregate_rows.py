"""Rows of the aggregates' database as the domain's types, and back."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection

from agent.domain.aggregate import Aggregate
from agent.domain.daily import DailyAggregate, Day
from agent.store.aggregate_tables import CELL, DAY, DAY_NUMBER, NUMBER, REASONS
from agent.store.shelf import Tables


def buckets_query(tables: Tables) -> Select[Any]:
    """Select buckets' rows, the columns in the order of `Aggregate`'s attributes."""
    cell, number = tables.cell, tables.number
    names = (
        "metric", "unit", "value", "standard_error", "samples", "tracks", "persons", "suppressed",
        "reason",
    )  # fmt: skip
    columns = (
        *(number.c[name] for name in ("zone", "bucket_start")),
        cell.c.bucket_seconds,
        *(number.c[name] for name in names),
        *(cell.c[name] for name in ("k", "policy", "models")),
    )
    same = and_(cell.c.bucket_start == number.c.bucket_start, cell.c.zone == number.c.zone)
    return select(*columns).select_from(number.join(cell, same))


def days_query(tables: Tables) -> Select[Any]:
    """Select days' rows, for `to_daily`."""
    day, number = tables.day, tables.day_number
    names = ("seconds", "date", "expected", "k", "policies", "models")
    same = and_(day.c.start == number.c.start, day.c.zone == number.c.zone)
    columns = (*number.c, *(day.c[name] for name in names))
    return select(*columns).select_from(number.join(day, same))


def write_cell(connection: Connection, cell: list[Aggregate], keep: timedelta) -> int:
    """Insert a cell with its rows unless it is there; return how many rows were new."""
    first = cell[0]
    start = int(first.bucket_start.timestamp())
    opened = connection.execute(
        insert(CELL)
        .values(
            zone=first.zone,
            bucket_start=start,
            bucket_seconds=first.bucket_seconds,
            k=first.k,
            policy=first.policy,
            models="\n".join(first.models),
            delete_by=int((first.bucket_end + keep).timestamp()),
            numbers=len(cell),
        )
        .on_conflict_do_nothing()
    )
    if opened.rowcount == 0:
        return 0
    numbers = [
        {
            "zone": row.zone,
            "bucket_start": start,
            "metric": row.metric,
            "unit": row.unit,
            "value": row.value,
            "standard_error": row.standard_error,
            "samples": row.samples,
            "tracks": row.tracks,
            "persons": row.persons,
            "suppressed": row.suppressed,
            "reason": row.reason,
        }
        for row in cell
    ]
    connection.execute(insert(NUMBER), numbers)
    return len(numbers)


def write_day(connection: Connection, rows: list[DailyAggregate], keep: timedelta) -> int:
    """Insert a day with its rows unless it is there; return how many rows were new."""
    first = rows[0]
    start = int(first.day.start.timestamp())
    opened = connection.execute(
        insert(DAY)
        .values(
            start=start,
            zone=first.zone,
            seconds=first.day.seconds,
            date=first.day.date.isoformat(),
            expected=max(row.expected for row in rows),
            k=min(row.k for row in rows),
            policies="\n".join(sorted({digest for row in rows for digest in row.policies})),
            models="\n".join(sorted({name for row in rows for name in row.models})),
            delete_by=int((first.day.end + keep).timestamp()),
            numbers=len(rows),
        )
        .on_conflict_do_nothing()
    )
    if opened.rowcount == 0:
        return 0
    names = ("zone", "metric", "unit", "value", "standard_error", "samples", "tracks", "persons")
    numbers = [
        {
            "start": start,
            **{name: getattr(row, name) for name in (*names, "shown", "cells", "reason")},
        }
        for row in rows
    ]
    connection.execute(insert(DAY_NUMBER), numbers)
    return len(numbers)


def to_aggregate(row: Row[Any]) -> Aggregate:
    """Return a row of `buckets_query` as the domain has it."""
    # Rows come by the hundred thousand, so they are taken by position (see `buckets_query`).
    zone, start, *numbers, reason, k, policy, models = tuple[Any, ...](row)
    values = [zone, to_instant(start), *numbers, REASONS[reason], k, policy, to_names(models)]
    return Aggregate(*values)


def to_daily(row: Row[Any]) -> DailyAggregate:
    """Return a row of `days_query` as the domain has it."""
    names = ("zone", "metric", "unit", "value", "standard_error", "samples", "tracks", "persons")
    return DailyAggregate(
        day=_day(row.start, row.seconds, row.date),
        **{name: getattr(row, name) for name in (*names, "shown", "cells", "expected", "k")},
        reason=REASONS[row.reason],
        policies=to_names(row.policies),
        models=to_names(row.models),
    )


@functools.lru_cache(maxsize=4096)
def to_instant(seconds: int) -> datetime:
    """Return the aware UTC instant of whole seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


@functools.lru_cache(maxsize=1024)
def _day(start: int, seconds: int, day: str) -> Day:
    return Day(date.fromisoformat(day), to_instant(start), to_instant(start + seconds))


@functools.lru_cache(maxsize=64)
def to_names(lines: str) -> tuple[str, ...]:
    """Return names that are stored one a line."""
    return tuple(line for line in lines.split("\n") if line)
