"""A centre in a file, and sites with a few released numbers, for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from agent.config.policy_file import parse_policy
from agent.domain.aggregate import METRICS, Aggregate, Reason, au_rate
from agent.domain.daily import DailyAggregate, Day
from agent.domain.policy import Policy
from agent.store.aggregate_reader import NumberReader
from agent.store.aggregates import AggregateWriter
from agent.store.central import Centre
from agent.store.central_address import CentralAddress, parse
from agent.store.central_shelf import CentralShelf
from agent.store.central_site import SiteAtCentre
from agent.store.outgoing import Outgoing
from agent.sync.run import sync
from tests.browser.seed import DEMO
from tests.fakes import NOON, FrozenClock

if TYPE_CHECKING:
    from pathlib import Path

START = NOON - timedelta(hours=4)
FAR = NOON + timedelta(days=400)
QUARTER = timedelta(minutes=15)
KEEP = timedelta(days=30)
KEEP_DAYS = timedelta(days=365)


def rules(keep: timedelta = KEEP, keep_days: timedelta = KEEP_DAYS) -> Policy:
    """Return a policy with these lives of numbers."""
    policy = parse_policy(DEMO.read_bytes(), DEMO.name)
    return replace(policy, retention=replace(policy.retention, aggregates=keep, daily=keep_days))


def cell(number: int, zone: str = "door") -> list[Aggregate]:
    """Return a bucket's rows: a shown one and a hidden one."""
    shown = Aggregate(
        zone=zone, bucket_start=START + number * QUARTER, bucket_seconds=900,
        metric=au_rate("AU12"), unit=METRICS[au_rate("AU12")].unit, value=0.25 + number / 1000,
        standard_error=0.011, samples=400 + number, tracks=9, persons=6, suppressed=False,
        reason=None, k=5, policy="ab" * 32, models=("m 1", "n 2"),
    )  # fmt: skip
    return [
        shown,
        replace(
            shown, metric=au_rate("AU04"), value=None, standard_error=None, samples=None,
            tracks=None, persons=None, suppressed=True, reason=Reason.TOO_FEW_PERSONS,
        ),
    ]  # fmt: skip


def day(number: int, zone: str = "door") -> DailyAggregate:
    """Return a day's number, `number` days before the first bucket."""
    start = START.replace(hour=0) - timedelta(days=number + 1)
    return DailyAggregate(
        day=Day(date(start.year, start.month, start.day), start, start + timedelta(days=1)),
        zone=zone, metric=au_rate("AU12"), unit=METRICS[au_rate("AU12")].unit, value=0.3,
        standard_error=0.01, samples=1200, tracks=27, persons=6, shown=3, cells=10, expected=96,
        reason=Reason.TOO_FEW_PERSONS, k=5, policies=("ab" * 32,), models=("m 1", "n 2"),
    )  # fmt: skip


def released(path: Path, cells: range, days: range = range(0), zone: str = "door") -> None:
    """Release buckets and days at a site, as the agent does."""
    with AggregateWriter(path) as writer:
        writer.release([row for number in cells for row in cell(number, zone)], KEEP)
        writer.close_day([day(number, zone) for number in days], KEEP_DAYS)


def trial(path: Path, site: str | None = "kyoto") -> CentralAddress:
    """Return the address of a centre in a file."""
    named = f'site = "{site}"\n' if site else ""
    return parse(f'{named}url = "sqlite:///{path}"\n'.encode())


def prepared(path: Path, *sites: str) -> Centre:
    """Return a centre in a file that knows these sites."""
    centre = Centre(trial(path, None))
    centre.prepare()
    for site in sites:
        centre.add(site, site)
    return centre


def run(source: Path, centre: Centre, site: str = "kyoto", now: datetime = NOON, **lives):
    """Sync once; return what was done."""
    there = SiteAtCentre(centre, site)
    return sync(Outgoing(source), there, rules(**lives), FrozenClock(now))[0]


def rows(reader: NumberReader) -> tuple[list, list]:
    """Return every row of buckets and days."""
    since, until = datetime(2020, 1, 1, tzinfo=UTC), FAR
    return reader.rows(since, until), reader.days(since, until)


def at_centre(centre: Centre, site: str = "kyoto") -> tuple[list, list]:
    """Return every row that the centre holds of a site."""
    return rows(NumberReader(CentralShelf(centre, site)))


def at_site(path: Path) -> tuple[list, list]:
    """Return every row that a site holds."""
    return rows(NumberReader(path))
