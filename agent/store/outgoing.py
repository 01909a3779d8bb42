"""What a site's file offers to a centre: released rows, each through the type that guards it.

A row that says it is hidden and carries a number is refused by `Aggregate` itself, so that a file
which somebody changed sends nothing that was hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from agent.domain.aggregate import Aggregate
from agent.domain.daily import DailyAggregate
from agent.domain.outgoing import Key, Kind, Lives
from agent.errors import StoreCorrupt
from agent.store.aggregate_reader import NumberReader
from agent.store.aggregate_tables import SCHEMA_VERSION
from agent.store.shelf import Shelf, shelf_of

SITE_SCHEMA = SCHEMA_VERSION
Rows = dict[str, Any]


class Outgoing:
    """This site's released numbers, read-only."""

    def __init__(self, source: Path | Shelf) -> None:
        """Say where they lie."""
        self._shelf = shelf_of(source)
        self._reader = NumberReader(self._shelf)

    def stock(self, lives: Lives) -> dict[Key, int]:
        """Return the deadline of everything that was released, seconds since 1970.

        What an older Omokage wrote and the agent hasn't dated yet is left out.

        Args:
            lives: as the policy allows them now; a deadline that is later counts as this one.

        Raises:
            SchemaTooNew, StoreError: the database refuses.
        """
        cell, day = self._shelf.tables.cell, self._shelf.tables.day
        asked = (
            (Kind.CELL, cell.c.bucket_start, cell.c.bucket_seconds, cell.c.zone, cell.c.delete_by),
            (Kind.DAY, day.c.start, day.c.seconds, day.c.zone, day.c.delete_by),
        )
        found = {}
        for kind, *columns in asked:
            query = select(*columns).where(columns[-1].is_not(None))
            for row in self._shelf.fetch(query, least=2):
                start, seconds, zone, deadline = tuple[Any, ...](row)
                latest = start + seconds + lives.of(kind)
                found[Key(start, kind, zone)] = min(deadline, latest)
        return found

    def rows(self, keys: Sequence[Key], deadlines: dict[Key, int]) -> tuple[list[Rows], list[Rows]]:
        """Return heads and numbers of some keys of one kind, as the centre's columns.

        What was deleted meanwhile is left out.

        Args:
            keys: in order of time.
            deadlines: seconds since 1970, by key.

        Raises:
            StoreCorrupt: a row isn't what may be released.
            SchemaTooNew, StoreError: the database refuses.
        """
        kind = keys[0].kind
        since, until = _instant(keys[0].start), _instant(keys[-1].start) + timedelta(seconds=1)
        zones = sorted({key.zone for key in keys})
        try:
            if kind is Kind.CELL:
                cells = _grouped(self._reader.rows(since, until, zones), keys, _cell_key)
                return _cells(cells, deadlines)
            days = _grouped(self._reader.days(since, until, zones), keys, _day_key)
            return _days(days, deadlines)
        except (TypeError, ValueError) as error:
            raise StoreCorrupt("a released row isn't what may be released") from error


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _cell_key(row: Aggregate) -> Key:
    return Key(int(row.bucket_start.timestamp()), Kind.CELL, row.zone)


def _day_key(row: DailyAggregate) -> Key:
    return Key(int(row.day.start.timestamp()), Kind.DAY, row.zone)


def _grouped(rows: Iterable[Any], keys: Sequence[Key], key_of: Any) -> dict[Key, list[Any]]:
    wanted = set(keys)
    found: dict[Key, list[Any]] = defaultdict(list)
    for row in rows:
        if (key := key_of(row)) in wanted:
            found[key].append(row)
    return found


def _cells(
    found: dict[Key, list[Aggregate]], deadlines: dict[Key, int]
) -> tuple[list[Rows], list[Rows]]:
    names = ("metric", "unit", "value", "standard_error", "samples", "tracks", "persons",
             "suppressed")  # fmt: skip
    heads = [
        {
            "bucket_start": key.start,
            "zone": key.zone,
            "schema": SITE_SCHEMA,
            "bucket_seconds": rows[0].bucket_seconds,
            "k": rows[0].k,
            "policy": rows[0].policy,
            "models": "\n".join(rows[0].models),
            "delete_by": deadlines[key],
        }
        for key, rows in found.items()
    ]
    numbers = [
        {
            "bucket_start": key.start,
            "zone": key.zone,
            "reason": row.reason,
            **{name: getattr(row, name) for name in names},
        }
        for key, rows in found.items()
        for row in rows
    ]
    return heads, numbers


def _days(
    found: dict[Key, list[DailyAggregate]], deadlines: dict[Key, int]
) -> tuple[list[Rows], list[Rows]]:
    names = ("metric", "unit", "value", "standard_error", "samples", "tracks", "persons", "shown",
             "cells")  # fmt: skip
    heads = [
        {
            "start": key.start,
            "zone": key.zone,
            "schema": SITE_SCHEMA,
            "seconds": rows[0].day.seconds,
            "date": rows[0].day.date.isoformat(),
            "expected": rows[0].expected,
            "k": rows[0].k,
            "policies": "\n".join(rows[0].policies),
            "models": "\n".join(rows[0].models),
            "delete_by": deadlines[key],
        }
        for key, rows in found.items()
    ]
    numbers = [
        {
            "start": key.start,
            "zone": key.zone,
            "reason": row.reason,
            **{name: getattr(row, name) for name in names},
        }
        for key, rows in found.items()
        for row in rows
    ]
    return heads, numbers
