"""What lives and dies in the aggregates' database: cells, days, and damaged files beside it.

A holding's id says what it is and is unique among all of them: `cell:START:ZONE`,
`day:START:ZONE`, `file:NAME`, START being seconds since 1970 UTC.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Table,
    bindparam,
    delete,
    func,
    select,
    update,
)

from agent.domain.retention import Holding, Tier
from agent.domain.segment import from_seconds, to_seconds
from agent.store.aggregate_tables import CELL, DAY
from agent.store.quarantine import erase_file

BYTES_A_NUMBER = 74
"""Measured: a file of 1.5 million numbers, divided. SQLite doesn't tell the size of a row."""

CELLS = select(
    CELL.c.bucket_start.label("start"),
    CELL.c.zone,
    CELL.c.bucket_seconds.label("seconds"),
    # A cell that nobody has dated yet is due at its end: in doubt nothing is kept.
    func.coalesce(CELL.c.delete_by, CELL.c.bucket_start + CELL.c.bucket_seconds).label("delete_by"),
    func.coalesce(CELL.c.numbers, 0).label("numbers"),
)
DAYS = select(DAY.c.start, DAY.c.zone, DAY.c.seconds, DAY.c.delete_by, DAY.c.numbers)

_STAMP = "%Y%m%dT%H%M%SZ"
_COMPANIONS = ("-journal", "")
_TABLES: dict[str, tuple[Table, str]] = {"cell": (CELL, "bucket_start"), "day": (DAY, "start")}


def cell_holding(row: Row[Any]) -> Holding:
    """Return a bucket's numbers as a holding."""
    return _holding(row, "cell", Tier.AGGREGATES)


def day_holding(row: Row[Any]) -> Holding:
    """Return a day's numbers as a holding."""
    return _holding(row, "day", Tier.DAILY)


def _holding(row: Row[Any], kind: str, tier: Tier) -> Holding:
    start, zone, seconds, delete_by, numbers = tuple[Any, ...](row)
    return Holding(
        id=f"{kind}:{start}:{zone}",
        tier=tier,
        zone=zone,
        start=from_seconds(start),
        end=from_seconds(start + seconds),
        rows=numbers,
        stored_bytes=numbers * BYTES_A_NUMBER,
        delete_by=from_seconds(delete_by),
    )


def adopt(connection: Connection, keep: timedelta) -> int:
    """Date the cells that have no deadline."""
    end = CELL.c.bucket_start + CELL.c.bucket_seconds
    dated = update(CELL).where(CELL.c.delete_by.is_(None))
    return connection.execute(dated.values(delete_by=end + int(keep.total_seconds()))).rowcount


def lower(connection: Connection, deadlines: Mapping[str, datetime]) -> int:
    """Bring deadlines forward; return how many changed."""
    changed = 0
    for kind, (table, start) in _TABLES.items():
        new: BindParameter[int] = bindparam("new")
        change = (
            update(table)
            .where(table.c[start] == bindparam("at"), table.c.zone == bindparam("where"))
            .where(table.c.delete_by > new)
            .values(delete_by=new)
        )
        for id_, deadline in deadlines.items():
            if (place := _place(id_, kind)) is not None:
                row = {"at": place[0], "where": place[1], "new": to_seconds(deadline)}
                changed += connection.execute(change, row).rowcount
    return changed


def purge(connection: Connection, ids: Collection[str]) -> tuple[int, int]:
    """Delete cells and days with their numbers; return how many of each."""
    found = {kind: [p for id_ in ids if (p := _place(id_, kind))] for kind in _TABLES}
    return _delete(connection, "cell", found["cell"]), _delete(connection, "day", found["day"])


def _delete(connection: Connection, kind: str, places: list[tuple[int, str]]) -> int:
    table, start = _TABLES[kind]
    gone = delete(table).where(
        table.c[start] == bindparam("at"), table.c.zone == bindparam("where")
    )
    return sum(connection.execute(gone, {"at": at, "where": zone}).rowcount for at, zone in places)


def _place(id_: str, kind: str) -> tuple[int, str] | None:
    """Return start and zone of a holding of this kind; None for another one."""
    found, _, rest = id_.partition(":")
    start, colon, zone = rest.partition(":")
    if found != kind or not colon or not start.lstrip("-").isdecimal():
        return None
    return int(start), zone


def damaged_files(path: Path, keep: timedelta) -> Iterator[Holding]:
    """Yield the damaged databases that were moved aside; nobody can tell what is in them.

    What lies in such a file was released before it was moved, so its life is counted from then.
    """
    for file, moved_at in _aside(path):
        yield Holding(
            id=f"file:{file.name}",
            tier=Tier.AGGREGATES,
            zone="",
            start=moved_at - timedelta(seconds=1),
            end=moved_at,
            rows=0,
            stored_bytes=file.stat().st_size,
            delete_by=moved_at + keep,
        )


def erase_files(path: Path, ids: Collection[str]) -> int:
    """Overwrite and remove damaged databases; return how many.

    Raises:
        StoreError: a file can't be erased.
    """
    chosen = [file for file, _ in _aside(path) if f"file:{file.name}" in ids]
    for file in chosen:
        for companion in _COMPANIONS:
            erase_file(file.with_name(file.name + companion))
    return len(chosen)


def _aside(path: Path) -> list[tuple[Path, datetime]]:
    if not path.parent.exists():
        return []
    pattern = re.compile(re.escape(path.name) + r"\.corrupt-(\d{8}T\d{6}Z)")
    return [
        (file, datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC))
        for file in sorted(path.parent.iterdir())
        if (found := pattern.fullmatch(file.name))
    ]
