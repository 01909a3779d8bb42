"""The central database: how it is opened, prepared and asked, and what it refuses.

Many sites write to it, each its own rows; an office reads them all. A connection that breaks leaves
whole transactions only, and every write may be repeated.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import (
    Connection,
    Engine,
    NullPool,
    Row,
    Select,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from agent.errors import (
    AgentError,
    CentralDenied,
    CentralError,
    CentralUnprepared,
    CentralUnreachable,
    ConfigError,
    SchemaTooNew,
)
from agent.store.central_address import SITE_NAME, CentralAddress
from agent.store.central_tables import (
    CELL,
    CENTRAL_SCHEMA,
    ENDS,
    LONGEST,
    META,
    RULES,
    SCHEMA,
    SITE,
)

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 120
SILENT_SECONDS = 30
"""After which a connection counts as broken when the other side acknowledges nothing."""


def central_engine(address: CentralAddress) -> Engine:
    """Return an engine for the centre; nothing is opened yet.

    Raises:
        ConfigError: the driver isn't installed.
    """
    if address.trial:
        return _file_engine(address)
    try:
        import psycopg  # noqa: F401, PLC0415  (an extra; said in words where it is missing)
    except ImportError as error:
        raise ConfigError(
            "what speaks to PostgreSQL isn't installed",
            advice="Run `pip install 'omokage[sites]'`.",
        ) from error
    return create_engine(
        address.url,
        pool_size=2,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": SILENT_SECONDS * 1000,
            "keepalives_idle": SILENT_SECONDS,
            "application_name": "omokage",
            # The schema is named here, so that no role's own setting leads to other tables.
            "options": f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c search_path=public",
        },
    )


def _file_engine(address: CentralAddress) -> Engine:
    engine = create_engine(address.url, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("foreign_keys=ON", "secure_delete=ON", "busy_timeout=5000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


@contextmanager
def central_refusals() -> Iterator[None]:
    """Let only `CentralError`, its kinds and `SchemaTooNew` out; no message holds an address.

    Raises:
        CentralUnreachable: no connection, or it broke.
        CentralDenied: password, role or right.
        CentralError: anything else that it refuses.
    """
    try:
        yield
    except AgentError:
        raise
    except DBAPIError as error:
        raise _refused(error) from None
    except (SQLAlchemyError, OSError) as error:
        raise CentralError(f"the central database refuses: {type(error).__name__}") from None


_DENIED = frozenset({"28000", "28P01", "42501"})  # authentication, password, privilege


def _refused(error: DBAPIError) -> CentralError:
    state = str(getattr(error.orig, "sqlstate", None) or "")
    said = str(error.orig)
    # Before there is a connection the driver hands on no code, only the server's words.
    if "row-level security" in said:
        return CentralError(
            "the central database refuses a number that lies in the future or would be kept too "
            "long there",
            advice="Run `omokage doctor`: is this machine's clock right?",
        )
    if state in _DENIED or "authentication failed" in said or "pg_hba.conf" in said:
        return CentralDenied("the central database doesn't let this role in, or not do this")
    if "certificate" in said or "does not support SSL" in said:
        return CentralUnreachable(
            "the central server's certificate isn't the one that was asked for",
            advice="Check the server's name in the address, and the file of sslrootcert.",
        )
    if error.connection_invalidated or state[:2] in {"08", "57"} or not state:
        return CentralUnreachable("the central database can't be reached")
    return CentralError(f"the central database refuses ({state or type(error.orig).__name__})")


def found_schema(connection: Connection) -> None:
    """Refuse a database that isn't a centre of this version.

    Raises:
        CentralUnprepared: it has no tables of ours.
        SchemaTooNew: a newer Omokage prepared it.
    """
    if not inspect(connection).has_table(META.name):
        raise CentralUnprepared("the central database hasn't been prepared")
    number = connection.scalar(select(META.c.number).where(META.c.name == "schema"))
    if number is None:
        raise CentralUnprepared("the central database isn't Omokage's")
    if number > CENTRAL_SCHEMA:
        raise SchemaTooNew(f"the centre has schema {number}, this Omokage knows {CENTRAL_SCHEMA}")


@dataclass(frozen=True, slots=True)
class CentralSite:
    """A site as the centre knows it.

    Attributes:
        name: its key there.
        role: of the database, which writes its rows.
        title: for people; None before its first sync.
        timezone: IANA name; UTC before its first sync.
        seen_at: last complete sync, aware UTC; None before the first.
        buckets: that are kept.
        newest: end of the newest bucket, aware UTC; None without any.
    """

    name: str
    role: str
    title: str | None
    timezone: str
    seen_at: datetime | None
    buckets: int
    newest: datetime | None


class Centre:
    """The database as its owner and its readers use it."""

    def __init__(self, address: CentralAddress) -> None:
        """Say where. Raises as `central_engine`."""
        self.engine = central_engine(address)

    def prepare(self, longest: timedelta | None = None) -> None:
        """Make the tables and, on PostgreSQL, roles and rules. May be run again, by the owner.

        Args:
            longest: how long anything may be kept, from its end on, whatever sites say; what is
                there is brought forward. None: as it was, at first `LONGEST`.

        Raises:
            SchemaTooNew, CentralError: see `central_refusals`.
        """
        with central_refusals(), self._made() as connection:
            if inspect(connection).has_table(META.name):
                found_schema(connection)
            SCHEMA.create_all(connection)
            if connection.scalar(select(META.c.number).where(META.c.name == "schema")) is None:
                connection.execute(insert(META).values(name="schema", number=CENTRAL_SCHEMA))
            _bound(connection, longest)
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(RULES.read_text("utf-8"))

    @contextmanager
    def _made(self) -> Iterator[Connection]:
        """Begin a transaction; a trial's file is made first, for its owner and group alone."""
        if self.engine.dialect.name == "sqlite":
            os.close(os.open(str(self.engine.url.database), os.O_RDWR | os.O_CREAT, 0o660))
        with self.engine.begin() as connection:
            yield connection

    def add(self, name: str, role: str) -> None:
        """Register a site for a role of the database; the role of one that is there is replaced.

        Raises:
            ConfigError: such a name isn't allowed.
            CentralDenied: the database has no such role, or it isn't among the sites' roles.
            SchemaTooNew, CentralError: see `central_refusals`.
        """
        if not SITE_NAME.fullmatch(name):
            raise ConfigError("a site's name is at most 32 of a-z, 0-9, '.', '_' and '-'")
        with central_refusals(), self.engine.begin() as connection:
            found_schema(connection)
            if connection.dialect.name == "postgresql":
                _check_role(connection, role)
            there = connection.scalar(select(SITE.c.name).where(SITE.c.name == name))
            if there is None:
                connection.execute(insert(SITE).values(name=name, role=role))
            else:
                connection.execute(SITE.update().where(SITE.c.name == name).values(role=role))

    def remove(self, name: str) -> bool:
        """Delete a site with all its rows; False where there is none. Raises as `add`."""
        with central_refusals(), self.engine.begin() as connection:
            found_schema(connection)
            return connection.execute(delete(SITE).where(SITE.c.name == name)).rowcount > 0

    def sites(self) -> list[CentralSite]:
        """Return the sites that this role may see, by name.

        Raises:
            SchemaTooNew, CentralError: see `central_refusals`.
        """
        end = func.max(CELL.c.bucket_start + CELL.c.bucket_seconds)
        query = (
            select(*SITE.c, func.count(CELL.c.site).label("buckets"), end.label("newest"))
            .outerjoin(CELL, CELL.c.site == SITE.c.name)
            .group_by(*SITE.c)
            .order_by(SITE.c.name)
        )
        with central_refusals(), self.engine.connect() as connection:
            found_schema(connection)
            return [_site(row) for row in connection.execute(query)]

    def purge(self, now: datetime) -> int:
        """Delete what is due, of every site; return how many cells and days.

        Args:
            now: aware UTC; counts on SQLite alone, PostgreSQL goes by the server's own clock.

        Raises:
            SchemaTooNew, CentralError: see `central_refusals`.
        """
        with central_refusals(), self.engine.begin() as connection:
            found_schema(connection)
            return purge(connection, now)

    def fetch(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """Run a query in a transaction of its own. Raises as `sites`."""
        with central_refusals(), self.engine.connect() as connection:
            found_schema(connection)
            return connection.execute(query).all()

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def purge(connection: Connection, now: datetime) -> int:
    """Delete what is due in the caller's transaction; see `Centre.purge`."""
    if connection.dialect.name == "postgresql":
        return int(connection.scalar(text("SELECT omokage_purge()")) or 0)
    due = int(now.timestamp())
    gone = (delete(table).where(table.c.delete_by <= due) for table in ENDS)
    return sum(connection.execute(one).rowcount for one in gone)


def longest_life(connection: Connection) -> timedelta | None:
    """Return how long anything may be kept; None where an older Omokage prepared the centre."""
    seconds = connection.scalar(select(META.c.number).where(META.c.name == "longest"))
    return None if seconds is None else timedelta(seconds=seconds)


def _bound(connection: Connection, longest: timedelta | None) -> None:
    """Set the longest life, and bring forward what is kept for longer."""
    known = longest_life(connection)
    if longest is None and known is not None:
        return
    seconds = int((longest or LONGEST).total_seconds())
    if known is None:
        connection.execute(insert(META).values(name="longest", number=seconds))
    else:
        connection.execute(update(META).where(META.c.name == "longest").values(number=seconds))
    for table, end in ENDS.items():
        late = update(table).where(table.c.delete_by > end + seconds)
        connection.execute(late.values(delete_by=end + seconds))


def _check_role(connection: Connection, role: str) -> None:
    member = text(
        "SELECT pg_has_role(r.oid, g.oid, 'member') FROM pg_roles r, pg_roles g "
        "WHERE r.rolname = :role AND g.rolname = 'omokage_site'"
    )
    if connection.scalar(member, {"role": role}) is not True:
        raise CentralDenied(
            "the database has no such role, or it isn't in omokage_site",
            advice="In psql: CREATE ROLE name LOGIN IN ROLE omokage_site; then \\password name",
        )


def _site(row: Any) -> CentralSite:
    seen, newest = (
        None if at is None else datetime.fromtimestamp(at, UTC) for at in (row.seen_at, row.newest)
    )
    return CentralSite(
        row.name, row.role, row.title, row.timezone or "UTC", seen, row.buckets, newest
    )
