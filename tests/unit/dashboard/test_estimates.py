"""Combining released rows: weights, intervals, steps and coverage."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from agent.domain.aggregate import (
    FACES_PEAK,
    METRICS,
    OBSERVED_SECONDS,
    TOTAL_SECONDS,
    Aggregate,
    Reason,
    au_rate,
    status_share,
    t95,
)
from agent.domain.frame import FrameStatus
from dashboard import estimates

START = datetime(2026, 9, 27, 1, tzinfo=UTC)
RATE = au_rate("AU12")


def row(  # each part of a row that a test varies
    value: float | None,
    *,
    index: int = 0,
    zone: str = "door",
    metric: str = RATE,
    error: float | None = 0.02,
    samples: int | None = 100,
    tracks: int = 6,
) -> Aggregate:
    """Return a row of the `index`-th minute; hidden where `value` is None."""
    shown = value is not None
    return Aggregate(
        zone=zone,
        bucket_start=START + timedelta(minutes=index),
        bucket_seconds=60,
        metric=metric,
        unit=METRICS[metric].unit,
        value=value,
        standard_error=error if shown else None,
        samples=samples if shown else None,
        tracks=tracks if shown else None,
        persons=5 if shown else None,
        suppressed=not shown,
        reason=None if shown else Reason.TOO_FEW_PERSONS,
        k=5,
        policy="",
        models=(),
    )


def technical(metric: str, value: float, index: int = 0, zone: str = "door") -> Aggregate:
    """Return a coverage row."""
    return row(value, index=index, zone=zone, metric=metric, error=None, samples=None)


def combined(*rows: Aggregate) -> estimates.Estimate | None:
    """Combine rows by way of their sums."""
    return estimates.combine(estimates.summed(rows))


def test_buckets_are_weighted_by_their_face_records() -> None:
    """A bucket with three times the records counts three times."""
    found = combined(row(0.1, samples=300), row(0.5, index=1, samples=100))

    assert found is not None
    assert found.value == pytest.approx(0.2)
    assert (found.samples, found.tracks) == (400, 12)


def test_variances_of_buckets_add_up() -> None:
    """Two independent buckets have the standard error of a stratified mean."""
    found = combined(row(0.3, error=0.03), row(0.3, index=1, error=0.04))

    assert found is not None
    half = t95(10) * math.hypot(0.03, 0.04) / 2
    assert found.high == pytest.approx(0.3 + half)
    assert found.low == pytest.approx(0.3 - half)


def test_one_bucket_keeps_its_own_interval() -> None:
    """A single bucket of 6 visits has 5 degrees of freedom."""
    found = combined(row(0.3))

    assert found is not None
    assert found.high == pytest.approx(0.3 + t95(5) * 0.02)


def test_without_standard_errors_buckets_are_the_clusters() -> None:
    """Where a bucket has no interval of its own, the spread between buckets gives one."""
    found = combined(row(0.2, error=None), row(0.4, index=1))

    assert found is not None
    assert found.value == pytest.approx(0.3)
    assert found.high == pytest.approx(min(1.0, 0.3 + t95(1) * 0.1))


def test_one_bucket_without_standard_error_has_no_interval() -> None:
    """One visit says nothing about the spread between visits."""
    found = combined(row(0.2, error=None))

    assert found is not None
    assert (found.low, found.high) == (None, None)


def test_hidden_rows_never_count() -> None:
    """A hidden bucket is left out; only hidden ones give nothing, not 0."""
    found = combined(row(0.2), row(None, index=1))

    assert found is not None
    assert found.value == pytest.approx(0.2)
    assert combined(row(None)) is None
    assert estimates.combine([]) is None


@pytest.mark.parametrize(
    ("hours", "bucket", "most", "expected"),
    [(1, 60, 60, 60), (1, 60, 30, 120), (24, 3600, 32, 3600), (24 * 30, 3600, 32, 86_400),
     (1, 45, 30, 135)],
)  # fmt: skip
def test_steps_are_whole_buckets_and_few(hours: int, bucket: int, most: int, expected: int) -> None:
    """A step is a multiple of the bucket, round where one fits, and there are few of them."""
    until = START + timedelta(hours=hours)

    assert estimates.step_seconds(START, until, bucket, most) == expected


def test_a_line_breaks_where_all_is_hidden() -> None:
    """A step with only hidden buckets has a reason and no number."""
    rows = [row(0.2), row(0.4, index=1), row(None, index=2)]
    points = estimates.series(estimates.summed(rows, (120, 0)), START, 120)

    assert [point.reason for point in points] == [None, Reason.TOO_FEW_PERSONS]
    assert points[0].estimate is not None
    assert points[0].estimate.value == pytest.approx(0.3)
    assert points[1].estimate is None


def test_cells_tell_hidden_from_never_released() -> None:
    """A step without any row is absent, one with a hidden peak is hidden."""
    rows = [
        row(6, metric=FACES_PEAK, error=None),
        row(None, index=1, metric=FACES_PEAK),
    ]
    until = START + timedelta(minutes=3)
    found = estimates.cells(estimates.summed(rows, (60, 0)), ["door"], (START, until), 60)

    assert [(c.released, c.reason) for c in found] == [
        (True, None),
        (True, Reason.TOO_FEW_PERSONS),
        (False, None),
    ]
    assert found[-1].end == until


def test_coverage_sums_time_and_hidden_cells() -> None:
    """Shares become seconds again; time without any tick is absent."""
    rows = [
        technical(TOTAL_SECONDS, 60), technical(OBSERVED_SECONDS, 50),
        technical(status_share(FrameStatus.OK), 0.5),
        technical(status_share(FrameStatus.TOO_DARK), 0.1),
        row(7, metric=FACES_PEAK, error=None),
        technical(TOTAL_SECONDS, 30, 1), technical(OBSERVED_SECONDS, 30, 1),
        technical(status_share(FrameStatus.OK), 1.0, 1),
        row(None, index=1, metric=FACES_PEAK),
        technical(TOTAL_SECONDS, 60, zone="yard"),
    ]  # fmt: skip
    sums = estimates.summed(rows)
    found = estimates.coverage(sums, ["door"], START, START + timedelta(minutes=2))

    assert found.observed_seconds == 80
    assert found.status_seconds[FrameStatus.OK] == pytest.approx(60)
    assert found.usable_share == pytest.approx(0.5)
    assert found.hidden_share == 0.5
    assert found.hidden == {Reason.TOO_FEW_PERSONS: 1}
    assert found.peak == 7
    assert found.absent_seconds == pytest.approx(120 - 60 - 6)


def test_coverage_of_nothing_is_nothing() -> None:
    """Without rows there is no share to divide by."""
    found = estimates.coverage([], [], START, START)

    assert (found.hidden_share, found.usable_share, found.peak) == (0, 0, None)
