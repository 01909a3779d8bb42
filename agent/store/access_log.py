"""The access log's writing end: appends, erases personal texts, and prunes what was signed for.

Several processes append; each entry is one transaction that holds the write lock from before it
reads the last entry until its own is on the disk. What can't be written raises, and the caller
then doesn't do what it wanted to announce.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, func, insert, inspect, select, text, update

from agent.domain.access import AccessEvent
from agent.domain.access_entry import (
    LOG_ID_BYTES,
    SALT_BYTES,
    EntryRow,
    first_link,
    instant_text,
    to_ranges,
    write_entry,
)
from agent.errors import StoreError
from agent.store.access_reader import AccessReader, StoredCheckpoint, checkpoints_file
from agent.store.access_tables import (
    CHECKPOINT,
    DAILY,
    ENTRY,
    LOG,
    METADATA,
    NAME,
    PRUNED,
    RESERVE_PAGES,
    SCHEMA_VERSION,
    TRIGGERS,
    create_file,
    writer_engine,
)
from agent.store.database import PAGE_BYTES, refusals
from agent.store.migrations import migrate

__all__ = ["AccessLog", "AccessReader", "Erasure", "StoredCheckpoint"]

MAX_BYTES = 1 << 30
RANGES_AN_ENTRY = 2000


@dataclass(frozen=True, slots=True)
class Erasure:
    """Which entries hold a person's texts.

    Attributes:
        actors: numbers of the entries whose actor is the person.
        notes: numbers of the entries whose note belongs to or names the person.
    """

    actors: tuple[int, ...]
    notes: tuple[int, ...]


class AccessLog:
    """Appends to one site's log. An `AccessRecorder`."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        """Open the log, or create an empty one.

        Args:
            path: of the database; its folder is created where it is missing.
            max_bytes: the database doesn't grow beyond this, except to erase and to prune.

        Raises:
            SchemaTooNew: a newer Omokage wrote it.
            StoreError: it can't be opened, or isn't an access log.
        """
        self._path = path
        self._last: tuple[int, bytes] | None = None
        create_file(path)
        self._engine = writer_engine(path, max_bytes)
        self._larger = writer_engine(path, max_bytes + RESERVE_PAGES * PAGE_BYTES)
        with refusals(NAME):
            self._prepare()

    def _prepare(self) -> None:
        with self._engine.begin() as connection:
            if inspect(connection).get_table_names():
                foreign = not inspect(connection).has_table("entry")
            else:
                foreign = False
                METADATA.create_all(connection)
                for trigger in TRIGGERS:
                    connection.execute(text(trigger))
                connection.execute(
                    insert(METADATA.tables["meta"]).values(name="schema", number=SCHEMA_VERSION)
                )
                connection.execute(insert(LOG).values(id=os.urandom(LOG_ID_BYTES)))
        if foreign:
            raise StoreError(f"{self._path.name} isn't an access log")
        migrate(self._engine, "access_log")

    def record(self, event: AccessEvent) -> None:
        """Append one event; when this returns, it is on the disk.

        Raises:
            StoreFull: there is no space left.
            StoreError: the log is gone, locked, was exchanged for another, or refuses.
            ValueError: the event can't be written as an entry; see `write_entry`.
        """
        with self._transaction(self._engine) as connection:
            last = self._append(connection, event)
        self._last = last

    def find(self, person: str) -> Erasure:
        """Return which entries hold a person's texts: as the actor, or named in a note.

        Raises:
            StoreError: the log refuses.
        """
        with self._transaction(self._engine) as connection:
            return _find(connection, person)

    def erase(self, person: str, event: AccessEvent) -> Erasure:
        """Erase a person's name and notes for good; the chain still holds.

        Args:
            person: as the actor's name stands in the log; notes that contain it go too.
            event: who erases and why; the numbers of the entries are added to it. It is written
                in the same transaction, first, and must not hold the name itself.

        Returns:
            Which entries were changed; where there are none, nothing is written at all.

        Raises:
            StoreError: the log refuses; nothing was changed.
        """
        last = None
        with self._transaction(self._larger) as connection:
            found = _find(connection, person)
            objects = [f"actor:{r}" for r in to_ranges(found.actors)]
            objects += [f"note:{r}" for r in to_ranges(found.notes)]
            counts = {"actors": len(found.actors), "notes": len(found.notes)}
            for start in range(0, len(objects), RANGES_AN_ENTRY):
                part = tuple(objects[start : start + RANGES_AN_ENTRY])
                last = self._append(connection, replace(event, objects=part, counts=counts))
            for column, numbers in (("actor", found.actors), ("note", found.notes)):
                for number in numbers:
                    row = update(ENTRY).where(ENTRY.c.number == number)
                    connection.execute(row.values({column: None, f"{column}_salt": None}))
        self._last = last or self._last
        return found

    def add_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        """Keep a signed checkpoint, in the database and in the file beside it.

        Raises:
            StoreError: the log or the file refuses.
        """
        with self._transaction(self._engine) as connection:
            known = select(CHECKPOINT.c.size).where(
                CHECKPOINT.c.kind == DAILY, CHECKPOINT.c.size == checkpoint.size
            )
            if connection.scalar(known) is None:
                connection.execute(insert(CHECKPOINT).values(_values(DAILY, checkpoint)))
        self._copy(checkpoint.note)

    def prune(self, checkpoint: StoredCheckpoint, event: AccessEvent) -> int:
        """Delete the oldest entries, up to and including number `checkpoint.size`.

        Args:
            checkpoint: its note is signed, and says what was pruned.
            event: who prunes and why; written first, in the same transaction.

        Returns:
            How many entries were deleted.

        Raises:
            StoreError: there is nothing to prune up to there, or the log refuses.
        """
        with self._transaction(self._larger) as connection:
            newest = connection.scalar(select(func.max(ENTRY.c.number))) or 0
            if not 0 < checkpoint.size <= newest:
                raise StoreError("the access log has no such entries to prune")
            last = self._append(connection, event)
            connection.execute(insert(CHECKPOINT).values(_values(PRUNED, checkpoint)))
            old = delete(ENTRY).where(ENTRY.c.number <= checkpoint.size)
            gone = connection.execute(old).rowcount
        self._last = last
        return gone

    def close(self) -> None:
        """Let go of the file; nothing is open between two calls anyway."""
        self._engine.dispose()
        self._larger.dispose()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        with refusals(NAME), engine.begin() as connection:
            yield connection

    def _append(self, connection: Connection, event: AccessEvent) -> tuple[int, bytes]:
        """Write the next entry in the caller's transaction; return its number and hash."""
        log_id: bytes = connection.scalars(select(LOG.c.id)).one()
        newest = select(ENTRY.c.number, ENTRY.c.hash).order_by(ENTRY.c.number.desc()).limit(1)
        number, previous = connection.execute(newest).first() or (0, first_link(log_id))
        self._refuse_exchanged(connection)
        row = write_entry(
            event, number + 1, previous,
            actor_salt=os.urandom(SALT_BYTES), note_salt=os.urandom(SALT_BYTES),
        )  # fmt: skip
        connection.execute(insert(ENTRY).values(_columns(row)))
        return row.number, row.hash

    def _refuse_exchanged(self, connection: Connection) -> None:
        """Notice an older copy of the log, or another log, that was put in this one's place."""
        if self._last is None:
            return
        number, expected = self._last
        found = connection.scalar(select(ENTRY.c.hash).where(ENTRY.c.number == number))
        gone = connection.scalar(
            select(func.max(CHECKPOINT.c.size)).where(CHECKPOINT.c.kind == PRUNED)
        )
        if found != expected and number > (gone or 0):
            raise StoreError(
                "the access log isn't the one that was written to before",
                advice="Keep the file, run `omokage audit verify`, and ask who exchanged it.",
            )

    def _copy(self, note: str) -> None:
        path = checkpoints_file(self._path)
        create_file(path)
        try:
            with path.open("r+", encoding="utf-8") as file:
                if note in file.read():
                    return
                file.write(note + "\n")
                file.flush()
                os.fsync(file.fileno())
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"can't write {path.name}") from error


def _find(connection: Connection, person: str) -> Erasure:
    mine = ENTRY.c.actor == person
    named = ENTRY.c.note.is_not(None) & (
        mine | (func.instr(func.lower(ENTRY.c.note), func.lower(person)) > 0)
    )
    number = select(ENTRY.c.number).order_by(ENTRY.c.number)
    return Erasure(
        tuple(connection.scalars(number.where(mine))),
        tuple(connection.scalars(number.where(named))),
    )


def _values(kind: str, checkpoint: StoredCheckpoint) -> dict[str, object]:
    return {
        "kind": kind,
        "size": checkpoint.size,
        "at": instant_text(checkpoint.at),
        "note": checkpoint.note,
        "peaks": checkpoint.peaks,
    }


def _columns(row: EntryRow) -> dict[str, object]:
    return {
        "number": row.number,
        "body": row.body.decode(),
        "hash": row.hash,
        "actor": None if row.actor is None else row.actor.decode(),
        "actor_salt": row.actor_salt,
        "note": None if row.note is None else row.note.decode(),
        "note_salt": row.note_salt,
    }
