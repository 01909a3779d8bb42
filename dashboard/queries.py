"""All that the pages read: released aggregates, the policy and the encoder's card. No page here.

A refusal of the store travels to the page as it is (`StoreError` with its advice); a policy or a
card that can't be read is simply absent, since the numbers stand without them.
"""

from __future__ import annotations

import math
import os
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from agent.config.markers import load_markers
from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.domain.aggregate import ATTENTION, FACES_PEAK, METRICS, au_rate, emotion_share
from agent.domain.facs import AU_LABELS
from agent.domain.observation import EMOTIONS
from agent.errors import AgentError
from agent.shipped import shipped
from agent.store.aggregate_reader import Latest, NumberReader
from agent.store.aggregate_sums import Span, Steps, SumReader
from dashboard import estimates, export
from dashboard.compare import difference
from dashboard.hours import STEP_SECONDS, by_hour
from dashboard.places import Afar, Somewhere, source

if TYPE_CHECKING:
    from agent.config.markers import Marker
    from agent.domain.aggregate import Reason
    from agent.domain.policy import Policy
    from agent.domain.sums import Sum
    from dashboard.compare import Difference
    from dashboard.estimates import Cell, Coverage, Estimate, Point
    from dashboard.hours import Hour

SITE_VARIABLE = "OMOKAGE_SITE"
MODELS_VARIABLE = "OMOKAGE_MODELS"
UNKNOWN_GRADE = "–"
BY_DAY_FROM = timedelta(days=6)
"""From this length on a page's points are whole days, so the daily numbers are enough."""
DAY_SECONDS = 86_400
WHOLE = 1 << 40
"""Seconds of a step that holds any period."""
HOURS_DAYS = 28
"""Days behind the picture by weekday and hour: each weekday four times."""
FACE_METRICS = tuple(
    name for name, one in METRICS.items() if not (one.technical or one.circumstance)
)
COMPARED = tuple(au_rate(label) for label in AU_LABELS)
SELECTABLE = (*COMPARED, *(emotion_share(name) for name in EMOTIONS), ATTENTION)
"""Shares that a page can show by hour and by place."""
COVERAGE_METRICS = (*(n for n, m in METRICS.items() if m.technical), FACES_PEAK)


class Period(StrEnum):
    """How far back a page looks from the last release."""

    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ALL = "all"


LENGTH = {
    Period.QUARTER: timedelta(minutes=15),
    Period.HOUR: timedelta(hours=1),
    Period.DAY: timedelta(days=1),
}
"""Of periods that are counted in whole buckets."""
DAYS = {Period.WEEK: 7, Period.MONTH: 28}
"""Of periods that are counted in calendar days of the site, today included."""


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


def policy(place: Somewhere) -> Policy | None:
    """Read the site's policy; None where it can't be read, or lies elsewhere."""
    if isinstance(place, Afar):
        return None
    try:
        return load_policy(place.policy)
    except AgentError:
        return None


def latest(place: Somewhere, patience: float | None = None) -> Latest | None:
    """Return the newest release, None before the first.

    Args:
        place: the site.
        patience: seconds to wait for whoever has locked the database; the usual ones if None.

    Raises:
        StoreError: the database refuses; its advice says what to do.
    """
    return NumberReader(source(place), patience).latest()


def zones(place: Somewhere) -> list[str]:
    """Return the zones that have a release. Raises as `latest`."""
    return NumberReader(source(place)).zones()


def fitting_period(bucket_seconds: int) -> Period:
    """Choose the period that a page opens with: some tens of buckets."""
    if bucket_seconds <= 60:
        return Period.QUARTER
    return Period.HOUR if bucket_seconds <= 300 else Period.DAY


