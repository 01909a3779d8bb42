"""How long the overview waits for its numbers: 90 days of 8 zones, quarter-hour buckets.

    python -m tests.benchmarks.bench_overview [--days 90] [--zones 8] [--site FOLDER]

The numbers are one invented day, repeated; only their amount matters here. Each call is timed with
a new reader, as a page does it, without the page's cache; the first call after seeding is left out.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import streamlit as st
from streamlit.testing.v1 import AppTest

from agent.aggregate.daily import day_of
from agent.config.site import Site
from agent.domain.aggregate import au_rate
from dashboard import queries
from dashboard.queries import Days, Period
from dashboard.views import overview
from tests.browser.seed_days import TIMEZONE, fill_days

LAST = date(2026, 9, 27)
ROUNDS = 5


def seeded(root: Path, days: int, zones: int, seconds: int = 900) -> Site:
    """Fill a site with one invented day and copies of it on the days before."""
    names = tuple(f"zone {number + 1}" for number in range(zones))
    site = fill_days(root, last=LAST, days=2, zones=names, seconds=seconds, crowd=5)
    with sqlite3.connect(site.aggregates) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        first = day_of(datetime(2026, 9, 26, 3, tzinfo=UTC), TIMEZONE)
        span = (int(first.start.timestamp()), int(first.end.timestamp()))
        for back in range(1, days - 1):
            for table, column in (("cell", "bucket_start"), ("number", "bucket_start"),
                                  ("day", "start"), ("day_number", "start")):  # fmt: skip
                _copied(connection, table, column, span, back)
    connection.close()
    return site


def _copied(
    connection: sqlite3.Connection, table: str, column: str, span: tuple[int, int], back: int
) -> None:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    moved = [f"{name} - {back * 86400}" if name == column else name for name in names]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(moved)} FROM {table} "  # noqa: S608  (our own names)
        f"WHERE {column} >= ? AND {column} < ?",
        span,
    )


class Took(NamedTuple):
    """Seconds that something took by the clock, and seconds that it worked."""

    whole: float
    work: float


def timed(name: str, call: Callable[[], object]) -> None:
    """Call some times and print the median and the longest; a call may return its own times."""
    call()
    found, worked = [], []
    for _ in range(ROUNDS):
        begin, before = time.perf_counter(), time.process_time()
        itself = call()
        ends = time.perf_counter() - begin, time.process_time() - before
        whole, work = itself if isinstance(itself, Took) else ends
        found.append(whole)
        worked.append(work)
    print(
        f"{name:44}  median {statistics.median(found):6.3f} s   longest {max(found):6.3f} s   "
        f"of which this process worked {statistics.median(worked):6.3f} s"
    )


def main() -> None:
    """Seed a site where none is named, and time each part of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--zones", type=int, default=8)
    parser.add_argument("--site", type=Path, help="keep the seeded site here, or use it again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = asked.site or Path(folder)
        site = Site(root)
        if not site.aggregates.exists():
            site = seeded(root, asked.days, asked.zones)
        run(site)


def run(site: Site) -> None:
    """Time the parts."""
    newest = queries.latest(site)
    assert newest is not None
    print(f"{site.aggregates.stat().st_size / 2**20:.0f} MiB")
    for period in Period:
        timed(f"overview, {period.value}, all zones",
              lambda p=period: queries.overview(site, newest, p, None, TIMEZONE))  # type: ignore[misc]  # fmt: skip
    timed("overview, all, one zone",
          lambda: queries.overview(site, newest, Period.ALL, "zone 1", TIMEZONE))  # fmt: skip
    metric = au_rate("AU12")
    timed("by hour, all zones", lambda: queries.hours(site, newest, metric, None, TIMEZONE))
    timed("places, all", lambda: queries.places(site, newest, Period.ALL, metric, TIMEZONE))
    sides = (
        Days(LAST - timedelta(days=56), LAST - timedelta(days=29)),
        Days(LAST - timedelta(days=28), LAST - timedelta(days=1)),
    )
    timed("comparison, 28 with 28 days", lambda: queries.comparison(site, sides, None, TIMEZONE))
    for period in (Period.DAY, Period.ALL):
        timed(f"the whole page, {period.value}, nothing cached", lambda p=period: page(site, p))  # type: ignore[misc]
        timed(f"the whole page, {period.value}, again",
              lambda p=period: page(site, p, cached=True))  # type: ignore[misc]  # fmt: skip
    timed("looking whether there is something new", lambda: overview._mark(site))


def page(site: Site, period: Period, *, cached: bool = False) -> Took:
    """Run the page's script as the page server does, with all its charts and tables.

    Returns:
        What the script took, without what the test's own harness does around it.
    """
    if not cached:
        st.cache_data.clear()
    os.environ[queries.SITE_VARIABLE] = str(site.root)
    app = AppTest.from_function(_script, default_timeout=120)
    app.session_state["period"] = period
    app.run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) >= 8
    whole, work = app.session_state["took"]
    return Took(float(whole), float(work))


def _script() -> None:
    import time

    import streamlit as st

    from agent.domain.access import Role
    from agent.domain.account import User
    from dashboard.text import Text
    from dashboard.views import overview

    begin, before = time.perf_counter(), time.process_time()
    overview.show(Text("ja"), User("hana", Role.MANAGER))
    st.session_state["took"] = time.perf_counter() - begin, time.process_time() - before


if __name__ == "__main__":
    main()
