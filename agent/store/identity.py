"""Whether this is the database that was here before.

A retention that runs on a fresh database while the old one lies elsewhere would report that
nothing is overdue, and be wrong. So each database has a random number, and a marker beside it
remembers the number. Rules:
- no database and no marker: a new site; both are made;
- a file without tables, as a first start leaves it that was killed at once, is no database yet;
- a marker but no database, or one with another number: `StoreMissing`, nothing is created or
  purged, until somebody says that the old one is lost (`start_over`);
- a database without a marker (written by an older Omokage, or restored whole): it is marked.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, insert, inspect, select, text

from agent.errors import StoreError, StoreMissing
from agent.store.database import BUSY_SECONDS, check_schema
from agent.store.migrations import migrate
from agent.store.tables import METADATA, SCHEMA, TRIGGERS

_META = METADATA.tables["meta"]


def marker_of(path: Path) -> Path:
    """Return where a database's marker lies."""
    return path.with_suffix(".marker")


def check_identity(path: Path) -> None:
    """Refuse to begin a new database where another one used to be.

    Raises:
        StoreMissing: the marker knows a database that isn't here.
        StoreError: the marker can't be read.
    """
    known = _read_marker(path)
    if known is None:
        return
    if not has_begun(path):
        raise StoreMissing(f"{path.name} is gone: a database used to be here")
    found = _read_identity(path)
    if found is not None and found != known:
        raise StoreMissing(f"{path.name} isn't the database that used to be here")


def has_begun(path: Path) -> bool:
    """Say whether there is a database, ours or not: a file without tables isn't one yet.

    Creating the file and filling it with tables can't be one step, so a kill may fall in between.
    """
    if not path.exists():
        return False
    try:
        with closing(_connect(path)) as connection:
            return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
    except (sqlite3.Error, UnicodeDecodeError):
        return True  # damaged or foreign: others say so, with the right advice


def prepare(engine: Engine, path: Path) -> None:
    """Create the tables in an empty database or bring an older one forward, and mark it.

    Raises:
        SchemaTooNew, MigrationFailed, StoreError: as `agent.store.migrations.migrate`.
    """
    with engine.begin() as connection:
        if not inspect(connection).get_table_names():
            METADATA.create_all(connection)
            for trigger in TRIGGERS:
                connection.exec_driver_sql(trigger)
            facts = {"schema": SCHEMA, "identity": secrets.randbits(63)}
            rows = [{"name": name, "number": number} for name, number in facts.items()]
            connection.execute(insert(_META), rows)
    migrate(engine, "segments")
    check_schema(engine, SCHEMA)
    with engine.connect() as connection:
        _write_marker(path, _identity(connection))


def start_over(path: Path) -> bool:
    """Forget the database that used to be here, so that the next start creates a new one.

    Only for somebody who knows that the old one is lost, or has destroyed it.

    Returns:
        Whether there was anything to forget.

    Raises:
        StoreError: the database is here and is the right one, or the marker can't be removed.
    """
    try:
        check_identity(path)
    except StoreMissing:
        pass
    else:
        if _read_marker(path) is None:
            return False
        raise StoreError(
            "the database is where it should be", advice="Nothing is to be done; start the agent."
        )
    try:
        marker_of(path).unlink()
    except OSError as error:
        raise StoreError(f"can't remove the marker: {error.strerror}") from error
    return True


def known_identity(path: Path) -> int | None:
    """Return the number of the database that belongs here; None where there was none yet.

    Raises:
        StoreError: the marker can't be read.
    """
    return _read_marker(path)


def _identity(connection: Connection) -> int:
    query = select(_META.c.number).where(_META.c.name == text("'identity'"))
    number = connection.scalar(query)
    if number is None:
        raise StoreError("this database isn't Omokage's: it has no number")
    return int(number)


def _read_identity(path: Path) -> int | None:
    """Return the number in a database; None if it has none or can't be read."""
    try:
        with closing(_connect(path)) as connection:
            row = connection.execute("SELECT number FROM meta WHERE name = 'identity'").fetchone()
        return None if row is None else int(row[0])
    except (sqlite3.Error, TypeError, ValueError):
        return None  # damaged, foreign or old: others say so, with the right advice


def _connect(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)


def _read_marker(path: Path) -> int | None:
    try:
        first = marker_of(path).read_text("utf-8").split(maxsplit=1)[0]
        return int(first, 16)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, IndexError) as error:
        raise StoreError(
            "the database's marker can't be read",
            advice="Restore it from a backup, or remove it if the database is the right one.",
        ) from error


def _write_marker(path: Path, identity: int) -> None:
    marker = marker_of(path)
    if marker.exists():
        return
    words = f"{identity:016x} of {path.name}: keep this file beside it\n"
    partial = marker.with_suffix(".marker-part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(words)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(marker)
    except OSError as error:
        raise StoreError(f"can't mark the database: {error.strerror}") from error