def timezone_of(rules: Policy | None) -> str:
    """Return the site's time zone; UTC where its policy can't be read."""
    return rules.timezone if rules else "UTC"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A period, and how it is read.

    Attributes:
        since: first instant, aware UTC.
        until: first instant after.
        spans: where its numbers come from.
        by_day: whether its points are whole days of the site.
        anchor: where its steps begin, seconds since 1970.
    """

    since: datetime
    until: datetime
    spans: tuple[Span, ...]
    by_day: bool
    anchor: int


def stretch(place: Somewhere, newest: Latest, period: Period, timezone: str) -> Stretch:
    """Say what a period is, counted back from the newest release. Raises as `latest`."""
    reader = NumberReader(source(place))
    until = newest.bucket_end
    kept = [x for x in (reader.earliest(), reader.first_day()) if x is not None]
    first = min(kept, default=until)
    if period is Period.ALL:
        since = first
    elif period in DAYS:
        last = (until - timedelta(microseconds=1)).astimezone(ZoneInfo(timezone)).date()
        since = max(first, midnight(last - timedelta(days=DAYS[period] - 1), timezone))
    else:
        # At least one whole bucket, also where the bucket is longer than the period.
        length = max(LENGTH[period], timedelta(seconds=newest.bucket_seconds))
        since = max(reader.earliest() or until, until - length)
    return between(place, since, until, timezone)


def between(place: Somewhere, since: datetime, until: datetime, timezone: str) -> Stretch:
    """Return the stretch from one instant to another. Raises as `latest`."""
    by_day = until - since >= BY_DAY_FROM
    if not by_day:
        return Stretch(since, until, (Span(since, until),), by_day, 0)
    start = midnight(since.astimezone(ZoneInfo(timezone)).date(), timezone)
    spans = spans_of(SumReader(source(place)), since, until)
    return Stretch(since, until, spans, by_day, int(start.timestamp()))


def midnight(day: date, timezone: str) -> datetime:
    """Return the first instant of a day by a clock, aware UTC."""
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)


def spans_of(reader: SumReader, since: datetime, until: datetime) -> tuple[Span, ...]:
    """Read days where they were summed up, and buckets before and after. Raises as `latest`."""
    found = reader.days(since, until)
    if found is None:
        return (Span(since, until),)
    begin, end = found
    parts = (Span(since, begin), Span(begin, end, days=True), Span(end, until))
    return tuple(part for part in parts if part.since < part.until)


def overview(
    place: Somewhere, newest: Latest, period: Period, zone: str | None, timezone: str = "UTC"
) -> Overview:
    """Read and combine one period's numbers.

    Args:
        place: the site.
        newest: its newest release; the period ends with it.
        period: how far back.
        zone: name, or None for all.
        timezone: of the site.

    Raises:
        StoreError: as `latest`.
    """
    return read(place, newest, stretch(place, newest, period, timezone), zone)


def read(place: Somewhere, newest: Latest, part: Stretch, zone: str | None) -> Overview:
    """Read and combine the numbers of a stretch; see `overview`."""
    reader = SumReader(source(place))
    names = zones(place) if zone is None else [zone]
    step, block = _steps(part, newest.bucket_seconds)
    cut = Steps(step, part.anchor)
    if zone is None:
        sums = reader.pooled(part.spans, cut, FACE_METRICS)
    else:
        sums = reader.by_zone(part.spans, cut, FACE_METRICS, [zone])
    peaks = reader.by_zone(part.spans, Steps(block, part.anchor), (FACES_PEAK,), names)
    covered = reader.coverage(part.spans, COVERAGE_METRICS, names)
    by_metric = _by_metric(sums)
    whole = {metric: estimates.combine(found) for metric, found in by_metric.items()}
    span = part.since, part.until
    return Overview(
        since=part.since,
        until=part.until,
        bucket=newest.bucket_seconds,
        coverage=estimates.coverage(covered, names, *span),
        whole={metric: estimate for metric, estimate in whole.items() if estimate is not None},
        lines={
            metric: estimates.series(found, part.since, step, part.anchor)
            for metric, found in by_metric.items()
        },
        cells=estimates.cells(peaks, names, span, block, part.anchor),
    )


def _steps(part: Stretch, bucket_seconds: int) -> tuple[int, int]:
    """Return seconds of a point and of a block of the timeline."""
    most = estimates.MOST_POINTS, estimates.MOST_CELLS
    if not part.by_day:
        point, block = (
            estimates.step_seconds(part.since, part.until, bucket_seconds, count) for count in most
        )
        return point, block
    days = (part.until.timestamp() - part.anchor) / DAY_SECONDS
    point, block = (math.ceil(days / count) * DAY_SECONDS for count in most)
    return point, block


def hours(
    place: Somewhere, newest: Latest, metric: str, zone: str | None, timezone: str
) -> tuple[datetime, list[Hour]]:
    """Return one metric by weekday and hour over the last `HOURS_DAYS` days, and their start.

    Raises:
        StoreError: as `latest`.
    """
    last = (newest.bucket_end - timedelta(microseconds=1)).astimezone(ZoneInfo(timezone)).date()
    since = midnight(last - timedelta(days=HOURS_DAYS - 1), timezone)
    since = max(since, NumberReader(source(place)).earliest() or newest.bucket_end)
    reader = SumReader(source(place))
    spans, cut = (Span(since, newest.bucket_end),), Steps(STEP_SECONDS)
    if zone is None:
        sums = reader.pooled(spans, cut, (metric,))
    else:
        sums = reader.by_zone(spans, cut, (metric,), [zone])
    return since, by_hour(sums, timezone)


@dataclass(frozen=True, slots=True)
class Place:
    """One zone's number in a period.

    Attributes:
        zone: name.
        estimate: None where nothing is shown.
        reason: why most hidden buckets are hidden; None where none is.
        shown: buckets that show the metric.
        cells: buckets that were released.
    """

    zone: str
    estimate: Estimate | None
    reason: Reason | None
    shown: int
    cells: int


def places(
    place: Somewhere, newest: Latest, period: Period, metric: str, timezone: str
) -> list[Place]:
    """Return one metric for each zone, by name. Raises as `latest`."""
    part = stretch(place, newest, period, timezone)
    sums = SumReader(source(place)).by_zone(part.spans, Steps(WHOLE), (metric,))
    found = {one.zone: one for one in sums}
    return [
        Place(name, estimates.combine([one]), one.reason, one.shown, one.cells)
        for name, one in sorted(found.items())
    ]


@dataclass(frozen=True, slots=True)
class Days:
    """Calendar days of the site, both included."""

    first: date
    last: date

    def __len__(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    def meets(self, other: Days) -> bool:
        """Say whether a day is in both."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two periods beside each other.

    Attributes:
        differences: by metric, where both periods show it.
        days: with any shown number, in the first and in the second period.
        cells: (shown, released) buckets of both.
        same_models: whether the same models measured throughout.
        same_policy: whether the same policy held throughout.
    """

    differences: dict[str, Difference]
    days: tuple[int, int]
    cells: tuple[tuple[int, int], tuple[int, int]]
    same_models: bool
    same_policy: bool


def comparison(
    place: Somewhere,
    sides: tuple[Days, Days],
    zone: str | None,
    timezone: str,
    metrics: tuple[str, ...] = COMPARED,
) -> Comparison:
    """Compare two periods, day by day. Raises as `latest`."""
    found = [_daily(place, side, zone, timezone, metrics) for side in sides]
    first, second = (_by_metric(sums) for sums in found)
    differences = {
        metric: one
        for metric in metrics
        if (one := difference(first.get(metric, []), second.get(metric, []))) is not None
    }
    counts = [_cells(sums, metrics) for sums in found]
    days = [len({one.step for one in sums if one.shown}) for sums in found]
    terms = [_terms(place, side, timezone) for side in sides]
    policies, models = (set().union(*(term[i] for term in terms)) for i in (0, 1))
    return Comparison(
        differences, (days[0], days[1]), (counts[0], counts[1]), len(models) <= 1,
        len(policies) <= 1,
    )  # fmt: skip


def _daily(
    place: Somewhere, side: Days, zone: str | None, timezone: str, metrics: tuple[str, ...]
) -> list[Sum]:
    since, until = _instants(side, timezone)
    reader = SumReader(source(place))
    spans = spans_of(reader, since, until)
    cut = Steps(DAY_SECONDS, int(since.timestamp()))
    if zone is None:
        return reader.pooled(spans, cut, metrics)
    return reader.by_zone(spans, cut, metrics, [zone])


def _instants(side: Days, timezone: str) -> tuple[datetime, datetime]:
    return midnight(side.first, timezone), midnight(side.last + timedelta(days=1), timezone)


def _cells(sums: list[Sum], metrics: tuple[str, ...]) -> tuple[int, int]:
    """Count the buckets behind the metric that shows most of them."""
    found = {
        metric: (sum(s.shown for s in group), sum(s.cells for s in group))
        for metric, group in _by_metric(sums).items()
        if metric in metrics
    }
    return max(found.values(), default=(0, 0))


def _terms(place: Somewhere, side: Days, timezone: str) -> tuple[set[str], set[str]]:
    return SumReader(source(place)).terms(*_instants(side, timezone))


def kept_days(place: Somewhere, newest: Latest, timezone: str) -> Days:
    """Return the days for which anything is kept. Raises as `latest`."""
    part = stretch(place, newest, Period.ALL, timezone)
    zone = ZoneInfo(timezone)
    last = (part.until - timedelta(microseconds=1)).astimezone(zone).date()
    return Days(part.since.astimezone(zone).date(), last)


def released(place: Somewhere, part: Stretch, zone: str | None) -> list[dict[str, Any]]:
    """Return the released rows of a stretch for export, by day or by bucket. Raises as `latest`."""
    reader = NumberReader(source(place))
    named = None if zone is None else [zone]
    rows: list[dict[str, Any]] = []
    for span in part.spans:
        if span.days:
            rows += export.day_rows(reader.days(span.since, span.until, named))
        else:
            rows += export.bucket_rows(reader.rows(span.since, span.until, named))
    return rows


def markers(place: Somewhere) -> tuple[Marker, ...]:
    """Return the site's markers.

    Raises:
        ConfigError: the file is there and can't be read; its advice says what to do.
    """
    return () if isinstance(place, Afar) else load_markers(place.root)


def _by_metric(sums: list[Sum]) -> dict[str, list[Sum]]:
    table: dict[str, list[Sum]] = {}
    for one in sums:
        table.setdefault(one.metric, []).append(one)
    return table


def grades() -> dict[str, str]:
    """Return each AU's reliability: A, B, C or D by its published correlation, a dash if unknown.

    Source: `[scores.au]` of the encoder's card; the worse of two tests, 1 best, 0 chance.
    """
    scores: dict[str, object] = {}
    try:
        card = tomllib.loads(
            (models_folder() / "face_encoder.card.toml").read_text(encoding="utf-8")
        )
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


def models_folder() -> Path:
    """Return the folder of the models' cards."""
    named = os.environ.get(MODELS_VARIABLE)
    return Path(named) if named else shipped("models")
