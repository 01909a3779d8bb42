"""Where released numbers are read from: this site's file, or one site's share of the centre.

A query is written once, against `Tables`; a shelf says which tables those are and runs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import FromClause, Row, Select

from agent.store.aggregate_tables import (
    CELL,
    DAY,
    DAY_NUMBER,
    NUMBER,
    found_version,
    reader_engine,
    refusals,
)

PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Tables:
    """The four tables of one site's released numbers, with the columns that a site's file has."""

    cell: FromClause
    number: FromClause
    day: FromClause
    day_number: FromClause


class Shelf(Protocol):
    """One site's released numbers."""

    @property
    def tables(self) -> Tables:
        """What a query may name."""

    def fetch(self, query: Select[Any], *, least: int = 1) -> Sequence[Row[Any]]:
        """Run a query in a transaction of its own and let go.

        Args:
            query: against `tables`.
            least: schema from which on there is what it asks for; an older one gives no rows.

        Raises:
            SchemaTooNew: a newer Omokage wrote the database.
            StoreError, CentralError: it is locked, broken or out of reach.
        """


class LocalShelf:
    """This site's own file; one that doesn't exist yet has no rows."""

    tables = Tables(CELL, NUMBER, DAY, DAY_NUMBER)

    def __init__(self, path: Path, patience: float = PATIENCE_SECONDS) -> None:
        """Say which file; nothing is opened yet.

        Args:
            path: of the database.
            patience: seconds to wait for whoever has locked it.
        """
        self._path = path
        self._engine = reader_engine(path, patience)

    def fetch(self, query: Select[Any], *, least: int = 1) -> Sequence[Row[Any]]:
        """Run a query; see `Shelf`."""
        with refusals():
            # Looked at each time: the agent may create the file while the page is open.
            if not self._path.exists():
                return []
            with self._engine.connect() as connection:
                if found_version(connection) < least:
                    return []  # the agent is just creating it, or hasn't brought it forward yet
                return connection.execute(query).all()


def shelf_of(source: Path | Shelf, patience: float = PATIENCE_SECONDS) -> Shelf:
    """Return a shelf as it is, and a path as the shelf of that file."""
    return LocalShelf(source, patience) if isinstance(source, Path) else source
