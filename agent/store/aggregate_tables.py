"""The tables of the aggregates' database, how it is opened, and what it refuses.

A deadline (`delete_by`) stands with each cell and each day. Triggers keep both rules that matter:
a released number never changes, and a deadline only ever comes nearer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

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
    NullPool,
    Table,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from agent.domain.aggregate import Reason
from agent.errors import AgentError, SchemaTooNew, StoreCorrupt, StoreError, StoreFull
from agent.store.database import NO_TRACE

SCHEMA_VERSION = 2
MAX_PAGES = 131_072
"""Upper bound of the file, pages of 4096 bytes (512 MiB): deletion still works when it is full."""
WRITER_PATIENCE_SECONDS = 5.0

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
    """Return the engine that may write; a connection is opened for each transaction."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(WRITER_PATIENCE_SECONDS * 1000)}")
        for pragma in NO_TRACE:  # never rely on the build's default
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("PRAGMA journal_mode=DELETE")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA max_page_count={max_pages}")
        cursor.close()

    return engine


def reader_engine(path: Path, patience_seconds: float) -> Engine:
    """Return an engine that can't write."""
    return create_engine(
        f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true",
        poolclass=NullPool,
        connect_args={"timeout": patience_seconds},
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
        yield
    except AgentError:
        raise
    except OperationalError as error:
        raise _operational(str(error.orig)) from error
    except DatabaseError as error:
        # Its kinds (a broken rule, a wrong type) aren't damage; the bare error is.
        kind = StoreCorrupt if type(error) is DatabaseError else StoreError
        raise kind(f"the aggregates' database refuses: {error.orig}") from error
    except (SQLAlchemyError, OSError) as error:
        raise StoreError("the aggregates' database can't be reached") from error


def _operational(sentence: str) -> StoreError:
    if "full" in sentence:
        return StoreFull(f"the aggregates' database refuses: {sentence}")
    if "locked" in sentence or "busy" in sentence:
        return StoreError(
            "the aggregates' database is locked by another process",
            advice="Wait a moment; if it stays, close other programs that have the file open.",
        )
    if "readonly" in sentence:
        return StoreError(
            "the agent was interrupted while it released numbers",
            advice="Start the agent once: it takes back the half-written release.",
        )
    return StoreError(f"the aggregates' database can't be opened: {sentence}")
