"""The access log's reading end: pages of entries for people, all rows for the verifier.

Each call is one short transaction, since a reader's lock holds writers up. A log that doesn't
exist yet reads as empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select, text
from sqlalchemy.sql.elements import ColumnElement

from agent.domain.access import Action, Decision, Role
from agent.domain.access_entry import AccessEntry, EntryRow, instant_text, read_entry
from agent.errors import SchemaTooNew, StoreError
from agent.store.access_tables import (
    CHECKPOINT,
    DAILY,
    ENTRY,
    LOG,
    NAME,
    PRUNED,
    SCHEMA_VERSION,
    reader_engine,
)
from agent.store.database import refusals
from agent.store.migrations import schema_number

ROWS_A_TURN = 8192

# Casts: a forged row may hold any type; hashing then meets bytes or None and nothing else.
_ROWS = (
    "SELECT number, CAST(body AS BLOB), CAST(hash AS BLOB), CAST(actor AS BLOB), "
    "CAST(actor_salt AS BLOB), CAST(note AS BLOB), CAST(note_salt AS BLOB) "
    "FROM entry WHERE number > ? ORDER BY number LIMIT ?"
)
_FIRST_ROW = -(1 << 63)


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed note about the log, as it is kept in the log's database.

    Attributes:
        size: number of entries that it speaks for.
        at: when it was signed, aware UTC.
        note: C2SP signed note.
        peaks: of the Merkle tree of those entries, where they are deleted; see `agent.audit`.
    """

    size: int
    at: datetime
    note: str
    peaks: bytes = b""


