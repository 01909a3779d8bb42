"""Marked frames: pictures made so that any piece of them can be told from everything else.

| kind | picture | found again as |
|---|---|---|
| `noise` | one random tile of 8 pixels, repeated | its exact bytes: BGR, RGB, gray |
| `tile` | squares of 40 px in 8 shades of gray | its shades, at any size, turned or cropped |
| `face` | frames of the bundled clip in 8 other shades | the same; their faces are cut out |

Shades survive resampling: whatever is cut out or resized consists mostly of them. A shade may also
come back through one linear map, as a float (standardised, or divided by 255) or as the bytes of a
quantised net; their spacing is uneven, so that such a map can be recognised.

Tiles and shades are drawn anew in each run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 640, 480
SHADES = 8
SQUARE = 40
TILE_PIXELS = 8


class Kind(StrEnum):
    """What a marked frame shows."""

    NOISE = "noise"
    TILE = "tile"
    FACE = "face"


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What is drawn into frames and searched for.

    Attributes:
        seed: that everything else follows from.
        tile: uint8 (8, 3), BGR.
        shades: by kind, 8 ascending shades of gray; no shade is in both.
    """

    seed: int
    tile: Picture
    shades: dict[Kind, tuple[int, ...]]

    def needles(self) -> dict[str, bytes]:
        """Return the byte strings that stand for the noise tile, by form.

        Each one is what a whole row holds again and again, so it is found wherever a piece begins.
        """
        row = np.tile(self.tile, (2, 1))[None]
        gray = np.asarray(cv2.cvtColor(row, cv2.COLOR_BGR2GRAY), np.uint8)
        return {
            "bgr": self.tile.tobytes()[:NEEDLE_BYTES],
            "rgb": self.tile[:, ::-1].tobytes()[:NEEDLE_BYTES],
            "gray": gray.tobytes()[:NEEDLE_BYTES],
        }


NEEDLE_BYTES = 16
"""Shortest run of exact bytes that is searched for."""


def draw_marks(seed: int) -> Marks:
    """Draw tile and shades for one run."""
    random = np.random.default_rng(seed)
    tile = random.integers(1, 255, (TILE_PIXELS, 3), dtype=np.uint8)
    # 16 uneven steps between 12 and 244, dealt out in turn: neighbours belong to different kinds.
    steps = random.integers(7, 21, 2 * SHADES)
    levels = 12 + np.round(232 * (np.cumsum(steps) - steps[0]) / (steps.sum() - steps[0]))
    values = [int(level) for level in levels]
    return Marks(seed, tile, {Kind.TILE: tuple(values[::2]), Kind.FACE: tuple(values[1::2])})


def clean_frames(seed: int) -> Iterator[Picture]:
    """Yield dull unmarked frames without end, no two alike, uint8 (480, 640, 3)."""
    random = np.random.default_rng(seed)
    while True:
        noise = random.integers(90, 140, (HEIGHT // 4, WIDTH // 4, 3), dtype=np.uint8)
        yield np.repeat(np.repeat(noise, 4, 0), 4, 1)


def marked_frames(marks: Marks, kind: Kind, clip: list[Picture]) -> Iterator[Picture]:
    """Yield frames of one kind without end, no two neighbours alike, uint8 (480, 640, 3).

    Args:
        marks: of this run.
        kind: of frame.
        clip: pictures with faces, uint8 (480, 640, 3) BGR; used for `face` alone.
    """
    random = np.random.default_rng((marks.seed, list(Kind).index(kind)))
    number = 0
    while True:
        match kind:
            case Kind.NOISE:
                # Turned by whole pixels from frame to frame: a camera whose picture stands still
                # would count as frozen.
                row = np.roll(np.tile(marks.tile, (WIDTH // TILE_PIXELS, 1)), number, 0)
                yield np.repeat(row[None], HEIGHT, 0)
            case Kind.TILE:
                chosen = random.integers(0, SHADES, (HEIGHT // SQUARE, WIDTH // SQUARE))
                squares = np.repeat(np.repeat(chosen, SQUARE, 0), SQUARE, 1)
                yield shaded(squares, marks.shades[kind])
            case Kind.FACE:
                yield face_frame(clip[number % len(clip)], marks.shades[kind])
        number += 1


def face_frame(picture: Picture, shades: tuple[int, ...]) -> Picture:
    """Draw a picture in so many shades of gray, uint8 (H, W, 3)."""
    gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    return shaded(gray.astype(np.intp) * len(shades) // 256, shades)


def shaded(index: npt.NDArray[np.intp], shades: tuple[int, ...]) -> Picture:
    """Return uint8 (H, W, 3) with a shade for each index."""
    gray = np.array(shades, np.uint8)[index]
    return np.repeat(gray[:, :, None], 3, 2)
