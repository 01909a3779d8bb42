"""Smoothing, neutral baseline and presence over time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.inference.preprocess import Array
from agent.inference.smoothing import Hysteresis, NeutralBaseline, OneEuro

FRAME = 0.04
"""Seconds between frames."""

LIMIT = 1.0

intensities = st.lists(st.floats(0, 5, width=32), min_size=1, max_size=120)


def vector(*values: float) -> Array:
    """Make a float32 vector."""
    return np.array(values, np.float32)


def baseline(size: int = 1) -> NeutralBaseline:
    """Make a baseline as a track has it."""
    return NeutralBaseline(size, settled_after=25, limit=LIMIT)


def test_the_first_value_passes() -> None:
    """The first value isn't smoothed: there is nothing to smooth it with."""
    smooth = OneEuro(rest_hz=1.5, speed_gain=1.0)

    assert [3, 0] == smooth(vector(3, 0), 0.0).tolist()


@given(st.floats(0, 5, width=32), st.floats(0, 5, width=32), st.floats(0.01, 0.2))
def test_a_resting_value_is_reached(start: float, rest: float, seconds: float) -> None:
    """A value that stays is reached, whatever came before."""
    smooth = OneEuro(rest_hz=1.5, speed_gain=1.0)
    smooth(vector(start), 0.0)

    for _ in range(round(4 / seconds)):
        last = smooth(vector(rest), seconds)

    assert abs(rest - float(last[0])) < 0.05


@given(intensities)
def test_smoothing_stays_within_what_was_seen(values: list[float]) -> None:
    """A smoothed value never leaves the range of the values so far: it doesn't overshoot."""
    smooth = OneEuro(rest_hz=1.5, speed_gain=1.0)

    for place, value in enumerate(values):
        out = float(smooth(vector(value), FRAME)[0])

        seen = values[: place + 1]
        assert min(seen) - 1e-4 <= out <= max(seen) + 1e-4


def test_rest_is_smoothed_and_motion_is_not() -> None:
    """Jitter at rest is damped to under a half; a fast move comes through almost at once."""
    random = np.random.default_rng(3)
    smooth = OneEuro(rest_hz=1.5, speed_gain=1.0)
    jitter = random.normal(0, 0.1, 200)
    rest = [float(smooth(vector(2 + j), FRAME)[0]) for j in jitter]
    moved = [float(smooth(vector(5), FRAME)[0]) for _ in range(4)]

    assert np.std(rest[50:]) < 0.5 * np.std(jitter[50:])
    assert moved[-1] > 2 + 0.9 * 3


def lag(speed: float) -> float:
    """Return by how many seconds a ramp of `speed` per second is late, once steady."""
    smooth = OneEuro(rest_hz=1.0, speed_gain=1.0)
    for step in range(200):
        value = speed * step * FRAME
        out = float(smooth(vector(value), FRAME)[0])
    return (value - out) / speed


def test_a_faster_move_lags_less() -> None:
    """The faster a value moves, the less late it is."""
    lags = [lag(speed) for speed in (0.1, 1, 4, 16)]

    assert sorted(lags, reverse=True) == lags
    assert lags[-1] < lags[0] / 4


def test_smoothing_follows_time_and_not_frames() -> None:
    """Half the frames at twice the distance give about the same after the same time."""
    results = []
    for seconds, steps in ((0.02, 30), (0.04, 15)):
        smooth = OneEuro(rest_hz=1.0, speed_gain=0.0)
        smooth(vector(0), 0.0)
        for _ in range(steps):
            out = smooth(vector(1), seconds)
        results.append(float(out[0]))

    assert abs(results[0] - results[1]) < 0.03


def test_no_time_is_not_a_division_by_zero() -> None:
    """Two frames with the same time stamp give a finite value."""
    smooth = OneEuro(rest_hz=1.0, speed_gain=1.0)
    smooth(vector(0), 0.0)

    assert np.isfinite(smooth(vector(5), 0.0)).all()


def test_a_smoothed_value_is_the_callers_own() -> None:
    """Changing what was returned doesn't change the filter's memory."""
    smooth = OneEuro(rest_hz=1.0, speed_gain=1.0)
    smooth(vector(1), 0.0).fill(100)
    smooth(vector(1), FRAME).fill(100)

    assert abs(1 - float(smooth(vector(1), FRAME)[0])) < 1e-3


