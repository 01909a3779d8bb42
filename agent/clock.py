"""The only place that reads a clock; everything else gets `now` as an argument."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Wall time for records and deadlines, monotonic time for durations."""

    def now(self) -> datetime:
        """Return the present as an aware UTC instant."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""

    def since_boot(self) -> float:
        """Return seconds since the machine's start, those that it slept included."""

    def boot(self) -> str:
        """Return a name that this run of the machine alone has; "" where it can't be told."""

    def served_at(self) -> datetime | None:
        """Return when a time server last set this clock, by itself; None where it can't be told."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the present as an aware UTC instant."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def since_boot(self) -> float:
        """Return seconds since the machine's start, those that it slept included.

        Where the system has no such clock, sleep isn't counted.
        """
        which = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if which is None else time.clock_gettime(which)

    def boot(self) -> str:
        """Return the kernel's random name of this run; "" where it has none or hides it."""
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        except (OSError, ValueError):
            return ""

    def served_at(self) -> datetime | None:
        """Return when a time server last set this clock; None where it can't be told.

        The kernel knows whether its clock is disciplined, and forgets it when somebody sets the
        clock by hand. Where it may not be asked, systemd-timesyncd's file tells.
        """
        if _is_disciplined():
            return self.now()
        try:
            touched = Path("/run/systemd/timesync/synchronized").stat().st_mtime
        except OSError:
            return None
        return datetime.fromtimestamp(touched, UTC)


_UNKNOWN = -1
_LARGER_THAN_TIMEX = 512
"""Bytes; the kernel's structure has 208."""


def _is_disciplined() -> bool:
    """Ask the kernel, changing nothing (`adjtimex` with no mode; TIME_ERROR is 5)."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_LARGER_THAN_TIMEX))
    except (AttributeError, OSError, TypeError):
        return False
    return _UNKNOWN < int(state) < 5
