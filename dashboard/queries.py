"""All that the pages read: released aggregates, the policy and the encoder's card. No page here.

A refusal of the store travels to the page as it is (`StoreError` with its advice); a policy or a
card that can't be read is simply absent, since the numbers stand without them.
"""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import agent
from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.domain.aggregate import FACES_PEAK, METRICS, Aggregate
from agent.domain.facs import AU_LABELS
from agent.errors import AgentError
from agent.store.aggregates import AggregateReader, Latest
from dashboard import estimates

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from agent.domain.daily import DailyAggregate
    from agent.domain.policy import Policy
    from dashboard.estimates import Cell, Coverage, Estimate, Point

SITE_VARIABLE = "OMOKAGE_SITE"
MODELS_VARIABLE = "OMOKAGE_MODELS"
UNKNOWN_GRADE = "–"
FROM_DAYS_ON = timedelta(days=estimates.MOST_POINTS)
"""From this length on each point of a line spans a day or more, so daily numbers are enough."""
_DAY_SECONDS = 86_400


class Period(StrEnum):
    """How far back a page looks from the last release, in whole buckets."""

    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"
    ALL = "all"


LENGTH = {
    Period.QUARTER: timedelta(minutes=15),
    Period.HOUR: timedelta(hours=1),
    Period.DAY: timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the overview page.

    Attributes:
        since: start of the first bucket, aware UTC.
        until: end of the last bucket, aware UTC.
        bucket: seconds of a bucket.
        coverage: what the camera could do.
        whole: each metric over the whole period; missing where nothing is shown.
        lines: each metric over time; missing where the policy doesn't compute it.
        cells: what is shown and hidden, by zone and step.
    """

    since: datetime
    until: datetime
    bucket: int
    coverage: Coverage
    whole: dict[str, Estimate]
    lines: dict[str, list[Point]]
    cells: list[Cell]


def site() -> Site:
    """Return the site that the command line named; the working folder's `site` by default."""
    return Site(Path(os.environ.get(SITE_VARIABLE, "site")))


def policy(place: Site) -> Policy | None:
    """Read the site's policy, None where it can't be read."""
    try:
        return load_policy(place.policy)
    except AgentError:
        return None


def latest(place: Site) -> Latest | None:
    """Return the newest release, None before the first.

    Raises:
        StoreError: the database refuses; its advice says what to do.
    """
    return AggregateReader(place.aggregates).latest()


def zones(place: Site) -> list[str]:
    """Return the zones that have a release. Raises as `latest`."""
    return AggregateReader(place.aggregates).zones()


def fitting_period(bucket_seconds: int) -> Period:
    """Choose the period that a page opens with: some tens of buckets."""
    if bucket_seconds <= 60:
        return Period.QUARTER
    return Period.HOUR if bucket_seconds <= 300 else Period.DAY


def overview(place: Site, newest: Latest, period: Period, zone: str | None) -> Overview:
    """Read and combine one period's rows.

    Args:
        place: the site.
        newest: its newest release; the period ends with it.
        period: how far back.
        zone: name, or None for all.

    Raises:
        StoreError: as `latest`.
    """
    reader = AggregateReader(place.aggregates)
    until = newest.bucket_end
    since = _since(reader, newest, period)
    chosen_zones = None if zone is None else [zone]
    days = _long_days(reader, since, until, chosen_zones)
    finest = _DAY_SECONDS if days else newest.bucket_seconds
    begin, end = (days[0].day.start, days[-1].day.end) if days else (since, since)
    rows = [
        *reader.rows(since, begin, chosen_zones),
        *map(_day_row, days),
        *reader.rows(end, until, chosen_zones),
    ]
    names = reader.zones() if zone is None else [zone]
    step, block = (
        estimates.step_seconds(since, until, finest, most)
        for most in (estimates.MOST_POINTS, estimates.MOST_CELLS)
    )
    lines: dict[str, list[Point]] = {}
    whole: dict[str, Estimate] = {}
    for metric, chosen in _by_metric(estimates.choose(rows, zone)).items():
        if METRICS[metric].technical:
            continue
        lines[metric] = estimates.series(chosen, since, step)
        if (estimate := estimates.combine(chosen)) is not None:
            whole[metric] = estimate
    return Overview(
        since=since,
        until=until,
        bucket=newest.bucket_seconds,
        coverage=_with_days(estimates.coverage(rows, names, since, until), days, names),
        whole=whole,
        lines=lines,
        cells=estimates.cells(rows, names, since, until, block),
    )


def _since(reader: AggregateReader, newest: Latest, period: Period) -> datetime:
    first = reader.earliest() or newest.bucket_end
    if period is Period.ALL:
        return min(first, reader.first_day() or first)
    # At least one whole bucket, also where the bucket is longer than the period.
    length = max(LENGTH[period], timedelta(seconds=newest.bucket_seconds))
    return max(first, newest.bucket_end - length)


def _long_days(
    reader: AggregateReader, since: datetime, until: datetime, zones: list[str] | None
) -> list[DailyAggregate]:
    """Return daily rows where the period is so long that each point of a chart spans a day."""
    if until - since < FROM_DAYS_ON:
        return []
    return reader.days(since - timedelta(days=1), until, zones)


def _day_row(day: DailyAggregate) -> Aggregate:
    """Return a day's number in the form of a bucket's; a bucket of a day's length."""
    hidden = day.shown == 0 and day.reason is not None
    return Aggregate(
        zone=day.zone,
        bucket_start=day.day.start,
        bucket_seconds=day.day.seconds,
        metric=day.metric,
        unit=day.unit,
        value=day.value,
        standard_error=day.standard_error,
        samples=day.samples,
        tracks=day.tracks,
        persons=day.persons,
        suppressed=hidden,
        reason=day.reason if hidden else None,
        k=day.k,
        policy=day.policies[0],
        models=day.models,
    )


def _with_days(
    coverage: Coverage, days: Iterable[DailyAggregate], names: Collection[str]
) -> Coverage:
    """Count the buckets behind daily rows, instead of the days."""
    cells, hidden = coverage.cells, Counter(coverage.hidden)
    for day in days:
        if day.metric != FACES_PEAK or day.zone not in names:
            continue
        cells += day.cells - 1
        if day.reason is not None:
            hidden[day.reason] += day.cells - day.shown - (day.shown == 0)
    return replace(coverage, cells=cells, hidden=dict(hidden))


def _by_metric(rows: list[Aggregate]) -> dict[str, list[Aggregate]]:
    table: dict[str, list[Aggregate]] = {}
    for row in rows:
        table.setdefault(row.metric, []).append(row)
    return table


def grades() -> dict[str, str]:
    """Return each AU's reliability: A, B, C or D by its published correlation, a dash if unknown.

    Source: `[scores.au]` of the encoder's card; the worse of two tests, 1 best, 0 chance.
    """
    scores: dict[str, object] = {}
    try:
        card = tomllib.loads((_models() / "face_encoder.card.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        card = {}
    table = card.get("scores")
    if isinstance(table, dict) and isinstance(table.get("au"), dict):
        scores = table["au"]
    return {label: grade(scores.get(label)) for label in AU_LABELS}


def grade(correlation: object) -> str:
    """Turn a correlation into a letter: A from 0.8, B from 0.6, C from 0.4, else D."""
    if isinstance(correlation, bool) or not isinstance(correlation, int | float):
        return UNKNOWN_GRADE
    for letter, limit in (("A", 0.8), ("B", 0.6), ("C", 0.4)):
        if correlation >= limit:
            return letter
    return "D"


def _models() -> Path:
    named = os.environ.get(MODELS_VARIABLE)
    return Path(named) if named else Path(agent.__file__).resolve().parent.parent / "models"
