"""What the mirror image of a face says about the face. Pure.

In a mirror the subject's left becomes right: landmarks and sided intensities change places, yaw,
roll and the gaze's yaw change sign.
"""

from __future__ import annotations

from agent.domain.facs import AU_SIDE_LABELS
from agent.inference.preprocess import ALIGNED_SIZE, Array

LANDMARKS = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip
"""For each of the 68 landmarks the one that takes its place in the mirror."""

_OTHER = {"L": "R", "R": "L"}

SIDES = tuple(
    AU_SIDE_LABELS.index(label[:-1] + _OTHER[label[-1]]) if "_" in label else i
    for i, label in enumerate(AU_SIDE_LABELS)
)
"""The same for the 32 sided intensities."""


def landmarks_back(points: Array) -> Array:
    """Carry landmarks (68, 2) of a mirrored aligned face back to the face, its pixels."""
    back = points[list(LANDMARKS)].copy()
    back[:, 0] = ALIGNED_SIZE - 1 - back[:, 0]
    return back


def pose_back(pose: Array) -> Array:
    """The same for pitch, yaw, roll."""
    return pose * (1, -1, -1)


def gaze_back(gaze: Array) -> Array:
    """The same for the gaze's yaw and pitch."""
    return gaze * (-1, 1)


def sides_back(au_sides: Array) -> Array:
    """The same for the 32 intensities."""
    return au_sides[list(SIDES)]
