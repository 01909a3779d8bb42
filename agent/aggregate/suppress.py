"""Decide what of a closed bucket may be seen. Pure: the same summaries give the same rows.

Rules, in the order in which they are asked of each face-derived metric (ADR 0004):
1. fewer persons than the policy's k stand behind it -> hidden, `too_few_persons`;
2. fewer than 10 face-records -> hidden, `too_few_samples`;
3. one track gives more than 80 % of the records -> hidden, `dominated`: the mean of k persons
   must not be, in truth, that of one;
4. the total over zones is hidden (`complementary`) where total minus shown zones would leave
   somebody's number: it appears when every zone that saw a face is shown, or when at least two
   are hidden that together pass rules 1 to 3;
5. of a pair of circumstances (near and far) both are hidden (`complementary`) where one is: else
   all faces minus the shown half would be the hidden one.

Which metrics get a row depends on the policy's heads alone, never on what was seen, so that the
list of rows tells nothing. Coverage is technical and always shown.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import reduce
from typing import TYPE_CHECKING

from agent.aggregate.window import NOTHING, BucketSummary, Moments
from agent.domain.aggregate import (
    ATTENTION,
    DROPPED_FRAMES,
    FACES_PEAK,
    METRICS,
    OBSERVED_SECONDS,
    SITE_TOTAL,
    TOTAL_SECONDS,
    Aggregate,
    Metric,
    Reason,
    status_share,
)
from agent.domain.circumstance import OTHER
from agent.domain.frame import FrameStatus
from agent.domain.policy import PersonBound, Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

MIN_SAMPLES = 10
"""Face-records below which a mean says nothing."""
DOMINANCE_SHARE = 0.8
"""Largest share of a cell's records that a single track may give."""
DECIMALS = 3


def release(
    summaries: Iterable[BucketSummary], policy: Policy, *, models: tuple[str, ...]
) -> list[Aggregate]:
    """Turn closed buckets into rows that may be seen.

    Args:
        summaries: closed buckets; all zones of one bucket belong into one call, since the total
            over zones is decided from all of them.
        policy: k, the persons' bound, rosters, heads and digest.
        models: names of the models that measured, for the page's footer.

    Returns:
        For each zone all coverage rows and one row per face-derived metric, shown or hidden;
        where a bucket has two zones or more, the rows of `SITE_TOTAL` as well.
    """
    buckets: dict[datetime, list[BucketSummary]] = defaultdict(list)
    for summary in summaries:
        buckets[summary.bucket_start].append(summary)
    rows: list[Aggregate] = []
    for start in sorted(buckets):
        cells = buckets[start]
        maker = _Maker(policy, models, cells[0])
        for cell in cells:
            rows += maker.coverage(cell)
            rows += maker.faces(cell)
        if len(cells) > 1:
            rows += maker.total(cells)
    return rows


