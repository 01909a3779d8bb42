"""Action Units of the Facial Action Coding System (FACS) that Omokage knows.

The set is the union of DISFA's 12, BP4D's 12 and OpenFace's 18. An AU that can act on one half
of the face alone has a left and a right output; **left and right are the subject's own**, as in
FACS. Intensity runs from 0 (absent) to 5 (E, maximum), as a real number. The intensity of an AU
with two sides is that of its stronger side, which is how FACS scores an asymmetric action.

Source: Ekman, Friesen & Hager, *Facial Action Coding System* (2002), AU names and A-E scale.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_INTENSITY = 5.0
"""FACS level E."""


@dataclass(frozen=True, slots=True)
class ActionUnit:
    """One AU: its FACS number, its FACS name, and whether its two sides can differ."""

    number: int
    name: str
    lateral: bool

    @property
    def label(self) -> str:
        """Name the AU as OpenFace's columns do, for example `AU04`."""
        return f"AU{self.number:02d}"


ACTION_UNITS: tuple[ActionUnit, ...] = (
    ActionUnit(1, "Inner brow raiser", True),
    ActionUnit(2, "Outer brow raiser", True),
    ActionUnit(4, "Brow lowerer", True),
    ActionUnit(5, "Upper lid raiser", True),
    ActionUnit(6, "Cheek raiser", True),
    ActionUnit(7, "Lid tightener", True),
    ActionUnit(9, "Nose wrinkler", True),
    ActionUnit(10, "Upper lip raiser", True),
    ActionUnit(12, "Lip corner puller", True),
    ActionUnit(14, "Dimpler", True),
    ActionUnit(15, "Lip corner depressor", True),
    ActionUnit(17, "Chin raiser", False),
    ActionUnit(20, "Lip stretcher", True),
    ActionUnit(23, "Lip tightener", False),
    ActionUnit(24, "Lip pressor", False),
    ActionUnit(25, "Lips part", False),
    ActionUnit(26, "Jaw drop", False),
    ActionUnit(28, "Lip suck", False),
    ActionUnit(45, "Blink", True),
)

AU_LABELS: tuple[str, ...] = tuple(unit.label for unit in ACTION_UNITS)
"""`AU01` ... `AU45`, the 19 stored intensities in order."""

AU_SIDE_LABELS: tuple[str, ...] = tuple(
    label
    for unit in ACTION_UNITS
    for label in ((f"{unit.label}_L", f"{unit.label}_R") if unit.lateral else (unit.label,))
)
"""`AU01_L`, `AU01_R`, ... `AU17`, ... `AU45_R`: the encoder's 32 outputs in order."""

SIDE_INDEX: tuple[tuple[int, ...], ...] = tuple(
    tuple(i for i, side in enumerate(AU_SIDE_LABELS) if side.split("_")[0] == label)
    for label in AU_LABELS
)
"""For each of the 19 AUs, the positions of its one or two sides in `AU_SIDE_LABELS`."""
