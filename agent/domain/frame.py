"""One camera picture, in memory only, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn

import numpy as np
import numpy.typing as npt


class FrameStatus(StrEnum):
    """What a tick of a camera yielded; no tick goes without one."""

    OK = "ok"
    NO_FACE = "no_face"
    TOO_DARK = "too_dark"
    BLURRED = "blurred"
    FROZEN = "frozen"
    PAUSED = "paused"
    CAMERA_LOST = "camera_lost"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one source; refuses to be pickled and never prints its pixels.

    Attributes:
        pixels: uint8 (H, W, 3), BGR 0-255. Its owner wipes it when inference ends.
        sequence: count of frames that the source has given, from 0.
        captured_at_ns: UTC, nanoseconds since 1970 (for a file: position in the file).
        monotonic_ns: clock that never runs backwards, nanoseconds.
    """

    pixels: npt.NDArray[np.uint8] = field(repr=False)
    sequence: int
    captured_at_ns: int
    monotonic_ns: int

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height) in pixels."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])

    def wipe(self) -> None:
        """Overwrite the picture with zeros."""
        self.pixels.fill(0)

    def __reduce__(self) -> NoReturn:
        """Refuse: a frame must not leave this process's memory."""
        raise TypeError("a frame can't be pickled")
