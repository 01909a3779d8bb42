"""Blinks of one face, counted from the presence of AU45. Pure.

A blink is a closing of the eyes (AU45) that was seen to begin and seen to end, and lasted at most
`LONGEST_SECONDS`; a longer one is closed eyes, or a look down. Two looks at a face more than
`WIDEST_GAP_SECONDS` apart don't belong together: what happened between isn't known, and the time
doesn't count. So at a sampling rate under 4 Hz there is no rate at all, and under some 10 Hz blinks
are missed: the rate is then a lower bound (docs/benchmarks.md says how many are seen).

Source of the length: a blink lasts 0.1-0.4 s (Stern, Walrath & Goldstein 1984, *Psychophysiology*
21(1)); half a second leaves room for the steps of sampling.
"""

from __future__ import annotations

from agent.domain.facs import AU_LABELS

AU45 = AU_LABELS.index("AU45")
"""Place of the blink's Action Unit in `AU_LABELS`."""

LONGEST_SECONDS = 0.5
"""From the first look with closed eyes to the first with open ones."""

WIDEST_GAP_SECONDS = 0.3
"""One look every 0.2 s, whose time was rounded to 0.1 s, still belongs to the one before."""

_SLACK = 1e-6
"""Seconds by which rounded times may exceed a limit."""


class Blinks:
    """Counts the blinks of one face.

    Attributes:
        count: blinks seen so far.
        seconds: time in which a blink would have been seen.
        steps: pairs of successive looks behind `seconds`.
    """

    __slots__ = ("_before", "_began", "_closed", "count", "seconds", "steps")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.steps = 0
        self._before: float | None = None
        self._closed = False
        self._began: float | None = None

    def __call__(self, closed: bool, at: float) -> bool:
        """Take the next look; say whether a blink ended with it.

        Args:
            closed: whether AU45 is present.
            at: seconds on any clock, not before the last call's.
        """
        gap = None if self._before is None else at - self._before
        self._before, was_closed, self._closed = at, self._closed, closed
        if gap is None or gap > WIDEST_GAP_SECONDS + _SLACK:
            self._began = None  # eyes that are closed at first were closed since nobody knows when
            return False
        self.seconds += gap
        self.steps += 1
        if closed and not was_closed:
            self._began = at
        if closed or not was_closed or self._began is None:
            return False
        blinked = at - self._began <= LONGEST_SECONDS + _SLACK
        self._began = None
        self.count += blinked
        return blinked

    @property
    def per_minute(self) -> float | None:
        """Blinks a minute; None where no time was watched."""
        return 60 * self.count / self.seconds if self.seconds else None
