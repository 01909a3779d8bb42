"""Decides whether systemd may hear that the agent is alive. Pure: times are arguments.

`WATCHDOG=1` means "fresh frames are looked at and what they gave is stored", not "a loop turns":
- A camera that is closed on purpose (a pause, a capture window) is as good as a fresh frame.
- With several cameras one fresh one suffices: a restart for one unplugged cable would cut the
  other zones' buckets.
- A database that refuses counts after a while, so that a restart may move a damaged one aside. A
  site without keys doesn't: statistics go on, and no restart makes keys.
What is no longer true for `PATIENCE_SECONDS` ends the feeding; systemd then restarts the process,
which also lets go of a driver that hangs.
"""

from __future__ import annotations

from collections.abc import Mapping

PATIENCE_SECONDS = 90.0
"""Longer than the pause between two attempts to reach a camera (30 s) and its opening."""
BEATS = 3
"""So many times within systemd's limit."""


class Watchdog:
    """Knows when the last good thing happened."""

    def __init__(self, limit_seconds: float | None, started: float) -> None:
        """Begin at the start of the service.

        Args:
            limit_seconds: of the unit's WatchdogSec; None where nobody watches.
            started: monotonic seconds.
        """
        self._limit = limit_seconds
        self._fresh = self._stored = started
        self._beat: float | None = None

    def fresh(self, tick: float) -> None:
        """Note a fresh frame, or a camera that is closed on purpose."""
        self._fresh = tick

    def stored(self, tick: float, *, refused: bool) -> None:
        """Note whether the database took what it was last given."""
        if not refused:
            self._stored = tick

    def is_well(self, tick: float) -> bool:
        """Say whether frames and commits are recent enough."""
        return tick - min(self._fresh, self._stored) <= PATIENCE_SECONDS

    def due(self, tick: float) -> bool:
        """Say whether to feed systemd's watchdog now; notes it as done."""
        if self._limit is None or not self.is_well(tick):
            return False
        if self._beat is not None and tick - self._beat < self._limit / BEATS:
            return False
        self._beat = tick
        return True

    def age(self, tick: float) -> float:
        """Return how many seconds ago the last fresh frame was."""
        return tick - self._fresh


def limit_of(environ: Mapping[str, str], pid: int) -> float | None:
    """Return the unit's WatchdogSec in seconds; None where it isn't for this process.

    Args:
        environ: of the process.
        pid: of the process.

    Source: sd_watchdog_enabled(3): WATCHDOG_USEC in microseconds, WATCHDOG_PID for whom.
    """
    limit = environ.get("WATCHDOG_USEC", "")
    if not limit.isdecimal() or int(limit) == 0:
        return None
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(limit) / 1e6
