"""The tables of the aggregates' database, how it is opened, and what it refuses.

A deadline (`delete_by`) stands with each cell and each day. Triggers keep both rules that matter:
a released number never changes, and a deadline only ever comes nearer.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from agent.domain.aggregate import Reason
from agent.errors import SchemaTooNew, StoreError
from agent.store import database
from agent.store.database import NO_TRACE, Journal, open_engine

SCHEMA_VERSION = 2
MAX_PAGES = 131_072
"""Upper bound of the file, pages of 4096 bytes (512 MiB): deletion still works when it is full."""
NAME = "the aggregates' database"

SCHEMA = MetaData()
CELL = Table(
    "cell",
    SCHEMA,
    # The instant comes first: a page reads a stretch of time, and the rows lie in this order.
    Column("bucket_start", Integer, primary_key=True),  # seconds since 1970, UTC
    Column("zone", Text, primary_key=True),
    Column("bucket_seconds", Integer, nullable=False),
    Column("k", Integer, nullable=False),
    Column("policy", Text, nullable=False),
    Column("models", Text, nullable=False),  # one name a line
    Column("delete_by", Integer),  # NULL: written by an older Omokage and not dated yet
    Column("numbers", Integer),  # how many there are; NULL likewise
    Index("cell_by_deadline", "delete_by"),
    sqlite_with_rowid=False,
)
NUMBER = Table(
    "number",
    SCHEMA,
    Column("bucket_start", Integer, primary_key=True),
    Column("zone", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("value", Float),
    Column("standard_error", Float),
    Column("samples", Integer),
    Column("tracks", Integer),
    Column("persons", Integer),
    Column("suppressed", Boolean, nullable=False),
    Column("reason", Text),
    ForeignKeyConstraint(
        ["bucket_start", "zone"], ["cell.bucket_start", "cell.zone"], ondelete="CASCADE"
    ),
    sqlite_with_rowid=False,
)
DAY = Table(
    "day",
    SCHEMA,
    Column("start", Integer, primary_key=True),  # seconds since 1970, UTC
    Column("zone", Text, primary_key=True),
    Column("seconds", Integer, nullable=False),
    Column("date", Text, nullable=False),  # ISO, by the site's clock
    Column("expected", Integer, nullable=False),
    Column("k", Integer, nullable=False),
    Column("policies", Text, nullable=False),  # one digest a line
    Column("models", Text, nullable=False),  # one name a line
    Column("delete_by", Integer, nullable=False),
    Column("numbers", Integer, nullable=False),
    sqlite_with_rowid=False,
)
DAY_NUMBER = Table(
    "day_number",
    SCHEMA,
    Column("start", Integer, primary_key=True),
    Column("zone", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("value", Float),
    Column("standard_error", Float),
    Column("samples", Integer),
    Column("tracks", Integer),
    Column("persons", Integer),
    Column("shown", Integer, nullable=False),
    Column("cells", Integer, nullable=False),
    Column("reason", Text),
    ForeignKeyConstraint(["start", "zone"], ["day.start", "day.zone"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)
REASONS: dict[str | None, Reason | None] = {None: None} | {r.value: r for r in Reason}

NEVER_CHANGED = "a released number never changes"
ONLY_NEARER = "a deadline only ever comes nearer"


def triggers() -> list[str]:
    """Return the statements that make the database itself refuse to change what was released."""
    # A cell of an older Omokage gets its number of rows once.
    counted_once = (
        "CREATE TRIGGER IF NOT EXISTS cell_counted_once BEFORE UPDATE OF numbers ON cell "
        f"WHEN OLD.numbers IS NOT NULL BEGIN SELECT RAISE(ABORT, '{NEVER_CHANGED}'); END"
    )
    return [
        *(_frozen(table, ()) for table in (NUMBER, DAY_NUMBER)),
        _frozen(CELL, ("delete_by", "numbers")),
        _frozen(DAY, ("delete_by",)),
        *(_only_nearer(table) for table in (CELL, DAY)),
        counted_once,
    ]


def _frozen(table: Table, but: tuple[str, ...]) -> str:
    columns = ", ".join(column.name for column in table.c if column.name not in but)
    return (
        f"CREATE TRIGGER IF NOT EXISTS {table.name}_never_changes BEFORE UPDATE OF {columns} "
        f"ON {table.name} BEGIN SELECT RAISE(ABORT, '{NEVER_CHANGED}'); END"
    )


def _only_nearer(table: Table) -> str:
    return (
        f"CREATE TRIGGER IF NOT EXISTS {table.name}_never_later BEFORE UPDATE OF delete_by "
        f"ON {table.name} WHEN NEW.delete_by IS NULL OR NEW.delete_by > OLD.delete_by "
        f"BEGIN SELECT RAISE(ABORT, '{ONLY_NEARER}'); END"
    )


def writer_engine(path: Path, max_pages: int) -> Engine:
    """Return the engine that may write; a connection is opened for each transaction.

    Args:
        path: of the database; created if it isn't there.
        max_pages: of 4096 bytes; the file never grows beyond.
    """
    return open_engine(
        path,
        mode="rwc",
        begin="BEGIN IMMEDIATE",
        pragmas=(
            *NO_TRACE,
            f"journal_mode={Journal.DELETE}",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"max_page_count={max_pages}",
        ),
        keep=False,
    )


def reader_engine(path: Path, patience: float) -> Engine:
    """Return an engine that can't write; the same one for the same file.

    It holds no connection, but the queries that it has compiled: a page asks thirty times.

    Args:
        path: of the database.
        patience: seconds to wait for whoever has locked it.
    """
    return _reader_engine(path.absolute(), patience)


@functools.lru_cache(maxsize=16)
def _reader_engine(path: Path, patience: float) -> Engine:
    return open_engine(
        path, mode="ro", begin="BEGIN", pragmas=("query_only=ON",), keep=False, patience=patience
    )


def found_version(connection: Connection) -> int:
    """Return the schema that a database has; 0 for one that is just being created.

    Raises:
        SchemaTooNew: a newer Omokage wrote it.
        StoreError: another program wrote it.
    """
    version = int(connection.execute(text("PRAGMA user_version")).scalar_one())
    if version > SCHEMA_VERSION:
        raise SchemaTooNew(f"the aggregates have schema {version}, this one reads {SCHEMA_VERSION}")
    names = connection.execute(text("SELECT name FROM sqlite_master WHERE type='table'")).scalars()
    if set(names) - set(SCHEMA.tables):
        raise StoreError("this database wasn't written by Omokage")
    return version


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Let only `StoreError` and its kinds out, each with what the operator can do."""
    try:
        with database.refusals(NAME):
            yield
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(f"{NAME} can't be reached") from error
