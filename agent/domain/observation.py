"""What the models say of one face in one frame; in memory only.

Signs, for head pose and gaze alike: pitch positive = up; yaw positive = towards the subject's
own left, which is the right of an unmirrored picture; roll positive = clockwise as seen in the
picture. Degrees throughout. Missing is None or NaN, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from agent.domain.calibration import Calibration
from agent.domain.circumstance import Scene
from agent.domain.frame import Frame, FrameStatus

EMOTIONS: tuple[str, ...] = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
)  # fmt: skip
"""FER+ classes, in the order of every emotion vector."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """Raw output of the face encoder for one aligned face.

    Attributes:
        landmarks: float32 (68, 2), Multi-PIE order, pixels of the *frame*.
        pose: float32 (3,), pitch, yaw, roll, degrees.
        gaze: float32 (2,), yaw, pitch relative to the camera, degrees.
        au_sides: float32 (32,), intensity 0-5 in the order of `facs.AU_SIDE_LABELS`.
        quality: 0 (useless) to 1 (clean).
    """

    landmarks: Floats
    pose: Floats
    gaze: Floats
    au_sides: Floats
    quality: float


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One face in one frame after smoothing and its neutral baseline.

    Attributes:
        track: short-lived random id, never compared across visits.
        box: float32 (4,), x1 y1 x2 y2, pixels of the frame.
        confidence: of the detection or of the track, 0-1.
        landmarks: float32 (68, 2), pixels of the frame.
        pose: float32 (3,), pitch, yaw, roll, degrees.
        gaze: float32 (2,), yaw, pitch, degrees.
        au_sides: float32 (32,), intensity 0-5.
        au: float32 (19,), intensity 0-5, the stronger side of each AU.
        presence: bool (19,), intensity over its threshold, with hysteresis.
        emotion: float32 (8,), probabilities over `EMOTIONS`, or None where the head isn't loaded.
        quality: 0-1.
        calibrated: whether the track's neutral baseline has enough samples.
        scene: what is known of the picture around it; None where nothing is.
    """

    track: int
    box: Floats
    confidence: float
    landmarks: Floats
    pose: Floats
    gaze: Floats
    au_sides: Floats
    au: Floats
    presence: npt.NDArray[np.bool_]
    emotion: Floats | None
    quality: float
    calibrated: bool
    scene: Scene | None = None

    def __reduce__(self) -> NoReturn:
        """Refuse: an observation holds landmarks, which must not leave memory."""
        raise TypeError("an observation can't be pickled")


@dataclass(frozen=True, slots=True)
class Look:
    """What one frame showed: never silent, also when there was nothing to see."""

    status: FrameStatus
    observations: tuple[Observation, ...]


@runtime_checkable
class Adjustable(Protocol):
    """A face backend whose thresholds and certainty a site may change."""

    def adjust(self, calibration: Calibration) -> None:
        """Decide by a calibration from the next frame on."""


class FaceBackend(Protocol):
    """Port of whatever turns a frame into observations (own models, or MediaPipe)."""

    name: str

    def look(self, frame: Frame) -> Look:
        """Observe all faces of a frame; keeps no reference to its pixels."""

    def reset(self) -> None:
        """Forget all tracks: a new source begins."""

    def close(self) -> None:
        """Release models and wipe buffers."""
