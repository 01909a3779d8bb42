"""One site's share of the centre, read by the same queries as the site's own file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import FromClause, Row, Select, Table, select

from agent.store.central import Centre
from agent.store.central_tables import CELL, DAY, DAY_NUMBER, NUMBER
from agent.store.shelf import Tables

_BEYOND = frozenset({"site", "schema"})
"""Columns that a site's own file doesn't have."""


class CentralShelf:
    """What the centre holds of one site."""

    def __init__(self, centre: Centre, site: str) -> None:
        """Say which site; its rows are all that a query can name.

        Args:
            centre: the central database.
            site: the site's name there.
        """
        self._centre = centre
        self.tables = Tables(*(_share(table, site) for table in (CELL, NUMBER, DAY, DAY_NUMBER)))

    def fetch(self, query: Select[Any], *, least: int = 1) -> Sequence[Row[Any]]:  # noqa: ARG002
        """Run a query; see `Shelf`. The centre has everything from its first schema on."""
        return self._centre.fetch(query)


def _share(table: Table, site: str) -> FromClause:
    columns = (column for column in table.c if column.name not in _BEYOND)
    return select(*columns).where(table.c.site == site).subquery(table.name)