@dataclass(frozen=True, slots=True)
class AccessQuery:
    """Which entries; None asks for all.

    Attributes:
        since: first instant, aware.
        until: first instant after, aware.
        actor: exactly this name.
        role: as what they acted.
        action: what was done.
        decision: how it ended.
        object: id of something it was done to, exactly.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    role: Role | None = None
    action: Action | None = None
    decision: Decision | None = None
    object: str | None = None


class AccessReader:
    """Reads one site's log and can't write it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = reader_engine(path)

    def entries(
        self, query: AccessQuery = AccessQuery(), *, limit: int = 50, before: int | None = None
    ) -> list[AccessEntry]:
        """Return matching entries, newest first.

        Args:
            query: which ones.
            limit: at most so many.
            before: only entries with a smaller number: the last one of the page before.

        Raises:
            SchemaTooNew: a newer Omokage wrote the log.
            StoreError: it is locked, broken, or holds what isn't an entry.
        """
        wanted = select(ENTRY.c.number).where(*_conditions(query))
        if before is not None:
            wanted = wanted.where(ENTRY.c.number < before)
        wanted = wanted.order_by(ENTRY.c.number.desc()).limit(limit)
        columns = _ROWS.partition("WHERE")[0]
        with self._connect() as connection:
            if connection is None:
                return []
            numbers = list(connection.scalars(wanted))
            rows = [
                connection.exec_driver_sql(f"{columns} WHERE number = ?", (number,)).one()
                for number in numbers
            ]
        try:
            return [read_entry(EntryRow(*row)) for row in rows]
        except ValueError as error:
            raise StoreError(
                f"{NAME}: {error}", advice="Run `omokage audit verify`: it says what is wrong."
            ) from error

    def count(self, query: AccessQuery = AccessQuery()) -> int:
        """Return how many entries match. Raises as `entries`."""
        with self._connect() as connection:
            if connection is None:
                return 0
            wanted = select(func.count()).select_from(ENTRY).where(*_conditions(query))
            return int(connection.scalar(wanted) or 0)

    def rows(self, after: int | None = None) -> Iterator[Sequence[Any]]:
        """Yield all rows as they are stored, in the order and with the fields of `EntryRow`.

        They are read in turns, so that a writer never waits for a verifier.

        Args:
            after: only rows with a larger number.

        Raises:
            SchemaTooNew, StoreError: as `entries`.
        """
        last = _FIRST_ROW if after is None else after
        while True:
            with self._connect() as connection:
                if connection is None:
                    return
                turn = connection.exec_driver_sql(_ROWS, (last, ROWS_A_TURN))
                rows = turn.cursor.fetchall()
            if not rows:
                return
            yield from rows
            last = rows[-1][0]

    def log_id(self) -> bytes | None:
        """Return the log's random id, None where there is no log. Raises as `entries`."""
        with self._connect() as connection:
            if connection is None:
                return None
            found = connection.execute(select(LOG.c.id)).scalars().first()
            return found if isinstance(found, bytes) else b""

    def newest(self) -> int:
        """Return the number of the newest entry, 0 where there is none. Raises as `entries`."""
        with self._connect() as connection:
            if connection is None:
                return 0
            return int(connection.scalar(select(func.max(ENTRY.c.number))) or 0)

    def checkpoints(self) -> list[StoredCheckpoint]:
        """Return the daily checkpoints, oldest first. Raises as `entries`."""
        return self._checkpoints(DAILY)

    def pruned(self) -> StoredCheckpoint | None:
        """Return what the oldest entries were pruned with, None if never. Raises as `entries`."""
        return next(reversed(self._checkpoints(PRUNED)), None)

    def copied_notes(self) -> str:
        """Return the text of the file beside the database that holds the signed notes again.

        Raises:
            StoreError: the file is there and can't be read.
        """
        path = checkpoints_file(self._path)
        try:
            return path.read_text("utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"can't read {path.name}") from error

    def prune_point(self, before: datetime, now: datetime) -> int:
        """Return the number of the last entry of the old end that may go; 0 for none.

        The first entry that was written in [before, now] stays, and all after it. An entry that
        claims to be from the future (a clock was wrong) goes with its neighbours.

        Raises:
            SchemaTooNew, StoreError: as `entries`.
        """
        young = ENTRY.c.at.between(instant_text(before), instant_text(now))
        with self._connect() as connection:
            if connection is None:
                return 0
            ends = select(func.min(ENTRY.c.number), func.max(ENTRY.c.number))
            oldest, newest = connection.execute(ends).one()
            stays = connection.scalar(select(func.min(ENTRY.c.number)).where(young))
        if oldest is None or stays == oldest:
            return 0
        return int(newest if stays is None else stays - 1)

    def _checkpoints(self, kind: str) -> list[StoredCheckpoint]:
        wanted = select(CHECKPOINT).where(CHECKPOINT.c.kind == kind).order_by(CHECKPOINT.c.size)
        with self._connect() as connection:
            rows: Sequence[Row[Any]] = connection.execute(wanted).all() if connection else []
        try:
            return [
                StoredCheckpoint(int(r.size), _instant(r.at), str(r.note), bytes(r.peaks))
                for r in rows
            ]
        except (TypeError, ValueError) as error:
            raise StoreError(
                f"{NAME} holds a checkpoint that can't be read",
                advice="Somebody changed the database; compare it with a checkpoint on paper.",
            ) from error

    @contextmanager
    def _connect(self) -> Iterator[Connection | None]:
        # Looked at each time: the log may be created while a page is open.
        if not self._path.exists():
            yield None
            return
        with refusals(NAME), self._engine.connect() as connection:
            found = schema_number(connection)
            if found is None:
                empty = not connection.execute(text("SELECT 1 FROM sqlite_master")).first()
                if not empty:
                    raise StoreError(f"{self._path.name} isn't an access log")
                yield None  # somebody is just creating it
                return
            if found > SCHEMA_VERSION:
                raise SchemaTooNew(f"{NAME} has schema {found}, this one reads {SCHEMA_VERSION}")
            yield connection


def checkpoints_file(path: Path) -> Path:
    """Return where a log's signed notes are kept again, beside its database."""
    return path.with_suffix(".checkpoints")


def _conditions(query: AccessQuery) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.since is not None:
        found.append(ENTRY.c.at >= instant_text(query.since))
    if query.until is not None:
        found.append(ENTRY.c.at < instant_text(query.until))
    if query.actor is not None:
        found.append(ENTRY.c.actor == query.actor)
    for name in ("role", "action", "decision"):
        value = getattr(query, name)
        if value is not None:
            found.append(func.json_extract(ENTRY.c.body, f"$.{name}") == value.value)
    if query.object is not None:
        inside = func.json_each(ENTRY.c.body, "$.objects").table_valued("value")
        found.append(exists().select_from(inside).where(inside.c.value == query.object))
    return found


def _instant(stored: str) -> datetime:
    return datetime.fromisoformat(stored).astimezone(UTC)
