"""When the next tick is due, and how late ticks have been.

Ticks lie on a grid that begins once: waiting a period after each tick would let the rate sink by
whatever every tick takes. A tick that comes too late for its place is counted as missed, and the
grid is kept; nothing is made up for.
"""

from __future__ import annotations


class Pace:
    """The grid of one loop.

    Attributes:
        missed: places of the grid at which no tick was, since the start.
        places: places of the grid so far.
    """

    def __init__(self, period: float, start: float) -> None:
        """Begin the grid.

        Args:
            period: seconds between two ticks.
            start: monotonic seconds of the first one.
        """
        self.missed = self.places = 0
        self._period = period
        self._due = start
        self._late: list[float] = []

    def begin(self, tick: float) -> float:
        """Note that a tick begins; return how late it is, seconds.

        Args:
            tick: monotonic seconds.
        """
        late = max(0.0, tick - self._due)
        self._late.append(late)
        skipped = int(late / self._period)
        self.missed += skipped
        self.places += skipped + 1
        self._due += (skipped + 1) * self._period
        return late

    def wait(self, now: float) -> float:
        """Return the seconds until the next tick is due, 0 where it is already.

        Args:
            now: monotonic seconds.
        """
        return max(0.0, self._due - now)

    def report(self) -> dict[str, float]:
        """Return how late the ticks since the last report were, milliseconds."""
        late, self._late = sorted(self._late), []
        return {
            "late_ms_median": round(1000 * late[len(late) // 2], 3) if late else 0.0,
            "late_ms_max": round(1000 * late[-1], 3) if late else 0.0,
            "missed": self.missed,
            "places": self.places,
        }
