"""Says whether a camera may be open now: the policy's schedule, and the site's pause above it.

The pause file is looked at once a second, whatever the clock says; it is written by another
process and may come, go or be damaged at any time. Rereading it is also what ends a pause.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from agent.config.pause_file import read_pause
from agent.domain.schedule import CaptureReason, CaptureState, capture_allowed

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from agent.domain.schedule import Schedule

LOOK_EVERY_SECONDS = 1.0

UNREADABLE = (
    "The pause file can't be read, so nothing is captured. `omokage resume` removes it; "
    "`omokage pause` writes it anew."
)


class CaptureGate:
    """Answers for one site."""

    def __init__(self, schedule: Schedule, pause_file: Path) -> None:
        """Take the rules; nothing is read yet."""
        self._schedule, self._file = schedule, pause_file
        self._looked_at = -math.inf
        self._state = CaptureState(False, CaptureReason.PAUSE_UNREADABLE, None)

    def at(self, now: datetime, monotonic: float) -> CaptureState:
        """Return whether frames may be taken.

        Args:
            now: aware UTC.
            monotonic: seconds; paces the looks at the pause file.
        """
        if monotonic - self._looked_at >= LOOK_EVERY_SECONDS or self._is_over(now):
            self._looked_at = monotonic
            self._state = capture_allowed(self._schedule, read_pause(self._file), now)
        return self._state

    def _is_over(self, now: datetime) -> bool:
        change = self._state.next_change
        return change is not None and now >= change

    @property
    def trouble(self) -> str:
        """One sentence where somebody has to act, else ""."""
        unreadable = self._state.reason is CaptureReason.PAUSE_UNREADABLE
        return UNREADABLE if unreadable and self._looked_at > -math.inf else ""
