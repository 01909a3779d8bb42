"""One SQLite file: how it is opened, capped and refused.

Rules, each on every connection, since builds of SQLite differ in their defaults:
`secure_delete=ON` overwrites what is deleted, and `temp_store=MEMORY` keeps old pages out of
temporary files; `synchronous=FULL` makes an acknowledged row survive a power cut; `max_page_count`
keeps a full database from being a full disk, on which SQLite could not even delete. In WAL mode
deleted rows stay in the `-wal` file until a TRUNCATE checkpoint, which any open reader blocks:
readers fetch all they need and let go.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    NullPool,
    QueuePool,
    String,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    text,
)
from sqlalchemy.exc import DBAPIError

from agent.errors import SchemaTooNew, StoreCorrupt, StoreError, StoreFull

DEFAULT_MAX_BYTES = 1 << 30
BUSY_SECONDS = 5.0
PAGE_BYTES = 4096
NO_TRACE = ("secure_delete=ON", "temp_store=MEMORY")
"""What is deleted is overwritten; and no statement spills old pages into a temporary file, which
SQLite would let go of without overwriting it."""


_LOCKED = (
    "is locked by another process",
    "Wait a moment; if it stays, close other programs that have the file open.",
)
_INTERRUPTED = (
    "was interrupted while something was written, and who only reads can't take that back",
    "Start the agent, or anything that writes into it: it takes back the half.",
)
_OTHERS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY_ROLLBACK: _INTERRUPTED,
    sqlite3.SQLITE_READONLY_RECOVERY: _INTERRUPTED,
}
"""What another program has caused: sentence and advice, by SQLite's code."""


class Journal(StrEnum):
    """How SQLite survives a crash: WAL for the agent's own, DELETE where readers come alone."""

    WAL = "wal"
    DELETE = "delete"


def new_metadata() -> MetaData:
    """Return a database's description, with its `meta` table (one row per fact) already in it."""
    metadata = MetaData()
    Table(
        "meta",
        metadata,
        Column("name", String, primary_key=True),
        Column("number", Integer, nullable=False),
    )
    return metadata


def writer_engine(
    path: Path, *, journal: Journal = Journal.WAL, max_bytes: int = DEFAULT_MAX_BYTES
) -> Engine:
    """Return an engine that may write; the file is created with mode 0600 if it isn't there.

    Args:
        path: of the database; its folder must exist.
        journal: see `Journal`.
        max_bytes: the database never grows beyond this.

    Raises:
        StoreError: the file can't be created.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"can't open {path.name}: {error.strerror}") from error
    return open_engine(
        path,
        mode="rw",
        begin="BEGIN IMMEDIATE",
        pragmas=(
            *NO_TRACE,
            f"journal_mode={journal}",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"max_page_count={max_bytes // PAGE_BYTES}",
        ),
    )


def reader_engine(path: Path) -> Engine:
    """Return an engine that can't write, not even by mistake."""
    return open_engine(path, mode="ro", begin="BEGIN", pragmas=("query_only=ON",))


def empty_engine(metadata: MetaData) -> Engine:
    """Return an engine that reads as a database in which nothing was ever stored."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql("PRAGMA query_only=ON")
    return engine


def open_engine(
    path: Path,
    *,
    mode: str,
    begin: str,
    pragmas: tuple[str, ...],
    keep: bool = True,
    patience: float | None = None,
) -> Engine:
    """Return an engine whose every connection has the pragmas and begins transactions alike.

    Args:
        path: of the database.
        mode: of SQLite's URI: "ro", "rw", or "rwc", which creates the file.
        begin: the statement that begins a transaction.
        pragmas: for each connection.
        keep: whether one connection stays open between two transactions.
        patience: seconds to wait for a lock; None for `BUSY_SECONDS`.
    """
    timeout = BUSY_SECONDS if patience is None else patience
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        # isolation_level: transactions are those that SQLAlchemy begins, not the driver's.
        # check_same_thread: the pool hands a connection to one thread at a time.
        made = sqlite3.connect(
            address, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
        )
        for pragma in pragmas:
            made.execute(f"PRAGMA {pragma}").close()
        return made

    # Where one connection stays open: closing the last one rewrites the log each time. Idle it
    # holds no snapshot, so it doesn't keep deleted rows alive.
    pool: dict[str, Any] = (
        {"poolclass": QueuePool, "pool_size": 1} if keep else {"poolclass": NullPool}
    )
    engine = create_engine("sqlite://", creator=connect, **pool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """Turn the driver's errors into the store's own branch.

    Args:
        name: of the database, for the message.

    Raises:
        StoreFull: the database reached its cap, or the disk is full.
        StoreCorrupt: the file is damaged.
        StoreError: anything else that the database refuses.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause: Any = error.orig if isinstance(error, DBAPIError) else error
        kind = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # without the extended part
        if kind == sqlite3.SQLITE_FULL:
            raise StoreFull(f"{name} or its disk is full") from error
        if kind in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise StoreCorrupt(f"{name} is damaged or isn't a database") from error
        whole = getattr(cause, "sqlite_errorcode", 0)
        if whole in _OTHERS or kind in _OTHERS:
            sentence, advice = _OTHERS.get(whole) or _OTHERS[kind]
            raise StoreError(f"{name} {sentence}", advice=advice) from error
        # The code's name, not the statement: a statement may hold values.
        code = getattr(cause, "sqlite_errorname", type(cause).__name__)
        raise StoreError(f"{name} refuses: {code}") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        # A column that isn't what it was, or a name in SQLite's own message of a damaged file.
        raise StoreCorrupt(f"{name} is damaged or isn't a database") from error


def prepare_schema(engine: Engine, metadata: MetaData, version: int) -> None:
    """Create the tables in an empty database, or check that they are this version's.

    Raises:
        SchemaTooNew, StoreError: as `check_schema`.
    """
    with engine.begin() as connection:
        if not inspect(connection).get_table_names():
            metadata.create_all(connection)
            connection.execute(
                insert(metadata.tables["meta"]).values(name="schema", number=version)
            )
    check_schema(engine, version)


def check_pages(engine: Engine) -> None:
    """Refuse a damaged database before anything is written to it.

    Raises:
        StoreCorrupt: a page or an index doesn't hold together.
    """
    with engine.connect() as connection:
        found = connection.scalar(text("PRAGMA quick_check(1)"))
    if found != "ok":
        raise StoreCorrupt("the database is damaged: its pages don't hold together")


def check_schema(engine: Engine, version: int) -> None:
    """Refuse a database that this Omokage doesn't understand; it is left as it is.

    Raises:
        SchemaTooNew: a newer Omokage wrote it.
        StoreError: it is something else's database, or an older Omokage's.
    """
    found = None
    with engine.connect() as connection:
        if inspect(connection).has_table("meta"):
            found = connection.scalar(text("SELECT number FROM meta WHERE name = 'schema'"))
    if not isinstance(found, int):
        raise StoreError("this database isn't Omokage's")
    if found > version:
        raise SchemaTooNew(f"the database has schema {found}, this Omokage knows {version}")
    if found < version:
        raise StoreError(
            f"the database has the older schema {found}",
            advice="Start the agent once: it brings the database forward.",
        )


def truncate_wal(engine: Engine) -> bool:
    """Move the write-ahead log into the database and empty it; False if a reader blocked that.

    Only then are deleted rows gone from the disk.
    """
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            row = cursor.fetchone()
        finally:
            cursor.close()
    return row is not None and row[0] == 0  # its first column says whether it found the log busy
