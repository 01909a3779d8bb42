"""The centre as one site uses it: what it holds of this site, and the writes that may be repeated.

Each write is a transaction of whole buckets and whole days; a key that is there stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Table, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agent.domain.outgoing import DAY_SECONDS, Group, Key, Kind, Lives, Sums
from agent.errors import SiteUnknown
from agent.store.central import Centre, central_refusals, found_schema, longest_life, purge
from agent.store.central_tables import CELL, DAY, DAY_NUMBER, NUMBER, SITE

_HEADS: dict[Kind, tuple[Table, str, str]] = {
    Kind.CELL: (CELL, "bucket_start", "bucket_seconds"),
    Kind.DAY: (DAY, "start", "seconds"),
}
_NUMBERS = {Kind.CELL: NUMBER, Kind.DAY: DAY_NUMBER}


class SiteAtCentre:
    """One site's end of the central database."""

    def __init__(self, centre: Centre, site: str) -> None:
        """Say which site; see `join`."""
        self._engine = centre.engine
        self._site = site

    def join(self) -> None:
        """Check that the centre knows this site, and that this role may write its rows.

        Raises:
            SiteUnknown: it doesn't, or the site belongs to another role.
            SchemaTooNew, CentralError: see `central_refusals`.
        """
        known = select(SITE.c.name).where(SITE.c.name == self._site)
        with central_refusals(), self._engine.connect() as connection:
            found_schema(connection)
            if connection.scalar(known) is None:
                raise SiteUnknown(f"the centre knows no site {self._site} for this role")

    def longest(self) -> timedelta | None:
        """Return how long the centre keeps anything; None: no bound. Raises as `sums`."""
        with central_refusals(), self._engine.connect() as connection:
            return longest_life(connection)

    def sums(self, now: int) -> dict[Group, Sums]:
        """Return what the centre holds of this site and isn't due, summed up by zone and day.

        Args:
            now: seconds since 1970.

        Raises:
            CentralError: see `central_refusals`.
        """
        found = {}
        with central_refusals(), self._engine.connect() as connection:
            for kind, (table, start_name, _) in _HEADS.items():
                start = table.c[start_name]
                day = (start // DAY_SECONDS).label("group_day")
                query = (
                    select(
                        table.c.zone, day, func.count(), func.sum(start),
                        func.sum(table.c.delete_by),
                    )
                    .where(table.c.site == self._site, table.c.delete_by > now)
                    .group_by(table.c.zone, "group_day")
                )  # fmt: skip
                for zone, number, count, starts, deadlines in connection.execute(query):
                    sums = Sums(count, int(starts), int(deadlines))
                    found[Group(kind, zone, number)] = sums
        return found

    def stock(self, groups: Sequence[Group], now: int) -> dict[Key, int]:
        """Return the deadlines of what the centre holds in some groups. Raises as `sums`.

        Args:
            groups: which zones and days.
            now: seconds since 1970.
        """
        wanted = set(groups)
        found = {}
        with central_refusals(), self._engine.connect() as connection:
            for kind, (table, start_name, _) in _HEADS.items():
                days = [group.day for group in groups if group.kind is kind]
                if not days:
                    continue
                start = table.c[start_name]
                query = select(start, table.c.zone, table.c.delete_by).where(
                    table.c.site == self._site,
                    table.c.delete_by > now,
                    start >= min(days) * DAY_SECONDS,
                    start < (max(days) + 1) * DAY_SECONDS,
                )
                for at, zone, deadline in connection.execute(query):
                    key = Key(at, kind, zone)
                    if key.group in wanted:
                        found[key] = deadline
        return found

    def send(
        self, kind: Kind, heads: Sequence[dict[str, Any]], numbers: Sequence[dict[str, Any]]
    ) -> None:
        """Write whole buckets or days in one transaction; what is there stays as it is.

        Args:
            kind: of all of them.
            heads: one for each, without the site.
            numbers: of all of them, likewise.

        Raises:
            CentralError: see `central_refusals`; nothing of this call was written.
        """
        if not heads:
            return
        with central_refusals(), self._engine.begin() as connection:
            for table, rows in ((_HEADS[kind][0], heads), (_NUMBERS[kind], numbers)):
                mine = [{"site": self._site, **row} for row in rows]
                connection.execute(_unless_there(connection, table), mine)

    def lower(self, deadlines: Mapping[Key, int]) -> None:
        """Bring deadlines forward, in one transaction; a later one changes nothing.

        Raises:
            CentralError: see `central_refusals`; none was changed.
        """
        with central_refusals(), self._engine.begin() as connection:
            for kind, (table, start_name, _) in _HEADS.items():
                rows = [
                    {"at": key.start, "where": key.zone, "new": deadline}
                    for key, deadline in deadlines.items()
                    if key.kind is kind
                ]
                new = bindparam("new", type_=BigInteger)
                if rows:
                    statement = (
                        update(table)
                        .where(table.c.site == self._site)
                        .where(table.c[start_name] == bindparam("at"))
                        .where(table.c.zone == bindparam("where"), table.c.delete_by > new)
                        .values(delete_by=new)
                    )
                    connection.execute(statement, rows)

    def shorten(self, lives: Lives) -> int:
        """Bring all deadlines forward that the policy no longer allows; return how many.

        It reaches what the site itself has deleted already. Raises as `lower`.
        """
        changed = 0
        with central_refusals(), self._engine.begin() as connection:
            for kind, (table, start_name, seconds_name) in _HEADS.items():
                latest = table.c[start_name] + table.c[seconds_name] + lives.of(kind)
                changed += connection.execute(
                    update(table)
                    .where(table.c.site == self._site, table.c.delete_by > latest)
                    .values(delete_by=latest)
                ).rowcount
        return changed

    def purge(self, now: datetime) -> int:
        """Delete what is due; see `Centre.purge`."""
        with central_refusals(), self._engine.begin() as connection:
            return purge(connection, now)

    def seen(self, now: datetime, title: str, timezone: str) -> None:
        """Note a complete run, and what the pages call this site. Raises as `lower`."""
        values = {"seen_at": int(now.timestamp()), "title": title, "timezone": timezone}
        with central_refusals(), self._engine.begin() as connection:
            connection.execute(update(SITE).where(SITE.c.name == self._site).values(**values))


def _unless_there(connection: Connection, table: Table) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()
