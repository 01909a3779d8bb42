"""Under which circumstances a face was seen: how near, in which light, turned how far.

None of them says who somebody is: light is that of the whole picture, never of the skin. They are
kept for released numbers only, each a mean over at least k persons; no record holds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NEAR = 0.2
"""Height of a face as a share of the picture's, from which it is near."""
BRIGHT = 0.3
"""Mean brightness of the whole picture, 0-1, from which it is bright."""


class Circumstance(StrEnum):
    """One half of a pair; a face-record belongs to one half of each pair that is known."""

    NEAR = "near"
    FAR = "far"
    BRIGHT = "bright"
    DIM = "dim"
    FACING = "facing"
    TURNED = "turned"


PAIRS: tuple[tuple[Circumstance, Circumstance], ...] = (
    (Circumstance.NEAR, Circumstance.FAR),
    (Circumstance.BRIGHT, Circumstance.DIM),
    (Circumstance.FACING, Circumstance.TURNED),
)
"""The half that is easier for the models comes first."""
OTHER = {one: other for pair in PAIRS for one, other in (pair, pair[::-1])}


@dataclass(frozen=True, slots=True)
class Scene:
    """What a backend knows of the picture around a face; in memory only.

    Attributes:
        size: height of the face's box as a share of the picture's height, above 0.
        light: mean brightness of the whole picture, 0-1.
    """

    size: float
    light: float


def circumstances(scene: Scene, *, facing: bool) -> tuple[Circumstance, ...]:
    """Return one half of each pair."""
    return (
        Circumstance.NEAR if scene.size >= NEAR else Circumstance.FAR,
        Circumstance.BRIGHT if scene.light >= BRIGHT else Circumstance.DIM,
        Circumstance.FACING if facing else Circumstance.TURNED,
    )
