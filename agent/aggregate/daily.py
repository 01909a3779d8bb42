"""Combine one day's released rows into the day's own. Pure.

Rules:
- a day is the site's calendar day; a bucket belongs to the day on which it begins;
- only rows that were released and show a number are used, so nothing new is revealed;
- means are weighted by face-records, and the buckets' errors add up as independent strata, since
  visits end with their bucket; shares of time are weighted by the time that was ticked; seconds
  and frames are summed; the peak is the largest shown one;
- a day is summed up once, one bucket after its end, and never again.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agent.domain.aggregate import FACES_PEAK, METRICS, TOTAL_SECONDS, Aggregate
from agent.domain.daily import DailyAggregate, Day
from agent.domain.policy import Policy

DECIMALS = 3
_SHARE = "share"


def day_of(instant: datetime, timezone: str) -> Day:
    """Return the site's calendar day that an instant belongs to."""
    zone = ZoneInfo(timezone)
    date = instant.astimezone(zone).date()
    midnights = (
        datetime.combine(date + timedelta(days=ahead), time(), zone).astimezone(UTC)
        for ahead in (0, 1)
    )
    return Day(date, next(midnights), next(midnights))


def days_over(
    first: datetime, summed_up_to: datetime | None, policy: Policy, now: datetime
) -> Iterator[Day]:
    """Yield the days that are over and not summed up yet, oldest first.

    Args:
        first: start of the oldest released bucket, aware UTC.
        summed_up_to: end of the newest day that was summed up; nothing before it is used again.
        policy: time zone, bucket, and how long a day's numbers may live.
        now: aware UTC, of a clock that is trusted.
    """
    begin = first if summed_up_to is None else max(first, summed_up_to)
    # A day isn't made of buckets that should be gone, nor made again after its own end.
    oldest = now - min(policy.retention.daily, policy.retention.aggregates)
    while True:
        day = day_of(begin, policy.timezone)
        if day.end + policy.release.bucket > now:
            return
        if day.end > oldest:
            # Another time zone in the policy: what is summed up already isn't counted twice.
            start = day.start if summed_up_to is None else max(day.start, summed_up_to)
            yield Day(day.date, start, day.end)
        begin = day.end


def sum_up(rows: Iterable[Aggregate], day: Day) -> list[DailyAggregate]:
    """Combine a day's released rows, by zone and metric.

    Args:
        rows: of buckets that begin on this day; others are refused.
        day: which.

    Raises:
        ValueError: a bucket begins on another day.
    """
    groups: dict[tuple[str, str], list[Aggregate]] = defaultdict(list)
    ticked: dict[tuple[str, datetime], float] = {}
    for row in rows:
        if not day.start <= row.bucket_start < day.end:
            raise ValueError("a row of another day")
        groups[row.zone, row.metric].append(row)
        if row.metric == TOTAL_SECONDS and row.value is not None:
            ticked[row.zone, row.bucket_start] = row.value
    return [_combine(group, day, ticked) for _, group in sorted(groups.items())]


def _combine(
    group: Sequence[Aggregate], day: Day, ticked: dict[tuple[str, datetime], float]
) -> DailyAggregate:
    first, metric = group[0], METRICS[group[0].metric]
    shown = [row for row in group if row.value is not None]
    faces = bool(shown) and not metric.technical
    value, error = _number(shown, ticked)
    hidden = Counter(row.reason for row in group if row.reason is not None)
    return DailyAggregate(
        day=day,
        zone=first.zone,
        metric=first.metric,
        unit=first.unit,
        value=None if value is None else round(value, DECIMALS),
        standard_error=error,
        samples=sum(row.samples or 0 for row in shown) if faces else None,
        tracks=sum(row.tracks or 0 for row in shown) if faces else None,
        persons=max(row.persons or 0 for row in shown) if faces else None,
        shown=0 if value is None else len(shown),
        cells=len(group),
        expected=max(len(group), day.seconds // first.bucket_seconds),
        reason=hidden.most_common(1)[0][0] if hidden else None,
        k=min(row.k for row in group),
        policies=tuple(sorted({row.policy for row in group})),
        models=tuple(sorted({name for row in group for name in row.models})),
    )


def _number(
    shown: Sequence[Aggregate], ticked: dict[tuple[str, datetime], float]
) -> tuple[float | None, float | None]:
    """Return value and standard error of the rows that show something."""
    if not shown:
        return None, None
    metric = METRICS[shown[0].metric]
    values = [row.value or 0.0 for row in shown]
    if metric.name == FACES_PEAK:
        return max(values), None
    if metric.technical and metric.unit != _SHARE:
        return sum(values), None
    if metric.technical:
        return _mean(values, [ticked.get((row.zone, row.bucket_start), 0.0) for row in shown]), None
    weights = [float(row.samples or 0) for row in shown]
    return _mean(values, weights), _standard_error(shown)


def _mean(values: Sequence[float], weights: Sequence[float]) -> float | None:
    total = sum(weights)
    if total <= 0:
        return None
    return sum(v * w for v, w in zip(values, weights, strict=True)) / total


def _standard_error(shown: Sequence[Aggregate]) -> float | None:
    """Add up independent strata; None where one of them has no error of its own."""
    samples = sum(row.samples or 0 for row in shown)
    spread = 0.0
    for row in shown:
        if row.standard_error is None:
            return None
        spread += ((row.samples or 0) * row.standard_error) ** 2
    if not samples:
        return None
    # Rounded up, as at release: an interval is never made narrower.
    scale: int = 10**DECIMALS
    return math.ceil(round(math.sqrt(spread) / samples * scale, 6)) / scale
