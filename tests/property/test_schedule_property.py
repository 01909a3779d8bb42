"""Invariants of the schedule, over whole weeks, odd clocks and any set of windows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.domain.schedule import CaptureReason, Pause, Schedule, Window, capture_allowed

# Forward and back, half an hour, at midnight, none at all, and one that skipped a whole day.
ZONES = st.sampled_from(
    [
        "Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
        "America/Santiago", "America/Havana", "Asia/Kolkata", "Pacific/Apia", "UTC",
    ]
).map(ZoneInfo)  # fmt: skip
CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@st.composite
def windows(draw):
    """Return a window of any days and hours."""
    days = draw(st.frozensets(st.integers(0, 6), min_size=1))
    start = draw(CLOCKS)
    end = draw(st.one_of(st.none(), CLOCKS))
    assume(end not in {start, time(0)})
    return Window(days, start, end)


DAYS = st.dates(date(2025, 12, 1), date(2027, 1, 31))
SCHEDULES = st.builds(
    Schedule,
    ZONES,
    st.lists(windows(), max_size=4).map(tuple),
    st.frozensets(DAYS, max_size=4),
)
INSTANTS = st.integers(0, 426 * 24 * 60 * 60).map(
    lambda seconds: datetime(2025, 12, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
TRANSITIONS = st.sampled_from(
    [
        datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC),
        datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        datetime(2026, 4, 5, 3, tzinfo=UTC), datetime(2026, 9, 6, 4, tzinfo=UTC),
        datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 5, tzinfo=UTC),
    ]
)  # fmt: skip
NEAR = st.builds(
    lambda at, minutes: at + timedelta(minutes=minutes), TRANSITIONS, st.integers(-2000, 2000)
)


@given(SCHEDULES, st.one_of(INSTANTS, NEAR))
def test_nothing_changes_before_the_next_change(schedule, now):
    """Until the announced instant the answer holds; at that instant it is another."""
    state = capture_allowed(schedule, None, now)
    end = now + timedelta(days=14) if state.next_change is None else state.next_change

    assert state.next_change is None or state.next_change > now
    for part in range(200):
        between = now + (end - now) * part / 200
        assert (schedule.at(between) is CaptureReason.OPEN) == state.allowed
    if state.next_change is not None:
        just_before = state.next_change - timedelta(microseconds=1)
        assert capture_allowed(schedule, None, max(now, just_before)).allowed == state.allowed
        assert capture_allowed(schedule, None, state.next_change).allowed != state.allowed


@settings(max_examples=25)
@given(SCHEDULES, st.one_of(INSTANTS, NEAR))
def test_a_whole_week_walked_by_changes_is_the_week_asked_by_minutes(schedule, now):
    """Jumping from change to change finds the same minutes as asking each of them."""
    start = now.replace(second=0, microsecond=0)
    week = [start + timedelta(minutes=minute) for minute in range(0, 7 * 24 * 60, 7)]
    asked = [schedule.at(minute) is CaptureReason.OPEN for minute in week]

    walked = []
    state = capture_allowed(schedule, None, start)
    for minute in week:
        while state.next_change is not None and state.next_change <= minute:
            state = capture_allowed(schedule, None, state.next_change)
        walked.append(state.allowed)

    assert asked == walked


@given(SCHEDULES, INSTANTS, st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_pause_only_ever_closes(schedule, now, since, length):
    """With a pause nothing is open that is closed without; after it nothing is different."""
    begun = now - timedelta(minutes=since)
    pause = Pause(begun, begun + timedelta(minutes=length))
    free = capture_allowed(schedule, None, now)
    held = capture_allowed(schedule, pause, now)

    if now < begun + timedelta(minutes=length):
        assert not held.allowed
        assert held.next_change is None or held.next_change >= begun + timedelta(minutes=length)
    else:
        assert free == held


@given(SCHEDULES, INSTANTS)
def test_a_damaged_pause_is_never_open(schedule, now):
    """Whatever the schedule says."""
    state = capture_allowed(schedule, Pause(None, None, damaged=True), now)

    assert not state.allowed
    assert state.next_change is None


@given(SCHEDULES, st.one_of(INSTANTS, NEAR))
def test_a_closed_day_is_never_open(schedule, now):
    """Not for a minute of its local day, whatever windows say."""
    local = now.astimezone(schedule.zone).date()
    closed = Schedule(schedule.zone, schedule.windows, schedule.closed | {local})

    assert not capture_allowed(closed, None, now).allowed
