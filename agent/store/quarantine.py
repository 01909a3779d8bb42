"""A damaged database: moved aside with its deadline, and erased when that passes.

Rules: the file is renamed, never repaired in place; the new database knows its name and the latest
instant at which anything in it may still exist; then it is overwritten and removed like any other
holding. What can still be read of its deadlines and legal holds is taken over; where nothing can
be read, the deadline is the longest that the policy allows from now on.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, delete, insert, select

from agent.domain.segment import from_seconds, to_seconds
from agent.errors import StoreError
from agent.store.database import refusals
from agent.store.tables import HOLDS, QUARANTINE

_PREFIX = "quarantine:"
_COMPANIONS = ("-wal", "-shm", "-journal", "")  # the database itself last
_BLOCK = bytes(1 << 20)
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A damaged database that was moved aside.

    Attributes:
        name: of the file, beside the new database.
        start: of the oldest bucket that it may hold, aware UTC.
        moved_at: aware UTC.
        delete_by: when the file itself must be gone, aware UTC.
        holds: how many legal holds could still be read in it.
    """

    name: str
    start: datetime
    moved_at: datetime
    delete_by: datetime
    holds: int


def quarantine_id(name: str) -> str:
    """Return the id of a quarantined file among the holdings."""
    return _PREFIX + name


def move_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged database and its companions; return its new path.

    Raises:
        StoreError: it can't be renamed.
    """
    aside = path.with_name(f"{path.name}.corrupt-{now.astimezone(UTC).strftime(_STAMP)}")
    try:
        for companion in _COMPANIONS:
            file = path.with_name(path.name + companion)
            if file.exists():
                file.replace(aside.with_name(aside.name + companion))
    except OSError as error:
        raise StoreError(f"can't move the damaged {path.name} aside: {error.strerror}") from error
    return aside


def register(engine: Engine, path: Path, longest: timedelta) -> list[Quarantined]:
    """Take every file that was moved aside and isn't known yet into the new database's care.

    Found by name, so that a crash between moving and registering is made up for.

    Args:
        engine: of the new database, writing.
        path: of the new database.
        longest: the longest life that a bucket may have, from the moment of moving on.

    Raises:
        StoreError: the database refuses.
    """
    pattern = re.compile(re.escape(path.name) + r"\.corrupt-(\d{8}T\d{6}Z)")
    aside = {f.name: m[1] for f in path.parent.iterdir() if (m := pattern.fullmatch(f.name))}
    with refusals(path.name), engine.begin() as connection:
        known = set(connection.scalars(select(QUARANTINE.c.name)))
        return [
            _register(connection, path.with_name(name), _instant(stamp), longest)
            for name, stamp in sorted(aside.items())
            if name not in known
        ]


def erase_quarantined(engine: Engine, path: Path, ids: Collection[str]) -> int:
    """Overwrite and remove quarantined files; return how many.

    Raises:
        StoreError: a file can't be erased, or the database refuses.
    """
    names = [id_.removeprefix(_PREFIX) for id_ in ids if id_.startswith(_PREFIX)]
    if not names:
        return 0
    with refusals(path.name), engine.connect() as connection:
        known = set(connection.scalars(select(QUARANTINE.c.name)))
    chosen = sorted(known.intersection(names))  # never a file that isn't registered
    for name in chosen:
        for companion in _COMPANIONS:
            erase_file(path.with_name(name + companion))
        with refusals(path.name), engine.begin() as connection:
            connection.execute(delete(QUARANTINE).where(QUARANTINE.c.name == name))
    return len(chosen)


def _register(
    connection: Connection, aside: Path, moved_at: datetime, longest: timedelta
) -> Quarantined:
    oldest, latest, holds = _salvage(aside)
    bound = to_seconds(moved_at + longest)
    found = Quarantined(
        name=aside.name,
        start=from_seconds(min(oldest, to_seconds(moved_at))) if oldest else moved_at - longest,
        moved_at=moved_at,
        # No bucket can be younger than the file's end, so what it says is cut at the bound.
        delete_by=from_seconds(min(latest or bound, bound)),
        holds=0,
    )
    row = {
        "name": found.name,
        "start": to_seconds(found.start),
        "moved_at": to_seconds(moved_at),
        "delete_by": to_seconds(found.delete_by),
    }
    connection.execute(insert(QUARANTINE).values(row))
    known = set(connection.scalars(select(HOLDS.c.id)))
    kept = [hold for hold in holds if hold["id"] not in known]
    if kept:
        connection.execute(insert(HOLDS), kept)
    return Quarantined(found.name, found.start, moved_at, found.delete_by, len(kept))


def _salvage(aside: Path) -> tuple[int | None, int | None, list[dict[str, Any]]]:
    """Read what a damaged database still tells: oldest start, latest deadline, holds."""
    address = f"file:{quote(str(aside.absolute()))}?mode=ro"
    oldest = latest = None
    holds: list[dict[str, Any]] = []
    names = [column.name for column in HOLDS.c]
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            span = "SELECT min(bucket_start), max(delete_by) FROM buckets"
            oldest, latest = connection.execute(span).fetchone()
            rows = connection.execute(f"SELECT {', '.join(names)} FROM holds")  # noqa: S608 fixed
            holds = [dict(zip(names, row, strict=True)) for row in rows]
    except (sqlite3.Error, OverflowError, TypeError):
        pass  # that much was readable, and no more
    if not isinstance(oldest, int) or not isinstance(latest, int):
        return None, None, []
    return oldest, latest, [hold for hold in holds if _is_whole(hold)]


def _is_whole(hold: dict[str, Any]) -> bool:
    numbers = ("since", "until", "placed_at", "expires_at")
    words = ("id", "reason", "approver")
    return all(isinstance(hold[n], int) for n in numbers) and all(
        isinstance(hold[n], str) for n in words
    )


def erase_file(file: Path) -> None:
    """Overwrite a file with zeros, wait for the disk, remove it."""
    try:
        size = file.stat().st_size
        with file.open("r+b") as opened:
            for at in range(0, size, len(_BLOCK)):
                opened.write(_BLOCK[: size - at])
            opened.flush()
            os.fsync(opened.fileno())
        file.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"can't erase {file.name}: {error.strerror}") from error


def _instant(stamp: str) -> datetime:
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
