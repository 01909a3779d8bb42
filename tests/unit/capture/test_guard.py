"""A frozen camera is noticed; a living one never is."""

from __future__ import annotations

import numpy as np

from agent.capture.guard import Freshness, FreshnessGuard
from tests.fakes import picture


def test_same_picture_for_two_seconds_is_frozen() -> None:
    """The same picture again and again is called frozen once the hold time is over."""
    guard = FreshnessGuard(hold_seconds=2.0)

    answers = [guard.judge(picture(77), 0.25 * tick) for tick in range(12)]

    assert [Freshness.NEW] + [Freshness.REPEATED] * 7 + [Freshness.FROZEN] * 4 == answers


def test_a_new_picture_ends_it() -> None:
    """One changed picture is enough to be alive again."""
    guard = FreshnessGuard(hold_seconds=1.0)
    for tick in range(10):
        guard.judge(picture(77), float(tick))

    assert Freshness.FROZEN is guard.judge(picture(77), 10.0)
    assert Freshness.NEW is guard.judge(picture(78), 11.0)
    assert Freshness.REPEATED is guard.judge(picture(78), 12.0)


def test_sensor_noise_is_life() -> None:
    """A still scene with a sensor's noise is a new picture each time."""
    guard = FreshnessGuard(hold_seconds=1.0)
    random = np.random.default_rng(1)

    answers = [
        guard.judge(picture(100) + random.integers(0, 2, (48, 64, 3), dtype=np.uint8), tick)
        for tick in range(20)
    ]

    assert {Freshness.NEW} == set(answers)


def test_one_long_gap_is_not_frozen() -> None:
    """Two equal pictures far apart prove nothing; a few repeats are needed."""
    guard = FreshnessGuard(hold_seconds=2.0, min_repeats=3)
    guard.judge(picture(5), 0.0)

    assert Freshness.REPEATED is guard.judge(picture(5), 60.0)


def test_reset_forgets() -> None:
    """After the camera was reopened the count starts anew."""
    guard = FreshnessGuard(hold_seconds=1.0, min_repeats=1)
    guard.judge(picture(5), 0.0)
    guard.reset()

    assert Freshness.NEW is guard.judge(picture(5), 5.0)


def test_guard_keeps_no_pixels() -> None:
    """Only a number remains of a picture, and the picture itself is left as it was."""
    guard = FreshnessGuard()
    pixels = picture(123)

    guard.judge(pixels, 0.0)

    assert not any(isinstance(value, np.ndarray | bytes) for value in vars(guard).values())
    assert int(pixels.min()) == 123
