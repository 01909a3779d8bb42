"""Combine released rows into the numbers of a page. Pure; no database, no page.

Rules:
- only whole released buckets are combined; whatever is computed here can be computed by anybody
  who sees the released rows, so it discloses nothing more;
- buckets are weighted by their face-records. The interval treats buckets as independent strata:
  visits end with their bucket, so the variances of the buckets add up. Where a bucket has no
  standard error (one visit), the buckets themselves become the clusters; with fewer than two
  buckets there is then no interval;
- over all zones, a bucket's site total is used where it was released, else its shown zones.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from agent.domain.aggregate import (
    DROPPED_FRAMES,
    FACES_PEAK,
    METRICS,
    OBSERVED_SECONDS,
    SITE_TOTAL,
    TOTAL_SECONDS,
    Aggregate,
    Reason,
    interval95,
    status_share,
)
from agent.domain.frame import FrameStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_POINTS = 32
"""Points of a line over time: few, so that each has a narrow interval."""
MOST_CELLS = 120
"""Blocks of a timeline; more can't be told apart on a screen."""
ROUND_STEPS = (
    30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800,
)  # fmt: skip
"""Seconds: from half a minute to a week."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric over one or more buckets.

    Attributes:
        value: mean over face-records, unit of the metric.
        low: lower end of the 95 % interval, None without an interval.
        high: upper end, likewise.
        samples: face-records.
        tracks: visits, summed over buckets.
    """

    value: float
    low: float | None
    high: float | None
    samples: int
    tracks: int


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a line over time: an estimate, or the reason why there is none."""

    start: datetime
    end: datetime
    estimate: Estimate | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the camera could do in the period; said before any other number.

    Attributes:
        seconds: of the period, times the zones looked at.
        observed_seconds: with a usable picture, a face or nobody.
        status_seconds: by status; what is missing from `seconds` is time without a running agent.
        dropped_frames: that came too late to be looked at.
        cells: zone-buckets.
        hidden: how many cells are hidden, by reason.
        peak: most faces seen at the same time in a shown cell, None where all are hidden.
    """

    seconds: float
    observed_seconds: float
    status_seconds: dict[FrameStatus, float]
    dropped_frames: int
    cells: int
    hidden: dict[Reason, int]
    peak: int | None

    @property
    def hidden_share(self) -> float:
        """Share of cells that are hidden, 0-1."""
        return sum(self.hidden.values()) / self.cells if self.cells else 0.0

    @property
    def usable_share(self) -> float:
        """Share of the period in which a face could be read, 0-1."""
        return self.status_seconds[FrameStatus.OK] / self.seconds if self.seconds else 0.0

    @property
    def absent_seconds(self) -> float:
        """Time for which no tick was reported: the agent wasn't running."""
        return max(0.0, self.seconds - sum(self.status_seconds.values()))


@dataclass(frozen=True, slots=True)
class Cell:
    """One zone in one step: shown, or hidden for a reason, or without any release."""

    zone: str
    start: datetime
    end: datetime
    released: bool
    reason: Reason | None


def combine(rows: Iterable[Aggregate]) -> Estimate | None:
    """Combine one metric's rows; hidden and empty ones don't count. None where none is left."""
    shown = [row for row in rows if row.value is not None and row.samples]
    if not shown:
        return None
    metric = METRICS[shown[0].metric]
    samples = sum(row.samples or 0 for row in shown)
    tracks = sum(row.tracks or 0 for row in shown)
    value = sum((row.value or 0.0) * (row.samples or 0) for row in shown) / samples
    low = high = None
    if (found := _standard_error(shown, value, samples, tracks)) is not None:
        low, high = interval95(value, *found, metric)
    return Estimate(value, low, high, samples, tracks)


def _standard_error(
    rows: Sequence[Aggregate], value: float, samples: int, tracks: int
) -> tuple[float, int] | None:
    """Return the standard error and its degrees of freedom, None where neither way works."""
    within = [row.standard_error for row in rows]
    if all(error is not None for error in within):
        spread = sum(
            (row.samples or 0) ** 2 * (error or 0.0) ** 2
            for row, error in zip(rows, within, strict=True)
        )
        return math.sqrt(spread) / samples, max(1, tracks - len(rows))
    count = len(rows)
    if count < 2:
        return None
    spread = sum((row.samples or 0) ** 2 * ((row.value or 0.0) - value) ** 2 for row in rows)
    return math.sqrt(spread * count / (count - 1)) / samples, count - 1


