"""Ticks keep their grid, whatever each of them takes."""

from __future__ import annotations

import pytest

from agent.pace import Pace


def test_a_late_tick_does_not_shift_those_after_it() -> None:
    """Ticks that each begin a little late are not later in the end: nothing adds up."""
    pace, now = Pace(0.1, 0.0), 0.0

    for _ in range(1000):
        pace.begin(now + 0.004)
        now += 0.004 + pace.wait(now + 0.004)

    assert pytest.approx(100.0) == now
    assert 0 == pace.missed


def test_what_was_slept_over_is_counted_and_not_made_up_for() -> None:
    """After a second's silence nine places are missed, and the next tick is in its place."""
    pace = Pace(0.1, 0.0)
    pace.begin(0.0)

    late = pace.begin(1.03)

    assert pytest.approx(0.93) == late
    assert 9 == pace.missed
    assert pytest.approx(0.07) == pace.wait(1.03)


def test_a_tick_that_took_too_long_is_followed_at_once() -> None:
    """Nobody waits for a place that is over."""
    pace = Pace(0.1, 0.0)
    pace.begin(0.0)

    assert 0.0 == pace.wait(0.25)


def test_the_report_is_about_the_time_since_the_last_one() -> None:
    """Lateness is told once; what was missed is told for ever."""
    pace = Pace(0.1, 0.0)
    for tick in (0.001, 0.102, 0.203, 0.55):
        pace.begin(tick)

    assert {"late_ms_median": 3.0, "late_ms_max": 250.0, "missed": 2, "places": 6} == pace.report()
    assert {"late_ms_median": 0.0, "late_ms_max": 0.0, "missed": 2, "places": 6} == pace.report()
