"""Bring a site's calibration into the running models, and say when it can't be used.

Read between two buckets only, so that one bucket's numbers are all made by the same rules. In
doubt the models decide as they were shipped: a damaged file never leaves thresholds that nobody
chose, and a calibration that was made with other models isn't theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agent.config.calibration_file import read_steps
from agent.domain.access import AccessEvent, Action, Role
from agent.domain.calibration import SHIPPED, Calibration, present, with_name
from agent.domain.observation import Adjustable, FaceBackend
from agent.errors import ConfigError

ACTOR = "omokage-agent"


@dataclass(frozen=True, slots=True)
class InForce:
    """What the models decide by.

    Attributes:
        calibration: in force.
        models: names of the models, and the calibration's where it changes anything.
        changed: whether it isn't what the look before found.
    """

    calibration: Calibration
    models: tuple[str, ...]
    changed: bool


class Calibrator:
    """Watches a site's calibration and adjusts the backends to it."""

    def __init__(
        self, path: Path, backends: Sequence[FaceBackend], models: tuple[str, ...]
    ) -> None:
        self._path, self._models = path, models
        self._backends = [one for one in backends if isinstance(one, Adjustable)]
        self._calibration = SHIPPED
        self.trouble: str | None = None

    def look(self) -> InForce:
        """Read the calibration, adjust the backends where it changed, and return what holds."""
        wanted = self._wanted()
        changed = wanted != self._calibration
        if changed:
            for backend in self._backends:
                backend.adjust(wanted)
            self._calibration = wanted
        return InForce(wanted, with_name(self._models, wanted), changed)

    def _wanted(self) -> Calibration:
        self.trouble = None
        try:
            wanted = present(read_steps(self._path))
        except ConfigError as error:
            self.trouble = f"{error}; the models decide as shipped. {error.advice}"
            return SHIPPED
        if not wanted.changes:
            return SHIPPED
        if not self._backends or not wanted.fits(self._models):
            self.trouble = (
                "the calibration was made with other models; these decide as shipped. "
                "Review again, then `omokage calibrate show`."
            )
            return SHIPPED
        return wanted


def calibrated_event(calibration: Calibration, now: datetime) -> AccessEvent:
    """Say that the agent decides by a calibration from this bucket on."""
    return AccessEvent(
        now, ACTOR, Role.AGENT, Action.CALIBRATED, "in force", (calibration.name,),
        counts={"thresholds": len(calibration.thresholds)},
    )  # fmt: skip
