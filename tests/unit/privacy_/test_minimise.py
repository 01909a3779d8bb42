"""An observation leaves memory as coarse codes, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.circumstance import Scene
from agent.domain.observation import Observation
from agent.domain.record import MISSING, RECORD_DTYPE, from_batch, to_batch
from agent.privacy.minimise import minimise

START = datetime(2026, 11, 25, 10, tzinfo=UTC)


def observation() -> Observation:
    """Return a face with everything measured."""
    return Observation(
        track=99,
        box=np.array([1, 2, 3, 4], np.float32),
        confidence=0.9,
        landmarks=np.zeros((68, 2), np.float32),
        pose=np.array([4.4, -4.6, 0.0], np.float32),
        gaze=np.array([-10.0, 7.0], np.float32),
        au_sides=np.linspace(0, 5, 32, dtype=np.float32),
        au=np.zeros(19, np.float32),
        presence=np.arange(19) % 2 == 0,
        emotion=np.array([0.5, 0.25, 0.125, 0.125, 0, 0, 0, 0], np.float32),
        quality=0.83,
        calibrated=True,
    )


def minimised(seen: Observation, at: datetime = START):
    """Minimise with the bucket's start and a track of 5."""
    return minimise(seen, at=at, bucket_start=START, track=5)


def test_values_become_steps_of_the_register() -> None:
    """Each value is its nearest step."""
    record = minimised(observation(), START + timedelta(seconds=12.34))

    assert (record.offset, record.track) == (123, 5)
    assert (record.pose, record.gaze) == ((1, -2, 0), (-3, 2))
    assert record.au_sides[0] == 0
    assert record.au_sides[-1] == 25
    assert record.emotion[:3] == (50, 25, 12)
    assert (record.quality, record.calibrated) == (17, 1)
    assert record.present() == tuple(i % 2 == 0 for i in range(19))


@pytest.mark.parametrize(
    ("scene", "code"),
    [(Scene(0.1, 0.1), 1), (Scene(0.2, 0.1), 2), (Scene(0.1, 0.3), 3), (Scene(0.9, 0.9), 4),
     (None, 0)],
)  # fmt: skip
def test_of_a_scene_only_its_halves_are_kept(scene: Scene | None, code: int) -> None:
    """How near and how bright exactly is gone; where nothing is known, 0 says so."""
    assert minimised(replace(observation(), scene=scene)).scene == code


def test_values_outside_the_range_are_clipped() -> None:
    """A model that overshoots can't store anything but the range's ends."""
    wild = replace(
        observation(),
        au_sides=np.array([-9.0, 9.0, np.inf, -np.inf] * 8, np.float32),
        pose=np.array([1e6, -1e6, 0], np.float32),
        quality=7.0,
    )

    record = minimised(wild)

    assert record.au_sides[:4] == (0, 25, 25, 0)
    assert record.pose == (127, -127, 0)
    assert record.quality == 20


def test_missing_stays_missing() -> None:
    """What wasn't computed becomes the code for missing, never 0."""
    sides = np.zeros(32, np.float32)
    sides[3] = np.nan
    blind = replace(
        observation(), au_sides=sides, gaze=np.full(2, np.nan, np.float32), emotion=None
    )

    record = minimised(blind)

    assert record.au_sides[3] == MISSING
    assert record.au_sides[2] == 0
    assert record.gaze == (-128, -128)
    assert record.emotion == (MISSING,) * 8


def test_half_a_direction_is_none() -> None:
    """A gaze or a set of probabilities with a hole is stored as missing altogether."""
    holed = replace(
        observation(),
        gaze=np.array([3.0, np.nan], np.float32),
        emotion=np.array([np.nan] + [0.1] * 7, np.float32),
    )

    record = minimised(holed)

    assert record.gaze == (-128, -128)
    assert record.emotion == (MISSING,) * 8


@pytest.mark.parametrize(
    "broken",
    [
        {"pose": np.array([np.nan, 0, 0], np.float32)},
        {"pose": np.array([np.inf, 0, 0], np.float32)},
        {"quality": float("nan")},
    ],
)
def test_a_face_without_pose_or_quality_is_refused(broken: dict[str, object]) -> None:
    """Every backend measures these; without them something is wrong upstream."""
    with pytest.raises(ValueError, match="pose or quality"):
        minimised(replace(observation(), **broken))


@pytest.mark.parametrize(
    "at",
    [START - timedelta(seconds=1), START + timedelta(hours=2), START.replace(tzinfo=None)],
)
def test_a_frame_outside_its_bucket_is_refused(at: datetime) -> None:
    """An offset can neither be negative, nor wrap round, nor come from a naive time."""
    with pytest.raises(ValueError, match=r"bucket|naive"):
        minimised(observation(), at)


@pytest.mark.parametrize("track", [-1, 65536])
def test_a_track_outside_its_range_is_refused(track: int) -> None:
    """A track id never wraps into another visit's."""
    with pytest.raises(ValueError, match="track"):
        minimise(observation(), at=START, bucket_start=START, track=track)


@given(
    st.lists(st.floats(width=32), min_size=32, max_size=32),
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
    st.integers(0, 65535),
)
def test_whatever_a_model_says_fits_the_layout(
    sides: list[float], pose: list[float], tenths: int
) -> None:
    """For any floats at all the record packs into the layout and comes back the same."""
    seen = replace(
        observation(), au_sides=np.array(sides, np.float32), pose=np.array(pose, np.float32)
    )

    record = minimised(seen, START + timedelta(milliseconds=100 * tenths))

    assert record.offset == tenths
    assert [record] == from_batch(to_batch([record]))
    assert to_batch([record]).dtype == RECORD_DTYPE
