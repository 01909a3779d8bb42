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
    """Only checksums remain, one for 1024 pixels, and the picture itself is left as it was."""
    guard = FreshnessGuard()
    pixels = picture(123, (640, 480))

    guard.judge(pixels, 0.0)

    kept = [value for value in vars(guard).values() if isinstance(value, np.ndarray | bytes)]
    assert {np.dtype(np.uint32), np.dtype(np.float64)} == {array.dtype for array in kept}
    assert {(4, 15, 20), (15, 20)} == {array.shape for array in kept}
    assert int(pixels.min()) == 123


BOX = np.array([200, 100, 320, 260], np.float32)


def noisy(random: np.random.Generator, stale: np.ndarray | None = None) -> np.ndarray:
    """Return a new picture, uint8 (480, 640, 3); with `stale` only its upper 96 rows are new."""
    pixels = random.integers(0, 255, (480, 640, 3), dtype=np.uint8)
    if stale is not None:
        pixels[96:] = stale[96:]
    return pixels


def test_a_face_in_the_old_part_of_a_new_picture_is_old() -> None:
    """A torn picture's rest, filled with what was there before, is no face of now after 2 s."""
    guard, random = FreshnessGuard(hold_seconds=2.0), np.random.default_rng(2)
    before = noisy(random)
    guard.judge(before, 0.0)

    answers = []
    for tick in range(1, 31):
        assert guard.judge(noisy(random, before), 0.1 * tick) is Freshness.NEW
        answers.append(guard.is_old(BOX))

    assert [False] * 19 + [True] * 11 == answers
    assert not guard.is_old(np.array([200, 0, 320, 60], np.float32))


def test_old_buffers_shown_in_turn_are_old_too() -> None:
    """A decoder that fills from three buffers in turn shows nothing new either."""
    guard, random = FreshnessGuard(hold_seconds=2.0), np.random.default_rng(3)
    buffers = [noisy(random) for _ in range(3)]

    for tick in range(40):
        guard.judge(noisy(random, buffers[tick % 3]), 0.1 * tick)

    assert guard.is_old(BOX)


def test_a_living_face_before_a_still_wall_is_not_old() -> None:
    """Where only the face moves and everything around it is bit by bit the same, it counts."""
    guard, random = FreshnessGuard(hold_seconds=2.0), np.random.default_rng(4)
    wall = noisy(random)

    for tick in range(60):
        wall[120:240, 220:300] = random.integers(0, 255, (120, 80, 3), dtype=np.uint8)
        guard.judge(wall, 0.1 * tick)
        assert not guard.is_old(BOX)


def test_nothing_is_old_after_a_change_of_size_or_a_new_start() -> None:
    """Pictures of another size, and of a camera opened anew, begin to age from the start."""
    guard, still = FreshnessGuard(hold_seconds=2.0), picture(9, (640, 480))
    for tick in range(40):
        guard.judge(still, 0.1 * tick)
    assert guard.is_old(BOX)

    guard.judge(picture(9, (320, 240)), 4.0)
    assert not guard.is_old(BOX / 2)
    guard.reset()
    assert not guard.is_old(BOX)


def test_tiny_pictures_are_never_old() -> None:
    """Where a picture has no whole cell nothing is concluded."""
    guard = FreshnessGuard(hold_seconds=1.0)
    for tick in range(9):
        guard.judge(picture(5, (20, 20)), float(tick))

    assert not guard.is_old(np.array([0, 0, 20, 20], np.float32))
