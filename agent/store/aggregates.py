"""Released aggregates in a database of their own, readable when the agent is down.

Rules:
- rollback journal instead of WAL: a reader under another user can't open a WAL database once its
  writer is gone; `synchronous=FULL` and `secure_delete=ON` on each writing connection;
- a cell (zone, bucket) is released once and whole: a second release of it is ignored, and a
  trigger refuses every update, so that a released number never changes;
- rows leave by `expire` alone;
- readers open `mode=ro`, take no lock longer than one query, and never create the file.
"""

from __future__ import annotations

import contextlib
import functools
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    NullPool,
    Row,
    Select,
    Table,
    Text,
    create_engine,
    delete,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from agent.domain.aggregate import SITE_TOTAL, Aggregate, Reason
from agent.errors import SchemaTooNew, StoreError, StoreFull

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.engine import Connection

SCHEMA_VERSION = 1
MAX_PAGES = 131_072
"""Upper bound of the file, pages of 4096 bytes (512 MiB): deletion still works when it is full."""
WRITER_PATIENCE_SECONDS = 5.0
READER_PATIENCE_SECONDS = 2.0

_SCHEMA = MetaData()
_CELL = Table(
    "cell",
    _SCHEMA,
    # The instant comes first: a page reads a stretch of time, and the rows lie in this order.
    Column("bucket_start", Integer, primary_key=True),  # seconds since 1970, UTC
    Column("zone", Text, primary_key=True),
    Column("bucket_seconds", Integer, nullable=False),
    Column("k", Integer, nullable=False),
    Column("policy", Text, nullable=False),
    Column("models", Text, nullable=False),  # one name a line
    sqlite_with_rowid=False,
)
_NUMBER = Table(
    "number",
    _SCHEMA,
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
_FIELDS = (
    *(_NUMBER.c[name] for name in ("zone", "bucket_start")),
    _CELL.c.bucket_seconds,
    *(
        _NUMBER.c[name]
        for name in (
            "metric", "unit", "value", "standard_error", "samples", "tracks", "persons",
            "suppressed", "reason",
        )
    ),
    *(_CELL.c[name] for name in ("k", "policy", "models")),
)  # fmt: skip
"""The columns in the order of `Aggregate`'s attributes."""
_REASONS: dict[str | None, Reason | None] = {None: None} | {r.value: r for r in Reason}
_NEVER_CHANGED = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {table}_never_changes BEFORE UPDATE ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'a released number never changes'); END"
    for table in ("cell", "number")
)


