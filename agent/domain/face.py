"""A face that the detector saw in one frame; lives in memory only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFace:
    """One detection, in the pixels of the whole frame."""

    box: npt.NDArray[np.float32]
    """float32 (4,): x1 y1 x2 y2, pixels; may reach beyond the frame."""

    points: npt.NDArray[np.float32]
    """float32 (5, 2), x y, pixels: right eye, left eye, nose tip, right and left mouth corner;
    right and left are the subject's own."""

    score: float
    """How face-like it is, [0, 1]; not a calibrated probability."""

    def __repr__(self) -> str:
        """Name the size only: where a person sits doesn't belong in a log."""
        width, height = self.box[2:] - self.box[:2]
        return f"DetectedFace({width:.0f}x{height:.0f} px, score {self.score:.2f})"
