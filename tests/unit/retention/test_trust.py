"""Whether the wall clock may be believed: sleep, jumps both ways, restarts, evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from agent.retention.trust import (
    LONGEST_ABSENCE,
    PATIENCE,
    Clocks,
    Doubt,
    Mark,
    judge,
)
from tests.retaining import DAY, HOUR, NOW

MINUTE = timedelta(minutes=1)
YEAR = 365 * DAY
MARK = Mark(proven=NOW, wall=NOW, since_boot=1000.0, boot="a")


def later(wall: timedelta, passed: timedelta | None = None, boot: str = "a", served=None) -> Clocks:
    """Return the clocks after the wall clock and the machine moved on by so much."""
    seconds = 1000.0 + (wall if passed is None else passed).total_seconds()
    return Clocks(NOW + wall, seconds, boot, served)


def restarted(wall: timedelta, up: timedelta = MINUTE, served: datetime | None = None) -> Clocks:
    """Return the clocks of another run of the machine."""
    return Clocks(NOW + wall, up.total_seconds(), "b", served)


def test_a_minute_is_believed() -> None:
    """The usual round: both clocks moved alike."""
    found = judge(later(MINUTE), MARK, None)

    assert (NOW + MINUTE, None, None) == (found.now, found.ahead, found.doubt)


@pytest.mark.parametrize("slept", [8 * HOUR, 3 * DAY, 60 * DAY])
def test_sleep_of_any_length_is_believed(slept: timedelta) -> None:
    """The clock since boot counts sleep, so a laptop's lid isn't a wrong clock."""
    assert judge(later(slept), MARK, None).doubt is None


def test_some_hours_ahead_are_believed_even_without_that_clock() -> None:
    """Where the system's clock stands still in sleep, a night still passes at once."""
    found = judge(later(10 * HOUR, MINUTE), MARK, None)

    assert (NOW + 10 * HOUR, None) == (found.now, found.doubt)


@pytest.mark.parametrize("jump", [25 * HOUR, 30 * DAY, YEAR])
def test_a_jump_ahead_is_refused(jump: timedelta) -> None:
    """Only the time that has proven to have passed counts."""
    found = judge(later(jump, MINUTE), MARK, None)

    assert (NOW + MINUTE, NOW + jump, Doubt.AHEAD) == (found.now, found.ahead, found.doubt)


@pytest.mark.parametrize("jump", [HOUR, DAY, YEAR])
def test_a_jump_back_is_refused(jump: timedelta) -> None:
    """The proven time goes on; the wall clock is the earlier one now."""
    found = judge(later(-jump, MINUTE), MARK, None)

    assert (NOW - jump, NOW + MINUTE, Doubt.BEHIND) == (found.now, found.ahead, found.doubt)


def test_a_second_back_is_believed() -> None:
    """A time server that corrects a little makes no alarm."""
    assert judge(later(-timedelta(seconds=2), MINUTE), MARK, None).doubt is None


def test_proven_time_goes_on_while_the_clock_is_doubted() -> None:
    """Nothing becomes overdue for want of a clock: the machine's own seconds count on."""
    first = judge(later(YEAR, MINUTE), MARK, None)
    second = judge(later(YEAR + 5 * HOUR, 5 * HOUR), first.mark, None)

    assert NOW + 5 * HOUR == second.now


def test_a_clock_that_is_set_right_is_believed_again() -> None:
    """The doubt ends with its cause."""
    doubted = judge(later(YEAR, MINUTE), MARK, None)

    assert judge(later(2 * MINUTE), doubted.mark, None).doubt is None


def test_weeks_off_are_refused_and_days_are_believed() -> None:
    """After a restart nobody knows how long the machine was off; long absences need a word."""
    assert judge(restarted(LONGEST_ABSENCE), MARK, None).doubt is None
    assert judge(restarted(LONGEST_ABSENCE + HOUR), MARK, None).doubt is Doubt.AHEAD


def test_a_restart_into_the_past_is_refused() -> None:
    """An empty battery brings 1970 or the factory's date."""
    assert judge(restarted(-3 * DAY), MARK, None).doubt is Doubt.BEHIND


