"""Combine sums of released rows into the numbers of a page. Pure; no database, no page.

Rules:
- only whole released buckets are combined; whatever is computed here can be computed by anybody
  who sees the released rows, so it discloses nothing more;
- buckets are weighted by their face-records. The interval treats buckets as independent strata:
  visits end with their bucket, so the variances of the buckets add up. Where a bucket has no
  standard error (one visit), the buckets themselves become the clusters; with fewer than two
  buckets there is then no interval;
- over all zones, a bucket's site total is used where it was released, else its shown zones; the
  database chooses (`agent.store.aggregate_sums`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.domain.aggregate import (
    DROPPED_FRAMES,
    FACES_PEAK,
    METRICS,
    OBSERVED_SECONDS,
    TOTAL_SECONDS,
    Reason,
    interval95,
    status_share,
)
from agent.domain.frame import FrameStatus
from agent.domain.sums import REASONS, added, sum_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.domain.aggregate import Aggregate
    from agent.domain.sums import Sum

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


def combine(sums: Iterable[Sum]) -> Estimate | None:
    """Combine one metric's sums; None where nothing is shown."""
    whole = added(sums)
    if whole is None or not whole.samples:
        return None
    value = whole.weighted / whole.samples
    low = high = None
    if (found := _standard_error(whole, value)) is not None:
        low, high = interval95(value, *found, METRICS[whole.metric])
    return Estimate(value, low, high, whole.samples, whole.tracks)


def _standard_error(whole: Sum, value: float) -> tuple[float, int] | None:
    """Return the standard error and its degrees of freedom, None where neither way works."""
    if not whole.uncertain:
        return math.sqrt(whole.spread) / whole.samples, max(1, whole.tracks - whole.rows)
    if whole.rows < 2:
        return None
    # Sum over rows of n² (v - mean)²; rounding may push an exact 0 below 0.
    spread = max(0.0, whole.nnvv - 2 * value * whole.nnv + value * value * whole.nn)
    error = math.sqrt(spread * whole.rows / (whole.rows - 1)) / whole.samples
    return error, whole.rows - 1


def summed(rows: Iterable[Aggregate], steps: tuple[int, int] = (1 << 40, 0)) -> list[Sum]:
    """Return single rows as sums.

    Args:
        rows: of buckets.
        steps: seconds of a step, and where step 0 begins.
    """
    rows = list(rows)
    seconds, anchor = steps
    ticked = {
        (row.zone, row.bucket_start): row.value or 0.0
        for row in rows
        if row.metric == TOTAL_SECONDS
    }
    return [
        sum_of(
            row,
            int((row.bucket_start.timestamp() - anchor) // seconds),
            ticked.get((row.zone, row.bucket_start), 0.0),
        )
        for row in rows
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


def series(sums: Iterable[Sum], since: datetime, step: int, anchor: int = 0) -> list[Point]:
    """Draw one metric over time.

    Args:
        sums: of one metric, already chosen by zone, by step.
        since: start of the period, aware UTC.
        step: seconds, a multiple of the bucket.
        anchor: where step 0 begins, seconds since 1970.

    Returns:
        One point for each step with a release, in order of time.
    """
    steps: dict[int, list[Sum]] = defaultdict(list)
    for part in sums:
        steps[part.step].append(part)
    return [
        Point(
            max(since, _instant(index, step, anchor)),
            _instant(index + 1, step, anchor),
            combine(group),
            _commonest(group),
        )
        for index, group in sorted(steps.items())
    ]


def cells(
    sums: Iterable[Sum],
    zones: Sequence[str],
    span: tuple[datetime, datetime],
    step: int,
    anchor: int = 0,
) -> list[Cell]:
    """Say of each zone and step whether it is shown, hidden, or was never released."""
    since, until = span
    found = {(part.zone, part.step): part for part in sums if part.metric == FACES_PEAK}
    first = int((since.timestamp() - anchor) // step)
    last = int((until.timestamp() - 1 - anchor) // step)
    made = []
    for zone in zones:
        for index in range(first, last + 1):
            part = found.get((zone, index))
            begin = max(since, _instant(index, step, anchor))
            end = min(until, _instant(index + 1, step, anchor))
            reason = None if part is None or part.shown else part.reason
            made.append(Cell(zone, begin, end, part is not None, reason))
    return made


def coverage(
    sums: Iterable[Sum], zones: Sequence[str], since: datetime, until: datetime
) -> Coverage:
    """Sum up what the camera could do in these zones between two instants.

    Args:
        sums: with `timed`, by zone.
        zones: names.
        since: aware UTC.
        until: aware UTC.
    """
    named = set(zones)
    table: dict[str, list[Sum]] = defaultdict(list)
    for part in sums:
        if part.zone in named:
            table[part.metric].append(part)
    peaks = table[FACES_PEAK]
    hidden = {
        reason: count
        for i, reason in enumerate(REASONS)
        if (count := sum(part.hidden[i] for part in peaks))
    }
    return Coverage(
        seconds=(until - since).total_seconds() * len(named),
        observed_seconds=sum(part.total for part in table[OBSERVED_SECONDS]),
        status_seconds={
            status: sum(part.timed for part in table[status_share(status)])
            for status in FrameStatus
        },
        dropped_frames=int(sum(part.total for part in table[DROPPED_FRAMES])),
        cells=sum(part.cells for part in peaks),
        hidden=hidden,
        peak=max((int(part.top) for part in peaks if part.top is not None), default=None),
    )


def _instant(index: int, step: int, anchor: int = 0) -> datetime:
    return datetime.fromtimestamp(anchor + index * step, UTC)


def _commonest(sums: Sequence[Sum]) -> Reason | None:
    whole = added(sums)
    return None if whole is None else whole.reason