def choose(rows: Iterable[Aggregate], zone: str | None) -> list[Aggregate]:
    """Take one zone's rows; for None each bucket's site total where shown, else its zones."""
    if zone is not None:
        return [row for row in rows if row.zone == zone]
    rows = list(rows)
    totals = {
        (row.bucket_start, row.metric)
        for row in rows
        if row.zone == SITE_TOTAL and not row.suppressed
    }
    return [
        row
        for row in rows
        if (row.zone == SITE_TOTAL) == ((row.bucket_start, row.metric) in totals)
    ]


def step_seconds(since: datetime, until: datetime, bucket_seconds: int, most: int) -> int:
    """Choose how many seconds one point over time stands for.

    Args:
        since: start of the period.
        until: its end.
        bucket_seconds: length of a bucket.
        most: points that the screen has room for.

    Returns:
        A round number of seconds where one fits, always a multiple of the bucket.
    """
    least = max(bucket_seconds, (until - since).total_seconds() / most)
    for step in ROUND_STEPS:
        if least <= step <= 3 * least and step % bucket_seconds == 0:
            return step
    return bucket_seconds * math.ceil(least / bucket_seconds)


def series(rows: Iterable[Aggregate], since: datetime, step: int) -> list[Point]:
    """Draw one metric over time.

    Args:
        rows: of one metric, already chosen by zone.
        since: start of the period, aware UTC; steps begin at round instants.
        step: seconds, a multiple of the bucket.

    Returns:
        One point for each step with a release, in order of time.
    """
    steps: dict[int, list[Aggregate]] = defaultdict(list)
    for row in rows:
        steps[_step(row.bucket_start, step)].append(row)
    return [
        Point(
            max(since, _instant(index, step)),
            _instant(index + 1, step),
            combine(group),
            _commonest(group),
        )
        for index, group in sorted(steps.items())
    ]


def cells(
    rows: Iterable[Aggregate], zones: Sequence[str], since: datetime, until: datetime, step: int
) -> list[Cell]:
    """Say of each zone and step whether it is shown, hidden, or was never released."""
    found: dict[tuple[str, int], list[Aggregate]] = defaultdict(list)
    for row in rows:
        if row.metric == FACES_PEAK:
            found[row.zone, _step(row.bucket_start, step)].append(row)
    first, last = _step(since, step), _step(until - timedelta(seconds=1), step)
    return [
        Cell(
            zone,
            max(since, _instant(index, step)),
            min(until, _instant(index + 1, step)),
            bool(group := found.get((zone, index), [])),
            None if any(not row.suppressed for row in group) else _commonest(group),
        )
        for zone in zones
        for index in range(first, last + 1)
    ]


def coverage(
    rows: Iterable[Aggregate], zones: Sequence[str], since: datetime, until: datetime
) -> Coverage:
    """Sum up what the camera could do in these zones between two instants."""
    named = set(zones)
    table: dict[str, dict[tuple[str, datetime], float]] = defaultdict(dict)
    hidden: Counter[Reason] = Counter()
    count = 0
    for row in rows:
        if row.zone not in named:
            continue
        if row.metric == FACES_PEAK:
            count += 1
            if row.reason is not None:
                hidden[row.reason] += 1
        if row.value is not None:
            table[row.metric][row.zone, row.bucket_start] = row.value
    total = table[TOTAL_SECONDS]
    peaks = table[FACES_PEAK]
    return Coverage(
        seconds=(until - since).total_seconds() * len(named),
        observed_seconds=sum(table[OBSERVED_SECONDS].values()),
        status_seconds={
            status: sum(
                share * total.get(cell, 0.0) for cell, share in table[status_share(status)].items()
            )
            for status in FrameStatus
        },
        dropped_frames=int(sum(table[DROPPED_FRAMES].values())),
        cells=count,
        hidden=dict(hidden),
        peak=int(max(peaks.values())) if peaks else None,
    )


def _step(instant: datetime, step: int) -> int:
    return int(instant.timestamp() // step)


def _instant(index: int, step: int) -> datetime:
    return datetime.fromtimestamp(index * step, UTC)


def _commonest(rows: Iterable[Aggregate]) -> Reason | None:
    reasons = Counter(row.reason for row in rows if row.reason is not None)
    return reasons.most_common(1)[0][0] if reasons else None
