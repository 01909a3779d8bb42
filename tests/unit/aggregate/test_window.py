"""The window's sums against a naive computation from all records."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

import pytest

from agent.aggregate.window import BucketWindow, Moments
from agent.domain import derived
from agent.domain.aggregate import (
    ATTENTION,
    EXPRESSIVENESS,
    VALENCE,
    au_intensity,
    au_rate,
    emotion_share,
)
from agent.domain.facs import AU_LABELS, SIDE_INDEX
from agent.domain.frame import FrameStatus
from agent.domain.record import MISSING, FeatureRecord

START = datetime(2026, 9, 27, 1, tzinfo=UTC)


def invent(track: int, dice: random.Random, *, emotion: bool = True) -> FeatureRecord:
    """Return a record with any allowed codes."""
    return FeatureRecord(
        offset=0,
        track=track,
        au_sides=tuple(dice.randint(0, 25) for _ in range(32)),
        presence=dice.getrandbits(len(AU_LABELS)),
        emotion=tuple(dice.randint(1, 20) for _ in range(8)) if emotion else (MISSING,) * 8,
        pose=(dice.randint(-10, 10), dice.randint(-12, 12), 0),
        gaze=(0, 0),
        quality=10,
        calibrated=dice.randint(0, 1),
    )


def summed(records: list[FeatureRecord]) -> dict[str, Moments]:
    """Return the moments of these records."""
    window = BucketWindow("door", START, 60)
    for record in records:
        window.add(record)
    return window.summary().moments


@pytest.fixture
def records() -> list[FeatureRecord]:
    """Give 60 records of 4 unequal tracks."""
    dice = random.Random(3)
    return [invent(dice.choice((1, 1, 1, 2, 2, 7, 9)), dice) for _ in range(60)]


def test_rate_is_the_share_of_records_with_the_au(records: list[FeatureRecord]) -> None:
    """An AU's rate is the share of face-records in which it is present."""
    index = AU_LABELS.index("AU12")
    expected = sum(record.present()[index] for record in records) / len(records)

    assert summed(records)[au_rate("AU12")].value == pytest.approx(expected)


def test_intensity_is_that_of_the_stronger_side(records: list[FeatureRecord]) -> None:
    """An AU's intensity is the mean over records of its stronger side."""
    sides = SIDE_INDEX[AU_LABELS.index("AU04")]
    strong = [max(record.au_intensity()[i] for i in sides) for record in records]

    assert summed(records)[au_intensity("AU04")].value == pytest.approx(sum(strong) / 60)


def test_emotion_shares_sum_to_one(records: list[FeatureRecord]) -> None:
    """Rounded probabilities are scaled to a whole before they are averaged."""
    moments = summed(records)
    total = sum(moments[name].value or 0 for name in moments if name.startswith("emotion."))

    assert total == pytest.approx(1.0)


def test_derived_scores_follow_their_formulas(records: list[FeatureRecord]) -> None:
    """Valence and attention are means of the published formulas."""
    moments = summed(records)
    valence = [derived.valence(record.emotion_probability()) or 0 for record in records]
    facing = [derived.attention(r.pose[0] * 3.0, r.pose[1] * 3.0) for r in records]

    assert moments[VALENCE].value == pytest.approx(sum(valence) / 60)
    assert moments[ATTENTION].value == pytest.approx(sum(facing) / 60)
    assert 0 <= (moments[EXPRESSIVENESS].value or -1) <= 1


def test_standard_error_is_clustered_by_track(records: list[FeatureRecord]) -> None:
    """The standard error equals the linearised variance computed track by track."""
    index = AU_LABELS.index("AU12")
    flags = [(record.track, float(record.present()[index])) for record in records]
    mean = sum(flag for _, flag in flags) / len(flags)
    tracks = {track for track, _ in flags}
    residuals = [sum(f - mean for t, f in flags if t == track) for track in tracks]
    expected = math.sqrt(len(tracks) / (len(tracks) - 1) * sum(r * r for r in residuals)) / len(
        flags
    )

    assert summed(records)[au_rate("AU12")].standard_error == pytest.approx(expected)


def test_one_track_has_no_standard_error() -> None:
    """A single track says nothing about the spread between tracks."""
    dice = random.Random(1)
    moments = summed([invent(5, dice) for _ in range(30)])

    assert moments[au_rate("AU12")].standard_error is None


def test_pooling_zones_equals_one_window(records: list[FeatureRecord]) -> None:
    """Moments of two zones pooled are those of all their records together."""
    early = [record for record in records if record.track < 5]
    late = [record for record in records if record.track >= 5]
    name = au_intensity("AU25")
    pooled = summed(early)[name].pooled(summed(late)[name])
    whole = summed(records)[name]

    assert pooled.value == pytest.approx(whole.value)
    assert pooled.standard_error == pytest.approx(whole.standard_error)
    assert (pooled.samples, pooled.tracks) == (whole.samples, whole.tracks)
    assert pooled.largest == whole.largest


def test_missing_emotion_gives_no_emotion_moments() -> None:
    """Where the head isn't loaded there is no share, rather than a share of 0."""
    dice = random.Random(2)
    moments = summed([invent(1, dice, emotion=False) for _ in range(20)])

    assert emotion_share("happiness") not in moments
    assert au_rate("AU12") in moments


def test_every_tick_is_counted_with_its_status() -> None:
    """Time adds up by status, the peak is the largest frame, dropped frames are counted."""
    window = BucketWindow("door", START, 60)
    window.tick(FrameStatus.OK, 2, 0.1)
    window.tick(FrameStatus.OK, 5, 0.1)
    window.tick(FrameStatus.TOO_DARK, 0, 0.3)
    window.dropped(4)
    summary = window.summary()

    assert summary.status_seconds[FrameStatus.OK] == pytest.approx(0.2)
    assert summary.status_seconds[FrameStatus.TOO_DARK] == pytest.approx(0.3)
    assert summary.status_seconds[FrameStatus.PAUSED] == 0
    assert (summary.peak, summary.dropped_frames) == (5, 4)


def test_an_empty_window_has_no_moments() -> None:
    """A bucket without faces has no means."""
    summary = BucketWindow("door", START, 60).summary()

    assert summary.moments == {}
    assert summary.peak == 0
