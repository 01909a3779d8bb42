"""The access log's database: its tables, what its triggers refuse, how it is opened.

Rules:
- rollback journal instead of WAL: people of several accounts read the log, also when the agent is
  down, and a reader can't open a WAL database once its last writer is gone;
- `synchronous=EXTRA`: with a rollback journal, FULL leaves the folder unsynced after the journal's
  removal, and a power cut could then take back an acknowledged entry;
- each call opens the file anew: a log that was moved away or exchanged is noticed, not written to;
- entries are never changed, except that personal texts may become NULL, and leave only at the old
  end, up to what a note of kind `pruned` allows. Triggers refuse the rest: they stop a mistake, not
  somebody who may write the file; for those there is `agent.audit`.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from sqlalchemy import (
    Column,
    Computed,
    Engine,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from agent.domain.access_entry import AT
from agent.errors import StoreError
from agent.store.database import NO_TRACE, PAGE_BYTES, new_metadata, open_engine

NAME = "the access log"
SCHEMA_VERSION = 1
PATIENCE_SECONDS = 10.0
RESERVE_PAGES = 256
"""Only erasing and pruning may use them: both must work in a log that reached its cap."""
DAILY, PRUNED = "daily", "pruned"

METADATA = new_metadata()
LOG = Table("log", METADATA, Column("id", LargeBinary, primary_key=True))
ENTRY = Table(
    "entry",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("body", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("actor", Text),
    Column("actor_salt", LargeBinary),
    Column("note", Text),
    Column("note_salt", LargeBinary),
    Column("at", Text, Computed(f"substr(body, {AT.start + 1}, 27)", persisted=False)),
    Index("entry_at", "at"),
    Index("entry_actor", "actor"),
)
CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    Column("kind", String, primary_key=True),
    Column("size", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
)

_GONE = "coalesce((SELECT max(size) FROM checkpoint WHERE kind = 'pruned'), 0)"
_LAST = f"max(coalesce((SELECT max(number) FROM entry), 0), {_GONE})"  # noqa: S608 (fixed text)
_FOLLOWS = f"""CREATE TRIGGER entry_follows BEFORE INSERT ON entry
    WHEN NEW.number IS NOT {_LAST} + 1
    BEGIN SELECT RAISE(ABORT, 'entries are numbered without a gap'); END"""
_NEVER_CHANGES = """CREATE TRIGGER entry_never_changes BEFORE UPDATE ON entry WHEN NOT (
    NEW.number IS OLD.number AND NEW.body IS OLD.body AND NEW.hash IS OLD.hash
    AND (NEW.actor IS OLD.actor AND NEW.actor_salt IS OLD.actor_salt
         OR NEW.actor IS NULL AND NEW.actor_salt IS NULL)
    AND (NEW.note IS OLD.note AND NEW.note_salt IS OLD.note_salt
         OR NEW.note IS NULL AND NEW.note_salt IS NULL))
    BEGIN SELECT RAISE(ABORT, 'an entry never changes'); END"""
_NEVER_LEAVES = f"""CREATE TRIGGER entry_never_leaves BEFORE DELETE ON entry
    WHEN OLD.number > {_GONE}
    BEGIN SELECT RAISE(ABORT, 'an entry leaves only at the old end'); END"""
TRIGGERS = (
    _FOLLOWS,
    _NEVER_CHANGES,
    _NEVER_LEAVES,
    *(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'what was signed stays'); END"
        for table in ("checkpoint", "log")
        for verb in ("UPDATE", "DELETE")
    ),
)


def create_file(path: Path) -> None:
    """Create an empty file that is there for as many as its folder is, but never for everybody.

    Raises:
        StoreError: it can't be created.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"can't create the folder {path.parent.name}") from error
    try:
        group = path.parent.stat().st_mode & 0o060
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise StoreError(f"can't create {path.name}: {error.strerror}") from error
    try:
        os.fchmod(handle, 0o600 | group)
    finally:
        os.close(handle)


def writer_engine(path: Path, max_bytes: int) -> Engine:
    """Return an engine whose transactions hold the write lock from their beginning."""
    # No journal_mode: a new file has a rollback journal, and another's file isn't to be changed.
    pragmas = (*NO_TRACE, "synchronous=EXTRA", f"max_page_count={max_bytes // PAGE_BYTES}")
    return _engine(path, mode="rw", begin="BEGIN IMMEDIATE", pragmas=pragmas)


def reader_engine(path: Path) -> Engine:
    """Return an engine that can't write, not even by mistake."""
    return _engine(path, mode="ro", begin="BEGIN", pragmas=("query_only=ON",))


_engine = partial(open_engine, keep=False, patience=PATIENCE_SECONDS)
