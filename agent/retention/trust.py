"""Decide whether the wall clock may be believed. Pure.

A purge by a clock that is a year fast would delete everything at once; by one that is a year slow,
nothing. So each round of deletion leaves a mark, and the next one asks how much time has *proven*
to have passed since: seconds since the machine's start, which count its sleep but which nobody can
set. Rules:
- during one run of the machine the wall clock may run ahead of the proven time by at most
  `LARGEST_STEP`. Sleep is no step, since both clocks count it;
- after a restart nobody can know how long the machine was off: up to `LONGEST_ABSENCE` is believed;
- a clock that is behind the proven time by more than `SLACK` isn't believed;
- a clock from before this program existed isn't believed whatever anybody says;
- a doubt ends when the clocks agree again, when a time server set the clock a short while ago,
  when somebody confirms the clock, or after `PATIENCE` in which the clock ran steadily and nobody
  objected: a privacy store must not wait for ever.
While a doubt lasts, deletion goes on by both clocks; see `agent.retention.plan`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from agent.retention.plan import SLACK

LARGEST_STEP = timedelta(hours=24)
"""Also covers a paused virtual machine and a machine whose clock since boot doesn't count sleep."""
LONGEST_ABSENCE = timedelta(days=10)
"""Longer than the long holidays during which a shop is closed."""
PATIENCE = timedelta(days=7)
"""A working week for somebody to see the alarm."""
SERVER_RECENTLY = timedelta(hours=2)
"""systemd-timesyncd asks at least every 34 minutes (PollIntervalMaxSec, 2048 s)."""
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""No Omokage existed before: a clock that says so has lost its battery."""


class Doubt(StrEnum):
    """What speaks against the wall clock."""

    AHEAD = "ahead"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the machine's clocks say now.

    Attributes:
        wall: aware UTC.
        since_boot: seconds since the machine's start, sleep included.
        boot: name of this run of the machine, "" where it can't be told.
        served_at: when a time server last set the clock, by that same clock; None if unknown.
    """

    wall: datetime
    since_boot: float
    boot: str
    served_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What one round remembers for the next.

    Attributes:
        proven: the instant that had certainly come, aware UTC.
        wall: what the wall clock said.
        since_boot: seconds, likewise.
        boot: name of that run of the machine.
        doubted_for: how long the wall clock has run steadily since it was first doubted; None
            while it isn't.
    """

    proven: datetime
    wall: datetime
    since_boot: float
    boot: str
    doubted_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be believed.

    Attributes:
        now: the earlier of both clocks, or simply the time.
        ahead: the later one while there is a doubt, else None.
        doubt: what it is, None if there is none.
        mark: for the next round.
    """

    now: datetime
    ahead: datetime | None
    doubt: Doubt | None
    mark: Mark


def judge(
    clocks: Clocks, mark: Mark | None, newest: datetime | None, *, confirmed: bool = False
) -> Verdict:
    """Compare the wall clock with everything else that tells the time.

    Args:
        clocks: now.
        mark: of the round before, None if there was none.
        newest: start of the newest thing stored; used where there is no mark.
        confirmed: somebody says that the clock is right.
    """
    proven, step = _proven(clocks, mark, newest)
    doubt = None if proven is None else _doubt(clocks.wall - proven, step)
    if clocks.wall < EARLIEST:  # whoever says so is wrong
        doubt, proven, settled = Doubt.BEHIND, max(proven or EARLIEST, EARLIEST), False
    else:
        settled = confirmed or _served(clocks) or _steady(clocks, mark) >= PATIENCE
    if doubt is None or proven is None or settled:
        fresh = Mark(clocks.wall, clocks.wall, clocks.since_boot, clocks.boot)
        return Verdict(clocks.wall, None, None, fresh)
    early, late = sorted((clocks.wall, proven))
    doubtful = Mark(proven, clocks.wall, clocks.since_boot, clocks.boot, _steady(clocks, mark))
    return Verdict(early, late, doubt, doubtful)


def _proven(
    clocks: Clocks, mark: Mark | None, newest: datetime | None
) -> tuple[datetime | None, timedelta]:
    """Return the instant that has certainly come, and how far the wall clock may be ahead of it."""
    if mark is None:
        return newest, LONGEST_ABSENCE
    if _is_same_run(clocks, mark):
        return mark.proven + _between(mark, clocks), LARGEST_STEP
    # A machine that hides the name of its run may not have been restarted at all; then its
    # seconds since boot are partly counted already.
    passed = timedelta(seconds=clocks.since_boot) if clocks.boot else timedelta(0)
    return mark.proven + passed, LONGEST_ABSENCE


def _doubt(lead: timedelta, step: timedelta) -> Doubt | None:
    if lead > step:
        return Doubt.AHEAD
    return Doubt.BEHIND if lead < -SLACK else None


def _served(clocks: Clocks) -> bool:
    """Say whether a time server set this clock lately, as this clock has it."""
    if clocks.served_at is None:
        return False
    return -SLACK <= clocks.wall - clocks.served_at <= SERVER_RECENTLY


def _is_same_run(clocks: Clocks, mark: Mark) -> bool:
    return bool(clocks.boot) and clocks.boot == mark.boot and clocks.since_boot >= mark.since_boot


def _between(mark: Mark, clocks: Clocks) -> timedelta:
    return timedelta(seconds=clocks.since_boot - mark.since_boot)


def _steady(clocks: Clocks, mark: Mark | None) -> timedelta:
    """Return for how long a doubted clock has kept pace; none if it was set again."""
    if mark is None or mark.doubted_for is None:
        return timedelta(0)
    gone = clocks.wall - mark.wall
    if not _is_same_run(clocks, mark):
        # Switched off over night: nothing is added, and what was is kept.
        return mark.doubted_for if -SLACK <= gone <= LONGEST_ABSENCE else timedelta(0)
    passed = _between(mark, clocks)
    return mark.doubted_for + passed if abs(gone - passed) <= SLACK else timedelta(0)