class AggregateWriter:
    """The agent's end: releases and expires."""

    def __init__(self, path: Path) -> None:
        """Open or create the database.

        Raises:
            SchemaTooNew: a newer Omokage wrote it.
            StoreError: it can't be opened or isn't a database.
        """
        with _refusals():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
            event.listen(self._engine, "connect", _prepare_writer)
            with self._engine.begin() as connection:
                _refuse_newer(connection)
                _refuse_foreign(connection)
                _SCHEMA.create_all(connection)
                for trigger in _NEVER_CHANGED:
                    connection.execute(text(trigger))
                connection.execute(text(f"PRAGMA user_version={SCHEMA_VERSION}"))

    def release(self, rows: Iterable[Aggregate]) -> int:
        """Write rows in one transaction; cells that are already released stay as they are.

        Returns:
            How many rows were new.

        Raises:
            StoreFull: no space is left; nothing of this call was written.
            StoreError: the database refuses; nothing of this call was written.
        """
        cells: dict[tuple[str, datetime], list[Aggregate]] = defaultdict(list)
        for row in rows:
            cells[row.zone, row.bucket_start].append(row)
        with _refusals(), self._engine.begin() as connection:
            return sum(_write_cell(connection, cell) for cell in cells.values())

    def expire(self, now: datetime, keep: timedelta) -> int:
        """Delete all cells that closed more than `keep` before `now`; return how many cells."""
        limit = int((now - keep).timestamp())
        old = _CELL.c.bucket_start + _CELL.c.bucket_seconds <= limit
        with _refusals(), self._engine.begin() as connection:
            return connection.execute(delete(_CELL).where(old)).rowcount

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest release.

    Attributes:
        bucket_end: instant at which its bucket closed, aware UTC.
        bucket_seconds: length of its bucket.
        k: smallest number of persons behind a shown number.
        policy: SHA-256 (hex) of the policy.
        models: names of the models.
    """

    bucket_end: datetime
    bucket_seconds: int
    k: int
    policy: str
    models: tuple[str, ...]


class AggregateReader:
    """The page's end; can read and nothing else. Each call is one short transaction.

    A database that doesn't exist yet reads as empty: nothing has been released.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine: Engine = create_engine(
            f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true",
            poolclass=NullPool,
            connect_args={"timeout": READER_PATIENCE_SECONDS},
        )

    def rows(
        self,
        since: datetime,
        until: datetime,
        zones: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
    ) -> list[Aggregate]:
        """Return the released rows of all buckets that start in [since, until).

        Args:
            since: aware instant.
            until: aware instant.
            zones: names, None for all (then with `SITE_TOTAL`).
            metrics: names, None for all.

        Returns:
            Rows ordered by bucket, zone and metric.

        Raises:
            SchemaTooNew: a newer Omokage wrote the database.
            StoreError: it is locked or broken.
        """
        query = (
            select(*_FIELDS)
            .join_from(_NUMBER, _CELL)
            .where(_NUMBER.c.bucket_start >= since.timestamp())
            .where(_NUMBER.c.bucket_start < until.timestamp())
            .order_by(_NUMBER.c.bucket_start, _NUMBER.c.zone, _NUMBER.c.metric)
        )
        if zones is not None:
            query = query.where(_NUMBER.c.zone.in_(zones))
        if metrics is not None:
            query = query.where(_NUMBER.c.metric.in_(metrics))
        return [_aggregate(row) for row in self._fetch(query)]

    def latest(self) -> Latest | None:
        """Return the newest release, or None before the first. Raises as `rows`."""
        query = select(_CELL).order_by(_CELL.c.bucket_start.desc()).limit(1)
        for row in self._fetch(query):
            start = _instant(row.bucket_start)
            return Latest(
                start + timedelta(seconds=row.bucket_seconds),
                row.bucket_seconds,
                row.k,
                row.policy,
                _names(row.models),
            )
        return None

    def earliest(self) -> datetime | None:
        """Return the start of the oldest bucket that is kept, or None. Raises as `rows`."""
        for row in self._fetch(select(func.min(_CELL.c.bucket_start).label("start"))):
            return None if row.start is None else _instant(row.start)
        return None

    def zones(self) -> list[str]:
        """Return the names of all zones with a release, sorted. Raises as `rows`."""
        query = select(_CELL.c.zone).where(_CELL.c.zone != SITE_TOTAL).distinct()
        return sorted(row.zone for row in self._fetch(query))

    def _fetch(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with _refusals():
            # Looked at each time: the agent may create the file while the page is open.
            if not self._path.exists():
                return []
            with self._engine.connect() as connection:
                _refuse_newer(connection)
                _refuse_foreign(connection)
                if connection.execute(text("PRAGMA user_version")).scalar_one() == 0:
                    return []  # the agent is just creating it
                return connection.execute(query).all()


def _prepare_writer(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={int(WRITER_PATIENCE_SECONDS * 1000)}")
    cursor.execute("PRAGMA secure_delete=ON")  # never rely on the build's default
    cursor.execute("PRAGMA journal_mode=DELETE")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA max_page_count={MAX_PAGES}")
    cursor.close()


def _refuse_newer(connection: Connection) -> None:
    version = connection.execute(text("PRAGMA user_version")).scalar_one()
    if version > SCHEMA_VERSION:
        raise SchemaTooNew(f"the aggregates have schema {version}, this one reads {SCHEMA_VERSION}")


def _refuse_foreign(connection: Connection) -> None:
    names = connection.execute(text("SELECT name FROM sqlite_master WHERE type='table'")).scalars()
    if set(names) - set(_SCHEMA.tables):
        raise StoreError("this database wasn't written by Omokage")


def _write_cell(connection: Connection, cell: list[Aggregate]) -> int:
    first = cell[0]
    start = int(first.bucket_start.timestamp())
    opened = connection.execute(
        insert(_CELL)
        .values(
            zone=first.zone,
            bucket_start=start,
            bucket_seconds=first.bucket_seconds,
            k=first.k,
            policy=first.policy,
            models="\n".join(first.models),
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
    connection.execute(insert(_NUMBER), numbers)
    return len(numbers)


def _aggregate(row: Row[Any]) -> Aggregate:
    # Rows come by the hundred thousand, so they are taken by position (see `_FIELDS`).
    zone, start, *numbers, reason, k, policy, models = tuple[Any, ...](row)
    values = [zone, _instant(start), *numbers, _REASONS[reason], k, policy, _names(models)]
    return Aggregate(*values)


@functools.lru_cache(maxsize=4096)
def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@functools.lru_cache(maxsize=64)
def _names(lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines.split("\n") if line)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Let only `StoreError` and its kinds out, each with what the operator can do."""
    try:
        yield
    except OperationalError as error:
        raise _operational(str(error.orig)) from error
    except DatabaseError as error:
        raise StoreError(
            f"the aggregates' database refuses: {error.orig}",
            advice="Move the file aside; the agent starts a new one at the next release.",
        ) from error
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
