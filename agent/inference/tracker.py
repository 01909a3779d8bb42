"""Follow faces from frame to frame: detect rarely, track between, forget quickly.

Rules:
1. A track's landmarks in one frame give its crop in the next; no detector is needed for that.
2. The detector runs when there is no track, and every `detect_every` frames for newcomers.
3. A track misses its face in a frame when the quality is under `lost_below`, or when the landmarks
   don't look like a face. The detector then looks at once, and a face of like size nearby that no
   other track has continues the track. After `patience` misses in a row it ends; it ends at once
   when it slides onto an older track.
4. A new track gets the next number. Numbers are never compared across visits, and no appearance
   is remembered: whoever leaves and returns is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from agent.domain.face import DetectedFace
from agent.domain.observation import Encoding, Floats
from agent.inference.preprocess import (
    ALIGNED_SIZE,
    Array,
    Image,
    alignment_from_five,
    alignment_from_landmarks,
)

REACH = 1.0
"""Sides of the face by which it may have moved while it was missed."""

LIKE_SIZE = 1.5
"""Ratio of the sides of two boxes up to which they may show one face."""


@dataclass(frozen=True, slots=True)
class TrackingRules:
    """When tracks begin and end."""

    detect_every: int = 10
    """Frames between two looks for newcomers."""
    lost_below: float = 0.35
    """Quality under which a face counts as missed."""
    patience: int = 3
    """Missed frames before a track ends."""
    same_face: float = 0.35
    """Overlap (IoU) over which two boxes are one face."""
    most: int = 8
    """Faces followed at once."""


@dataclass(slots=True, eq=False)
class Track:
    """One face being followed. Mutable on purpose: it is the tracker's own state."""

    number: int
    encoding: Encoding
    confidence: float
    missed: int = 0
    unconfirmed: int = 0
    matrix: Array = field(default_factory=lambda: np.zeros((2, 3), np.float32))

    @property
    def box(self) -> Floats:
        """Return x1 y1 x2 y2 around the landmarks, pixels of the frame."""
        return face_box(self.encoding.landmarks)


def face_box(landmarks: Floats) -> Floats:
    """Bound 68 landmarks, with the forehead that they leave out."""
    low, high = landmarks.min(0), landmarks.max(0)
    return np.array([low[0], low[1] - 0.15 * (high[1] - low[1]), high[0], high[1]], np.float32)


def overlap(a: Floats, b: Floats) -> float:
    """Return the intersection over union of two boxes x1 y1 x2 y2."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = float(width * height)
    areas = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]))
    return shared / (areas - shared)


def nearest(tracks: Sequence[Track], face: DetectedFace) -> Track | None:
    """Return the missed track that a detection continues: near, and of like size; or None."""
    middle, side = _middle_and_side(face.box)
    close: list[tuple[float, Track]] = []
    for track in tracks:
        own_middle, own_side = _middle_and_side(track.box)
        away = float(np.linalg.norm(middle - own_middle)) / own_side
        if away <= REACH and 1 / LIKE_SIZE <= side / own_side <= LIKE_SIZE:
            close.append((away, track))
    return min(close, key=lambda pair: pair[0])[1] if close else None


def _middle_and_side(box: Floats) -> tuple[Floats, float]:
    middle = ((box[:2] + box[2:]) / 2).astype(np.float32)
    return middle, float(np.sqrt(np.maximum(box[2:] - box[:2], 1).prod()))


def looks_like_a_face(landmarks: Floats, frame_size: tuple[int, int]) -> bool:
    """Check that eyes, nose and mouth are where a face has them, and inside the frame."""
    try:
        matrix = alignment_from_landmarks(landmarks)
    except ValueError:
        return False
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    aligned = landmarks @ matrix[:, :2].T + matrix[:, 2]
    eyes, mouth = aligned[36:48].mean(0), aligned[48:60].mean(0)
    width, height = frame_size
    centre = landmarks.mean(0)
    inside = 0 <= centre[0] < width and 0 <= centre[1] < height
    return inside and 0.05 < scale < 12 and 18 < float(mouth[1] - eyes[1]) < 75


def start_matrix(face: DetectedFace) -> Array:
    """Align by a detection's five points."""
    return alignment_from_five(face.points)


def next_matrix(track: Track) -> Array:
    """Align by the landmarks of the frame before."""
    return alignment_from_landmarks(track.encoding.landmarks)


def is_dark(gray: Image) -> bool:
    """Tell whether a frame is too dark to see a face in: its brightest tenth is under 40 of 255."""
    return float(np.percentile(gray[::8, ::8], 90)) < 40


def is_blurred(gray: Image) -> bool:
    """Tell whether a frame has no edge at all: a covered or badly focused lens."""
    step = gray[::2, ::2].astype(np.int16)
    across, down = (float(np.abs(np.diff(step, axis=axis)).mean()) for axis in (1, 0))
    step.fill(0)
    return max(across, down) < 0.6


assert ALIGNED_SIZE == 112, "the bounds of looks_like_a_face are pixels of a 112 px face"
