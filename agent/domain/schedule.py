"""When a site may capture: weekly windows, closed days, and a pause that stands above both.

Rules:
- Windows are read off the wall clock of the site's zone. An hour that daylight saving skips never
  comes, one that it repeats comes twice; both follow the clock on the wall.
- A window may run over midnight; it belongs to the day on which it begins. A closed day takes away
  the windows that begin on it (with what they have after midnight) and every hour of its own.
- Without windows every hour of an open day is allowed.
- A pause that can't be read counts as a pause without an end: in doubt nothing is captured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)


class CaptureReason(StrEnum):
    """Why frames may be taken, or may not."""

    OPEN = "open"
    OUTSIDE_WINDOWS = "outside_windows"
    CLOSED_DAY = "closed_day"
    PAUSED = "paused"
    PAUSE_UNREADABLE = "pause_unreadable"


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some weekdays, in the site's zone.

    Attributes:
        days: weekdays on which it begins, Monday 0.
        start: first wall time.
        end: first wall time after it; None is midnight. Before `start`: over midnight.
    """

    days: frozenset[int]
    start: time
    end: time | None

    def __post_init__(self) -> None:
        if not self.days or not self.days <= set(range(7)):
            raise ValueError("a window needs weekdays")
        if self.end in {self.start, time(0)}:
            raise ValueError("a window's end is another time than its start; midnight is None")

    @property
    def over_midnight(self) -> bool:
        """Say whether the window goes on after the midnight that ends its day."""
        return self.end is not None and self.end < self.start

    def holds(self, day: date, clock: time) -> bool:
        """Say whether a wall time lies in the part of the window on the day it begins."""
        before_end = self.end is None or self.over_midnight or clock < self.end
        return day.weekday() in self.days and self.start <= clock and before_end

    def holds_after_midnight(self, day: date, clock: time) -> bool:
        """Say whether a wall time lies in what a window of the day before has after midnight."""
        if not self.over_midnight:
            return False
        assert self.end is not None
        return (day - _DAY).weekday() in self.days and clock < self.end


@dataclass(frozen=True, slots=True)
class Schedule:
    """When frames may be taken.

    Attributes:
        zone: of the site; its clock is meant.
        windows: none means every hour.
        closed: local days on which nothing is captured.
    """

    zone: tzinfo = UTC
    windows: tuple[Window, ...] = ()
    closed: frozenset[date] = field(default_factory=frozenset)

    def at(self, instant: datetime) -> CaptureReason:
        """Return `OPEN` or why the schedule says no at an aware instant."""
        local = instant.astimezone(self.zone)
        day, clock = local.date(), local.time()
        if day in self.closed:
            return CaptureReason.CLOSED_DAY
        if not self.windows or any(window.holds(day, clock) for window in self.windows):
            return CaptureReason.OPEN
        if any(window.holds_after_midnight(day, clock) for window in self.windows):
            closed = day - _DAY in self.closed
            return CaptureReason.CLOSED_DAY if closed else CaptureReason.OPEN
        return CaptureReason.OUTSIDE_WINDOWS


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody said: capture nothing.

    Attributes:
        since: aware UTC; None where it can't be read.
        until: when it ends by itself, aware UTC; None lasts until somebody resumes.
        reason: in the words of who paused; may be personal.
        damaged: it can't be read, so it has no end.
    """

    since: datetime | None
    until: datetime | None
    reason: str = ""
    damaged: bool = False

    def holds(self, now: datetime) -> bool:
        """Say whether nothing may be captured at `now`."""
        return self.damaged or self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class CaptureState:
    """May frames be taken now?

    Attributes:
        allowed: the answer.
        reason: why.
        next_change: first instant at which the answer may be another, aware UTC; None where it
            stays unless somebody acts.
    """

    allowed: bool
    reason: CaptureReason
    next_change: datetime | None


def capture_allowed(schedule: Schedule, pause: Pause | None, now: datetime) -> CaptureState:
    """Say whether frames may be taken at `now`, why, and until when that holds."""
    if pause is not None and pause.holds(now):
        damaged = pause.damaged
        reason = CaptureReason.PAUSE_UNREADABLE if damaged else CaptureReason.PAUSED
        if pause.until is None or damaged:
            return CaptureState(False, reason, None)
        after = capture_allowed(schedule, None, pause.until)
        return CaptureState(False, reason, pause.until if after.allowed else after.next_change)
    reason = schedule.at(now)
    allowed = reason is CaptureReason.OPEN
    return CaptureState(allowed, reason, _next_change(schedule, now, allowed=allowed))


def _next_change(schedule: Schedule, now: datetime, *, allowed: bool) -> datetime | None:
    """Return the first instant after `now` at which the schedule's answer is another."""
    today = now.astimezone(schedule.zone).date()
    for day in sorted(_days_of_change(schedule, today)):
        # Two days at once: a clock that is changed at midnight mixes their order.
        for instant in sorted({*_edges(schedule, day), *_edges(schedule, day + _DAY)}):
            if instant > now and (schedule.at(instant) is CaptureReason.OPEN) != allowed:
                return instant
    return None


def _days_of_change(schedule: Schedule, today: date) -> set[date]:
    """Return the days on which the answer may change, as far as anybody can tell.

    A week repeats itself. Two are looked at, since the clock may skip a window of the first, and
    again from every closed day on, since that may take away the windows of a week.
    """
    if not schedule.windows and not schedule.closed:
        return set()
    days = {today + ahead * _DAY for ahead in range(-1, 16)}
    for closed in schedule.closed:
        if closed >= today:
            days |= {closed + ahead * _DAY for ahead in range(-1, 16)}
    return days


def _edges(schedule: Schedule, day: date) -> Iterator[datetime]:
    """Yield every instant of a local day at which the schedule's answer may change."""
    zone = schedule.zone
    times = {time(0)}
    for window in schedule.windows:
        times |= {window.start, window.end or time(0)}
    for clock in times:
        for fold in (0, 1):
            yield datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC)
    yield from _jumps(zone, day)


def _jumps(zone: tzinfo, day: date) -> Iterator[datetime]:
    """Yield the instant of a day at which the zone's clock is put forward or back, if any."""
    low = datetime.combine(day, time(0), zone).astimezone(UTC)
    high = low + _DAY
    before = low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == before:
        return
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    yield high
