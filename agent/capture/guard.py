"""Notices a camera that shows the same picture again, or for ever.

OpenCV may go on returning the last frame after a camera was unplugged (its issues 5221, 6107,
14044); without this guard one face's expression would be counted for hours. A real sensor is
never still: its noise changes some bit of some pixel in every frame. So a picture that came before
says nothing new, and is no observation, long before the camera counts as frozen. Only a checksum
is kept.
"""

from __future__ import annotations

import zlib
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from agent.capture.source import Picture

STRIDE = 8


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

    def judge(self, pixels: Picture, monotonic: float) -> Freshness:
        """Take note of a frame and say whether it is a new picture.

        Args:
            pixels: uint8 (H, W, 3); every 8th pixel is looked at, none is kept.
            monotonic: seconds, when the frame came.
        """
        sample = np.array(pixels[::STRIDE, ::STRIDE], order="C")
        fingerprint = zlib.crc32(sample.data)
        sample.fill(0)
        if fingerprint != self._print:
            self._print, self._since, self._repeats = fingerprint, monotonic, 0
            return Freshness.NEW
        self._repeats += 1
        if self._repeats >= self._min_repeats and monotonic - self._since >= self._hold:
            return Freshness.FROZEN
        return Freshness.REPEATED

    def reset(self) -> None:
        """Forget the last picture: the camera was opened anew."""
        self._print = None
        self._repeats = 0