class _Maker:
    """Makes the rows of one bucket."""

    def __init__(self, policy: Policy, models: tuple[str, ...], cell: BucketSummary) -> None:
        self._policy = policy
        self._rules = policy.release
        self._roster = {zone.name: zone.roster or 0 for zone in policy.zones}
        self._models = models
        self._start = cell.bucket_start
        self._seconds = cell.seconds
        self._metrics = [
            metric
            for metric in METRICS.values()
            if not metric.technical and (metric.head is None or metric.head in policy.heads)
        ]

    def coverage(self, cell: BucketSummary) -> list[Aggregate]:
        """Say what the camera could do; no face stands behind these numbers."""
        seconds = cell.status_seconds
        total = sum(seconds.values())
        observed = seconds.get(FrameStatus.OK, 0.0) + seconds.get(FrameStatus.NO_FACE, 0.0)
        values: dict[str, float | None] = {
            OBSERVED_SECONDS: observed,
            TOTAL_SECONDS: total,
            DROPPED_FRAMES: float(cell.dropped_frames),
        }
        for status in FrameStatus:
            values[status_share(status)] = seconds.get(status, 0.0) / total if total else None
        return [self._row(cell.zone, METRICS[name], value) for name, value in values.items()]

    def faces(self, cell: BucketSummary) -> list[Aggregate]:
        """Show or hide each face-derived metric of one zone."""
        return [
            self._judged(cell.zone, metric, [cell], self._reason(metric, [cell]))
            for metric in self._metrics
        ]

    def total(self, cells: Sequence[BucketSummary]) -> list[Aggregate]:
        """Show or hide each face-derived metric over all zones."""
        return [
            self._judged(SITE_TOTAL, metric, cells, self._total_reason(metric, cells))
            for metric in self._metrics
        ]

    def _total_reason(self, metric: Metric, cells: Sequence[BucketSummary]) -> Reason | None:
        # A zone without any record adds nothing to the total, so nothing can be taken out of it.
        hidden = [
            cell
            for cell in cells
            if _moments(metric, [cell]).samples and self._reason(metric, [cell]) is not None
        ]
        if hidden and (len(hidden) == 1 or self._reason(metric, hidden) is not None):
            return Reason.COMPLEMENTARY
        return self._reason(metric, cells)

    def _reason(self, metric: Metric, cells: Sequence[BucketSummary]) -> Reason | None:
        alone = self._alone(metric, cells)
        if alone is not None or metric.circumstance is None:
            return alone
        half = METRICS[
            metric.name.replace(f".{metric.circumstance}.", f".{OTHER[metric.circumstance]}.")
        ]
        # A half without any record leaves nothing to subtract.
        if _moments(half, cells).samples and self._alone(half, cells) is not None:
            return Reason.COMPLEMENTARY
        return None

    def _alone(self, metric: Metric, cells: Sequence[BucketSummary]) -> Reason | None:
        moments = _moments(metric, cells)
        if self._persons(metric, cells) < self._rules.k:
            return Reason.TOO_FEW_PERSONS
        if moments.samples < MIN_SAMPLES:
            return Reason.TOO_FEW_SAMPLES
        if moments.largest > DOMINANCE_SHARE * moments.samples:
            return Reason.DOMINATED
        return None

    def _persons(self, metric: Metric, cells: Sequence[BucketSummary]) -> int:
        """Bound from below how many persons stand behind a metric of these zones together."""
        tracks = [_moments(metric, [cell]).tracks for cell in cells]
        if self._rules.bound is PersonBound.VISITS:
            return sum(tracks)
        # The same person may be seen in two zones, so only the largest zone's bound is certain.
        if self._rules.bound is PersonBound.PEAK:
            return max(min(cell.peak, seen) for cell, seen in zip(cells, tracks, strict=True))
        return max(self._roster.get(cell.zone, 0) for cell in cells)

    def _judged(
        self, zone: str, metric: Metric, cells: Sequence[BucketSummary], reason: Reason | None
    ) -> Aggregate:
        if reason is not None:
            return self._row(zone, metric, None, reason=reason)
        moments = _moments(metric, cells)
        persons = self._persons(metric, cells)
        if metric.name == FACES_PEAK:
            peak = float(max(cell.peak for cell in cells))
            return self._row(zone, metric, peak, moments=moments, persons=persons)
        return self._row(
            zone,
            metric,
            moments.value,
            standard_error=moments.standard_error,
            moments=moments,
            persons=persons,
        )

    def _row(
        self,
        zone: str,
        metric: Metric,
        value: float | None,
        *,
        standard_error: float | None = None,
        moments: Moments | None = None,
        persons: int | None = None,
        reason: Reason | None = None,
    ) -> Aggregate:
        return Aggregate(
            zone=zone,
            bucket_start=self._start,
            bucket_seconds=self._seconds,
            metric=metric.name,
            unit=metric.unit,
            value=None if value is None else round(value, DECIMALS),
            standard_error=None if standard_error is None else _round_up(standard_error),
            samples=None if moments is None else moments.samples,
            tracks=None if moments is None else moments.tracks,
            persons=persons,
            suppressed=reason is not None,
            reason=reason,
            k=self._rules.k,
            policy=self._policy.digest,
            models=self._models,
        )


def _round_up(standard_error: float) -> float:
    """Round away from zero: rounding must not make a number look surer than it is."""
    scale: int = 10**DECIMALS
    return math.ceil(round(standard_error * scale, 6)) / scale


def _moments(metric: Metric, cells: Sequence[BucketSummary]) -> Moments:
    # The peak has no moments of its own; the head's direction is known of every face-record.
    name = ATTENTION if metric.name == FACES_PEAK else metric.name
    return reduce(Moments.pooled, (cell.moments.get(name, NOTHING) for cell in cells))
