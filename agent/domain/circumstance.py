"""Under which circumstances a face was seen: how near, in which light, turned how far.

None of them says who somebody is: light is that of the whole picture, never of the skin. A record
holds the halves, as one of four codes, never the measures; so do released numbers (each a mean over
at least k persons) and reviews (so that mistakes can be counted by circumstance).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NEAR = 0.2
"""Height of a face as a share of the picture's, from which it is near."""
BRIGHT = 0.3
"""Mean brightness of the whole picture, 0-1, from which it is bright."""

SCENES = 4
"""Different codes of a known scene; 0 is none of them."""


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


def scene_code(scene: Scene) -> int:
    """Return what a record keeps of a scene: 1 far and dim, 2 near and dim, 3 far, 4 near."""
    return 1 + (scene.size >= NEAR) + 2 * (scene.light >= BRIGHT)


def scene_halves(code: int) -> tuple[Circumstance, ...]:
    """Return what a record's code says; nothing of 0, and of a code that doesn't exist."""
    if not 1 <= code <= SCENES:
        return ()
    near, bright = (code - 1) % 2, (code - 1) // 2
    return (
        Circumstance.NEAR if near else Circumstance.FAR,
        Circumstance.BRIGHT if bright else Circumstance.DIM,
    )


def circumstances(scene: Scene, *, facing: bool) -> tuple[Circumstance, ...]:
    """Return one half of each pair."""
    turn = Circumstance.FACING if facing else Circumstance.TURNED
    return (*scene_halves(scene_code(scene)), turn)
