"""Blinks counted from the presence of AU45."""

from __future__ import annotations

import pytest

from agent.domain.blink import Blinks


def watch(states: str, *, step: float = 0.1, start: float = 0.0) -> Blinks:
    """Look at a face once per letter: `x` closed eyes, `-` open ones, a space no look at all."""
    blinks = Blinks()
    for number, state in enumerate(states):
        if state != " ":
            blinks(state == "x", start + number * step)
    return blinks


@pytest.mark.parametrize(
    ("states", "count"),
    [
        ("--x--", 1),
        ("--xxx---x-", 2),
        ("--xxxxx-", 1),
        ("--xxxxxx-", 0),
        ("xx---", 0),
        ("---xx", 0),
        ("--x    -", 0),
        ("----", 0),
    ],
)
def test_a_blink_begins_ends_and_is_short(states: str, count: int) -> None:
    """Up to half a second between two looks with open eyes is a blink; nothing else is."""
    assert watch(states).count == count


def test_the_event_falls_on_the_look_that_ends_it() -> None:
    """Exactly the first look with open eyes again says that a blink ended."""
    blinks = Blinks()

    events = [blinks(state == "x", 0.1 * number) for number, state in enumerate("-xx--x-")]

    assert events == [False, False, False, True, False, False, True]


def test_time_that_nobody_watched_does_not_count() -> None:
    """A gap of half a second adds nothing to the time behind the rate."""
    blinks = watch("-----" + " " * 4 + "-----")

    assert blinks.seconds == pytest.approx(0.8)
    assert blinks.steps == 8


def test_the_rate_is_blinks_a_minute() -> None:
    """Two blinks in three seconds are forty a minute; a single look gives no rate."""
    assert watch("-x" * 2 + "-" * 27).per_minute == pytest.approx(40)
    assert watch("-").per_minute is None


def test_slow_sampling_gives_no_rate() -> None:
    """At two looks a second a blink would be seen by chance only, so there is no rate."""
    assert watch("-x-x-", step=0.5).per_minute is None
