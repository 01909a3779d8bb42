"""When frames may be taken: windows, closed days, pauses, and the days of the year that are odd."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.domain.schedule import CaptureReason, Pause, Schedule, Window, capture_allowed

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = frozenset(range(5))
OFFICE = Schedule(TOKYO, (Window(WEEKDAYS, time(9), time(18)),))
BAR = Schedule(TOKYO, (Window(frozenset({4}), time(20), time(2)),))


def tokyo(text: str) -> datetime:
    """Return an instant, aware UTC, from Tokyo's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO).astimezone(UTC)


@pytest.mark.parametrize(
    ("schedule", "at", "expected", "change"),
    [
        (OFFICE, "2026-04-01T08:59:59", CaptureReason.OUTSIDE_WINDOWS, "2026-04-01T09:00"),
        (OFFICE, "2026-04-01T09:00", CaptureReason.OPEN, "2026-04-01T18:00"),
        (OFFICE, "2026-04-01T18:00", CaptureReason.OUTSIDE_WINDOWS, "2026-04-02T09:00"),
        (OFFICE, "2026-04-03T18:00", CaptureReason.OUTSIDE_WINDOWS, "2026-04-06T09:00"),
        (BAR, "2026-04-03T19:59", CaptureReason.OUTSIDE_WINDOWS, "2026-04-03T20:00"),
        (BAR, "2026-04-03T23:59:59", CaptureReason.OPEN, "2026-04-04T02:00"),
        (BAR, "2026-04-04T01:59:59", CaptureReason.OPEN, "2026-04-04T02:00"),
        (BAR, "2026-04-04T02:00", CaptureReason.OUTSIDE_WINDOWS, "2026-04-10T20:00"),
        (BAR, "2026-04-04T20:30", CaptureReason.OUTSIDE_WINDOWS, "2026-04-10T20:00"),
    ],
)
def test_windows_are_read_off_the_sites_clock(schedule, at, expected, change):
    """The first minute is in, the last one is out; a night belongs to the day it begins on."""
    state = capture_allowed(schedule, None, tokyo(at))

    assert (expected, tokyo(change)) == (state.reason, state.next_change)
    assert state.allowed == (expected is CaptureReason.OPEN)


def test_without_windows_every_hour_is_open():
    """No schedule, no end of it."""
    state = capture_allowed(Schedule(), None, tokyo("2026-04-01T03:00"))

    assert state.allowed
    assert state.next_change is None


def test_a_closed_day_is_closed_from_midnight_to_midnight():
    """Its own windows don't open, nor does the night that began before go on into it."""
    closed = frozenset({date(2026, 4, 4)})
    bar = Schedule(TOKYO, (Window(frozenset({4, 5}), time(20), time(2)),), closed)

    assert bar.at(tokyo("2026-04-03T23:59")) is CaptureReason.OPEN
    assert bar.at(tokyo("2026-04-04T00:30")) is CaptureReason.CLOSED_DAY
    assert bar.at(tokyo("2026-04-04T21:00")) is CaptureReason.CLOSED_DAY
    assert bar.at(tokyo("2026-04-05T00:30")) is CaptureReason.CLOSED_DAY
    assert bar.at(tokyo("2026-04-05T02:30")) is CaptureReason.OUTSIDE_WINDOWS


def test_a_closed_day_of_a_site_without_windows():
    """The day before is told that it ends at midnight."""
    schedule = Schedule(TOKYO, (), frozenset({date(2027, 1, 1), date(2027, 1, 2)}))

    before = capture_allowed(schedule, None, tokyo("2026-12-20T12:00"))
    inside = capture_allowed(schedule, None, tokyo("2027-01-01T12:00"))

    assert (before.allowed, before.next_change) == (True, tokyo("2027-01-01T00:00"))
    assert (inside.allowed, inside.next_change) == (False, tokyo("2027-01-03T00:00"))


@pytest.mark.parametrize(
    ("window", "instant", "expected"),
    [
        # 2026-03-29 02:00 becomes 03:00: the hour between never comes.
        (Window(frozenset({6}), time(2), time(3)), "2026-03-29T01:30+00:00", False),
        (Window(frozenset({6}), time(1), time(3)), "2026-03-29T00:59+00:00", True),
        (Window(frozenset({6}), time(1), time(3)), "2026-03-29T01:00+00:00", False),
        # 2026-10-25 03:00 becomes 02:00: the hour comes twice.
        (Window(frozenset({6}), time(2), time(3)), "2026-10-25T00:30+00:00", True),
        (Window(frozenset({6}), time(2), time(3)), "2026-10-25T01:30+00:00", True),
        (Window(frozenset({6}), time(2), time(3)), "2026-10-25T02:00+00:00", False),
    ],
)
def test_daylight_saving_follows_the_clock_on_the_wall(window, instant, expected):
    """An hour that is skipped doesn't open; one that is repeated opens twice."""
    state = capture_allowed(Schedule(BERLIN, (window,)), None, datetime.fromisoformat(instant))

    assert expected == state.allowed


def test_a_change_of_the_clock_is_an_edge_of_a_window():
    """A window that would end in the skipped hour ends when the clock jumps."""
    schedule = Schedule(BERLIN, (Window(frozenset({6}), time(1), time(2, 30)),))

    state = capture_allowed(schedule, None, datetime(2026, 3, 29, 0, 30, tzinfo=UTC))

    assert state.next_change == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_pause_stands_above_the_schedule():
    """Within hours, too; it says when it ends."""
    now = tokyo("2026-04-01T10:00")
    state = capture_allowed(OFFICE, Pause(now, now + timedelta(minutes=30)), now)

    assert not state.allowed
    assert state.reason is CaptureReason.PAUSED
    assert state.next_change == now + timedelta(minutes=30)


def test_a_pause_that_ends_after_hours_changes_nothing_until_the_next_window():
    """The end of a pause doesn't open what the schedule keeps closed."""
    now = tokyo("2026-04-01T17:30")
    state = capture_allowed(OFFICE, Pause(now, now + timedelta(hours=2)), now)

    assert state.next_change == tokyo("2026-04-02T09:00")


def test_a_pause_ends_by_itself():
    """At its instant, not a moment later."""
    now = tokyo("2026-04-01T10:00")
    pause = Pause(now, now + timedelta(minutes=30))

    assert not capture_allowed(OFFICE, pause, now + timedelta(minutes=29, seconds=59)).allowed
    assert capture_allowed(OFFICE, pause, now + timedelta(minutes=30)).allowed


@pytest.mark.parametrize("pause", [Pause(None, None, damaged=True), Pause(None, None)])
def test_a_pause_without_an_end_stays(pause):
    """Nothing but somebody's hand ends it."""
    state = capture_allowed(Schedule(), pause, tokyo("2036-04-01T10:00"))

    assert not state.allowed
    assert state.next_change is None


def test_a_damaged_pause_with_an_end_has_none():
    """What can't be trusted isn't believed in its end either."""
    now = tokyo("2026-04-01T10:00")
    state = capture_allowed(Schedule(), Pause(now, now, damaged=True), now + timedelta(days=9))

    assert state.reason is CaptureReason.PAUSE_UNREADABLE


@pytest.mark.parametrize(
    ("days", "start", "end"),
    [(set(), time(9), time(10)), ({7}, time(9), time(10)), ({0}, time(9), time(9)),
     ({0}, time(9), time(0)), ({0}, time(0), time(0))],
)  # fmt: skip
def test_a_window_that_says_nothing_is_refused(days, start, end):
    """Midnight has one spelling inside: None."""
    with pytest.raises(ValueError, match="window"):
        Window(frozenset(days), start, end)
