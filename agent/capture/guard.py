"""Notices a camera that shows the same picture again, or for ever.

OpenCV may go on returning the last frame after a camera was unplugged (its issues 5221, 6107,
14044); without this guard one face's expression would be counted for hours. A real sensor is
never still: its noise changes some bit of some pixel in every frame. So a picture that came before
says nothing new, and is no observation, long before the camera counts as frozen.

A part of a picture may be old in a new one: FFmpeg fills what a torn picture lacks with what its
buffer held before. So each cell of the picture has a checksum of its own, and a face whose cells
have shown nothing new for as long as a frozen camera may take is an old one. Still backgrounds of a
compressed stream are old too, which is why cells count only where a face is. Only checksums are
kept.
"""

from __future__ import annotations

import zlib
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from agent.capture.source import Picture

STRIDE = 8
CELL = 4
"""Sampled pixels a side: a cell is 32 x 32 pixels of the picture."""
OLD_SHARE = 0.7
"""A box's corners hold background, so not all of an old face's cells need be old."""
KNOWN = 4
"""A decoder may have as many buffers and show them in turn."""
_WEIGHTS = np.random.default_rng(1).integers(1, 2**31, (CELL, CELL, 3)).astype(np.uint32) | 1


class Freshness(Enum):
    """What a picture is, beside the one before."""

    NEW = "new"
    REPEATED = "repeated"
    FROZEN = "frozen"


class FreshnessGuard:
    """Says `FROZEN` once the same picture came again and again for long enough."""

    def __init__(self, hold_seconds: float = 2.0, min_repeats: int = 3) -> None:
        """Set what counts as frozen; both bounds must be met.

        Args:
            hold_seconds: how long the picture must have been the same.
            min_repeats: how often it must have come again, so that one long gap between two
                equal frames isn't enough.
        """
        self._hold = hold_seconds
        self._min_repeats = min_repeats
        self._print: int | None = None
        self._since = 0.0
        self._repeats = 0
        self._now = 0.0
        self._cells = np.zeros((KNOWN, 0, 0), np.uint32)
        self._new_at = np.zeros((0, 0))

    def judge(self, pixels: Picture, monotonic: float) -> Freshness:
        """Take note of a frame and say whether it is a new picture.

        Args:
            pixels: uint8 (H, W, 3); every 8th pixel is looked at, none is kept.
            monotonic: seconds, when the frame came.
        """
        sample = np.array(pixels[::STRIDE, ::STRIDE], order="C")
        fingerprint = zlib.crc32(sample.data)
        self._note_cells(sample, monotonic)
        sample.fill(0)
        if fingerprint != self._print:
            self._print, self._since, self._repeats = fingerprint, monotonic, 0
            return Freshness.NEW
        self._repeats += 1
        if self._repeats >= self._min_repeats and monotonic - self._since >= self._hold:
            return Freshness.FROZEN
        return Freshness.REPEATED

    def _note_cells(self, sample: Picture, monotonic: float) -> None:
        """Remember when each cell last showed something that it hadn't shown lately."""
        rows, columns = sample.shape[0] // CELL, sample.shape[1] // CELL
        blocks = sample[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL, 3)
        prints = np.einsum("aibjc,ijc->ab", blocks, _WEIGHTS, dtype=np.uint32, casting="unsafe")
        self._now = monotonic
        if self._new_at.shape != prints.shape:
            self._cells = np.repeat(prints[None], KNOWN, axis=0)
            self._new_at = np.full(prints.shape, monotonic)
            return
        self._new_at[~(self._cells == prints).any(axis=0)] = monotonic
        self._cells = np.concatenate((self._cells[1:], prints[None]))

    def is_old(self, box: npt.NDArray[np.float32]) -> bool:
        """Say whether what the last picture shows in a box has been there unchanged for too long.

        Args:
            box: float32 (4,) x1 y1 x2 y2, pixels of the picture.
        """
        side = CELL * STRIDE
        x1, y1, x2, y2 = (max(0, int(value)) for value in box)
        cells = self._new_at[y1 // side : y2 // side + 1, x1 // side : x2 // side + 1]
        return bool(cells.size) and float((self._now - cells >= self._hold).mean()) >= OLD_SHARE

    def reset(self) -> None:
        """Forget the last picture: the camera was opened anew."""
        self._print = None
        self._repeats = 0
        self._new_at = np.zeros((0, 0))
