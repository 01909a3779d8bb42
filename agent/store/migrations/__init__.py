"""Bring a database that an older Omokage wrote forward, whole or not at all.

Rules:
- one folder per database, one file per step (`v0002_deadlines.py`), each an Alembic revision;
- the schema's number is the only record of where a database stands: `number` of the row `schema`
  in its `meta` table, or `PRAGMA user_version` where it has no such table;
- all steps that are missing run in one transaction together with that number, so an interrupted
  migration leaves the old schema and the old rows;
- a newer schema is refused and the file is left as it is;
- Alembic is imported only when a step has to run: an agent whose databases are current never
  waits for it.

A database that is created afresh gets its newest tables directly and never comes here. A test
compares the two ways.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from agent.errors import MigrationFailed, SchemaTooNew, StoreError
from agent.store.database import refusals

_STEP = re.compile(r"v(\d{4})_\w+\.py")
_FOLDER = Path(__file__).parent


def newest(database: str) -> int:
    """Return the number of a database's newest schema: 1 where no step was ever needed.

    Args:
        database: "segments", "aggregates", "access_log" or "reviews".
    """
    steps = (_STEP.fullmatch(file.name) for file in (_FOLDER / database).iterdir())
    return max((int(step[1]) for step in steps if step), default=1)


def migrate(engine: Engine, database: str) -> int:
    """Bring a database forward to its newest schema, in one transaction with its number.

    Call it on an engine that may write, before anything else is done with an existing database;
    an empty database is the caller's to create.

    Args:
        engine: writing; if its driver hasn't begun a transaction, one is begun here.
        database: "segments", "aggregates", "access_log" or "reviews": the folder with the steps.

    Returns:
        The schema it was found at; equal to `newest(database)` if nothing had to be done.

    Raises:
        SchemaTooNew: a newer Omokage wrote it; nothing was changed.
        MigrationFailed: a step failed; the database is as it was.
        StoreError: it has no schema number, or the database refuses.
    """
    target = newest(database)
    with refusals(database), engine.connect() as connection:
        found = schema_number(connection)
    if found is None:
        raise StoreError("this database isn't Omokage's")
    if found > target:
        raise SchemaTooNew(f"the database has schema {found}, this Omokage knows {target}")
    if found < target:
        _run(engine, database, target)
    return found


def schema_number(connection: Connection) -> int | None:
    """Return the number of a database's schema, None if it has none."""
    if inspect(connection).has_table("meta"):
        number = connection.scalar(text("SELECT number FROM meta WHERE name = 'schema'"))
    else:
        number = connection.scalar(text("PRAGMA user_version")) or None
    return None if number is None else int(number)


def _run(engine: Engine, database: str, target: int) -> None:
    with refusals(database), engine.begin() as connection:
        # Python's driver begins no transaction before a change of the schema; ours must be one.
        if not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        # Read again under the lock: another process may have migrated meanwhile.
        found = schema_number(connection)
        if found is None or found > target:
            raise StoreError("the database changed while it was opened; start again")
        if found == target:
            return
        _apply(connection, database, found, target)
        _write_number(connection, target)


def _apply(connection: Connection, database: str, found: int, target: int) -> None:
    """Run the steps between two schemas inside the caller's transaction."""
    # Here and not above: it takes longer to import than the agent to open its databases.
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.operations import Operations  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    script = ScriptDirectory(_FOLDER, version_locations=[_FOLDER / database])
    try:
        steps = list(script.iterate_revisions(f"{target:04d}", f"{found:04d}"))
    except (CommandError, KeyError) as error:
        raise MigrationFailed(f"no way leads from schema {found} to {target}") from error
    with Operations.context(MigrationContext.configure(connection)):
        for step in reversed(steps):
            step.module.upgrade()


def _write_number(connection: Connection, number: int) -> None:
    if inspect(connection).has_table("meta"):
        changed = text("UPDATE meta SET number = :number WHERE name = 'schema'")
        connection.execute(changed, {"number": number})
    else:
        connection.exec_driver_sql(f"PRAGMA user_version={number:d}")