@given(intensities)
def test_the_baseline_never_takes_more_than_its_limit(values: list[float]) -> None:
    """At most the limit is subtracted, never anything added, and nothing falls under 0."""
    take_off = baseline()

    for value in values:
        out = float(take_off(vector(value))[0])

        assert max(value - LIMIT, 0) - 1e-4 <= out <= value + 1e-4


def test_the_rest_level_is_taken_off() -> None:
    """A face whose resting AU reads 0.6 reads about 0 once the baseline is settled."""
    take_off = baseline()

    for _ in range(60):
        out = take_off(vector(0.65))

    assert take_off.settled
    assert float(out[0]) < 0.11


def test_nothing_is_taken_off_before_it_is_settled() -> None:
    """While too little was seen the intensity stays as measured, and is called uncalibrated."""
    take_off = baseline()

    outputs = [float(take_off(vector(0.8))[0]) for _ in range(24)]

    assert not take_off.settled
    assert {np.float32(0.8)} == {np.float32(out) for out in outputs}


@pytest.mark.parametrize("held", [2.0, 3.5, 5.0])
def test_a_held_expression_is_not_erased(held: float) -> None:
    """Somebody who smiles from beginning to end still smiles: only the limit is lost."""
    take_off = baseline()

    for _ in range(500):
        out = take_off(vector(held))

    assert held - LIMIT <= float(out[0]) + 1e-4


def test_short_expressions_do_not_move_the_rest_level() -> None:
    """A face that smiles half of the time has its rest level at its rest."""
    take_off = baseline()

    outputs = [float(take_off(vector(4.0 if step % 20 < 10 else 0.25))[0]) for step in range(200)]

    assert outputs[-20] > 3.7
    assert outputs[-1] < 0.11


def test_each_au_has_its_own_rest_level() -> None:
    """One AU's rest level says nothing of another's."""
    take_off = baseline(2)

    for _ in range(50):
        out = take_off(vector(0.85, 0.0))

    assert out[0] < 0.11
    assert 0 == out[1]


@given(st.lists(st.floats(0.7, 0.999), min_size=1, max_size=50))
def test_presence_does_not_flicker_between_its_thresholds(values: list[float]) -> None:
    """Whatever happens between the two thresholds, presence stays as it was."""
    absent, present = Hysteresis(1, on=1.0, off=0.7), Hysteresis(1, on=1.0, off=0.7)
    present(vector(2))

    assert {False} == {bool(absent(vector(v))[0]) for v in values}
    assert {True} == {bool(present(vector(v))[0]) for v in values}


def test_presence_begins_and_ends_at_its_thresholds() -> None:
    """It begins at `on` and ends under `off`, not before."""
    presence = Hysteresis(1, on=1.0, off=0.7)

    states = [bool(presence(vector(v))[0]) for v in (0.99, 1.0, 0.7, 0.69, 0.99)]

    assert [False, True, True, False, False] == states


def test_what_was_not_measured_is_not_present() -> None:
    """NaN never counts as presence, and ends it."""
    presence = Hysteresis(2, on=1.0, off=0.7)
    presence(vector(3, 3))

    assert [False, True] == presence(vector(np.nan, 3)).tolist()


def test_presence_given_away_is_a_copy() -> None:
    """Changing what was returned doesn't change the memory."""
    presence = Hysteresis(1, on=1.0, off=0.7)
    presence(vector(2))[0] = False

    assert presence(vector(0.8))[0]


@pytest.mark.parametrize(("size", "frames"), [(1.0, 2), (2.0, 1), (4.0, 1)])
def test_a_step_is_nine_tenths_there_within_two_frames(size: float, frames: int) -> None:
    """At 25 frames a second a sudden movement is shown to nine tenths within 80 ms."""
    smooth = OneEuro(rest_hz=1.5, speed_gain=1.0)  # as the backend smooths Action Units
    for _ in range(20):
        smooth(np.zeros(1, np.float32), 0.04)

    shown = [float(smooth(np.full(1, size, np.float32), 0.04)[0]) for _ in range(frames + 1)]

    assert shown[0] >= 0.6 * size
    assert shown[frames] >= 0.9 * size
