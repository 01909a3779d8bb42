"""How a site's thresholds and its classes' certainty differ from what the models came with.

A calibration belongs to the models that it was made with; with others it means nothing. It is
changed by a person alone, one whole calibration after the other, and each can be taken back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agent.domain.facs import AU_LABELS

PRESENT = 1.0
"""Intensity from which an AU counts as present, as shipped (FACS level A)."""
LOWEST, HIGHEST = 0.2, 4.0
"""Thresholds beyond these would call everything or nothing present."""
COOLEST, WARMEST = 0.33, 3.0
"""Factors of the temperature beyond these would make up certainty, or take all of it."""
PREFIX = "calibration@"
"""Begins a calibration's name among the models' names of a number or a record."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """One set of thresholds and one factor of the temperature.

    Attributes:
        thresholds: by AU label, the intensity (0-5) from which it is present; only those that
            differ from `PRESENT`.
        temperature: factor on the emotion head's own; 1 changes nothing.
        models: names of the models that it was made with; () fits any.

    Raises:
        ValueError: an unknown AU, or a number out of its range.
    """

    thresholds: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    models: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := set(self.thresholds) - set(AU_LABELS):
            raise ValueError(f"no such Action Unit: {min(unknown)}")
        # Comparisons that a NaN fails, too.
        if not all(LOWEST <= value <= HIGHEST for value in self.thresholds.values()):
            raise ValueError(f"a threshold lies between {LOWEST} and {HIGHEST}")
        if not COOLEST <= self.temperature <= WARMEST:
            raise ValueError(f"a temperature's factor lies between {COOLEST} and {WARMEST}")

    @property
    def changes(self) -> bool:
        """Say whether it changes anything."""
        return self.temperature != 1.0 or any(v != PRESENT for v in self.thresholds.values())

    @property
    def name(self) -> str:
        """Return its name beside the models'; it depends on what it changes alone."""
        changed = {k: v for k, v in sorted(self.thresholds.items()) if v != PRESENT}
        content = json.dumps([changed, self.temperature], separators=(",", ":"))
        return PREFIX + hashlib.sha256(content.encode()).hexdigest()[:8]

    def threshold(self, label: str) -> float:
        """Return from which intensity an AU is present."""
        return self.thresholds.get(label, PRESENT)

    def fits(self, models: Sequence[str]) -> bool:
        """Say whether these are the models that it was made with."""
        return not self.models or set(self.models) == set(without(models))


SHIPPED = Calibration()
"""What the models came with."""


@dataclass(frozen=True, slots=True)
class Step:
    """One calibration that somebody put in force.

    Attributes:
        at: when, aware UTC.
        calibration: what has held since.
        clips: how many reviewed clips spoke for it; 0 where it was taken back.
    """

    at: datetime
    calibration: Calibration
    clips: int


def present(steps: Sequence[Step]) -> Calibration:
    """Return what is in force."""
    return steps[-1].calibration if steps else SHIPPED


def before(steps: Sequence[Step]) -> Calibration:
    """Return what was in force before the last step."""
    return present(steps[:-1])


def without(models: Sequence[str]) -> tuple[str, ...]:
    """Return models' names without a calibration's."""
    return tuple(name for name in models if not name.startswith(PREFIX))


def with_name(models: Sequence[str], calibration: Calibration) -> tuple[str, ...]:
    """Return models' names, and the calibration's where it changes anything."""
    plain = without(models)
    return (*plain, calibration.name) if calibration.changes else plain