def test_a_doubt_survives_a_restart() -> None:
    """Switching off and on isn't a confirmation."""
    doubted = judge(later(YEAR, MINUTE), MARK, None)

    assert judge(restarted(YEAR + MINUTE), doubted.mark, None).doubt is Doubt.AHEAD


def test_a_hidden_boot_name_counts_no_second_twice() -> None:
    """Where a sandbox hides the kernel's name, nothing is taken as proven that may not be."""
    hidden = replace(MARK, boot="")

    found = judge(Clocks(NOW + YEAR, 90_000.0, ""), hidden, None)

    assert (NOW, Doubt.AHEAD) == (found.now, found.doubt)


@pytest.mark.parametrize("age", [timedelta(0), 2 * HOUR])
def test_a_time_server_settles_it(age: timedelta) -> None:
    """A clock that a server set a short while ago is right, whatever happened before."""
    wall = NOW + YEAR

    assert judge(later(YEAR, MINUTE, served=wall - age), MARK, None).doubt is None


@pytest.mark.parametrize("served", [NOW, NOW + YEAR + DAY])
def test_an_old_word_of_a_time_server_is_refused(served: datetime) -> None:
    """What the server said before the jump, or claims to say after now, proves nothing."""
    assert judge(later(YEAR, MINUTE, served=served), MARK, None).doubt is Doubt.AHEAD


def test_somebody_may_confirm_the_clock() -> None:
    """Then the wall clock is the time, and the next round starts from it."""
    found = judge(later(YEAR, MINUTE), MARK, None, confirmed=True)

    assert (NOW + YEAR, None) == (found.now, found.doubt)
    assert judge(later(YEAR + MINUTE, 2 * MINUTE), found.mark, None).doubt is None


@pytest.mark.parametrize("jump", [YEAR, -100 * DAY])
def test_patience_ends_after_a_week_of_a_steady_clock(jump: timedelta) -> None:
    """A privacy store doesn't wait for ever: what runs steadily and unopposed is the time."""
    mark, step = MARK, 6 * HOUR
    doubts = []
    for number in range(1, PATIENCE // step + 3):
        found = judge(later(jump + number * step, number * step), mark, None)
        doubts.append(found.doubt)
        mark = found.mark

    assert doubts[PATIENCE // step - 2] is not None
    assert doubts[-1] is None


def test_a_clock_that_is_set_again_starts_the_week_anew() -> None:
    """Only a steady clock earns trust."""
    doubted = replace(judge(later(YEAR, MINUTE), MARK, None).mark, doubted_for=PATIENCE - HOUR)

    found = judge(later(2 * YEAR, 3 * HOUR), doubted, None)

    assert (Doubt.AHEAD, timedelta(0)) == (found.doubt, found.mark.doubted_for)


def test_nights_off_neither_add_to_the_week_nor_undo_it() -> None:
    """A machine that is switched off each evening gets there too."""
    doubted = replace(judge(later(YEAR, MINUTE), MARK, None).mark, doubted_for=3 * DAY)

    found = judge(restarted(YEAR + 14 * HOUR), doubted, None)

    assert 3 * DAY == found.mark.doubted_for


def test_without_a_mark_the_newest_row_speaks() -> None:
    """The first round of an upgraded site compares with what is stored."""
    now = Clocks(NOW, 5.0, "a")

    assert judge(now, None, NOW - DAY).doubt is None
    assert judge(now, None, NOW - 30 * DAY).doubt is Doubt.AHEAD
    assert judge(now, None, NOW + DAY).doubt is Doubt.BEHIND
    assert judge(now, None, None).doubt is None


def test_a_clock_from_before_the_program_is_refused() -> None:
    """1970 is believed by nobody, even on an empty site."""
    found = judge(Clocks(datetime.fromisoformat("1970-01-02T00:00:00+00:00"), 5.0, "a"), None, None)

    assert found.doubt is Doubt.BEHIND
    assert judge(Clocks(NOW - YEAR, 9e6, "a"), MARK, None, confirmed=True).doubt is Doubt.BEHIND
