"""Labels that a teacher gave to real faces, and the aligned crops cut with their help.

`TeacherLabels` is in the pixels of the source picture; `Crops` in those of a crop, where an
aligned face (`agent.inference.preprocess`) sits with `MARGIN` pixels around it, so that
training can still turn and shift it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.inference.preprocess import ALIGNED_SIZE
from training.data.lfw import held_out

MARGIN = 8
"""Crop pixels around the aligned face: crop coordinates = aligned coordinates + 8."""

CROP_SIZE = ALIGNED_SIZE + 2 * MARGIN
"""Side of a crop, pixels."""

FIVE_OF_68 = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47), (30,), (48,), (54,))
"""Landmarks whose mean is each of a detector's points: right eye, left eye, nose tip, right and
left mouth corner (the subject's own sides)."""


@dataclass(frozen=True, slots=True)
class TeacherLabels:
    """One source, every row of it.

    Attributes:
        found: bool (N,), whether the teacher saw a face; other fields are 0 where it did not.
        landmarks: float32 (N, 68, 2), Multi-PIE order, pixels of the source picture.
        blendshapes: float16 (N, 52), [0, 1].
        pose: float32 (N, 3), degrees: pitch (positive up), yaw (positive to the subject's
            left), roll (positive clockwise as seen in the picture).
        blendshape_names: 52 names.
    """

    found: npt.NDArray[np.bool_]
    landmarks: npt.NDArray[np.float32]
    blendshapes: npt.NDArray[np.float16]
    pose: npt.NDArray[np.float32]
    blendshape_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Crops:
    """Aligned faces of one source.

    Attributes:
        faces: uint8 (N, 128, 128), gray.
        landmarks: float16 (N, 68, 2), crop pixels.
        blendshapes: float16 (N, 52), [0, 1].
        pose: float16 (N, 3), degrees, signs as in `TeacherLabels`; roll as in the source
            picture, before alignment took it away.
        person: (N,) str; the row's own number where no person is known.
        row: int32 (N,), place in the source.
    """

    faces: npt.NDArray[np.uint8]
    landmarks: npt.NDArray[np.float16]
    blendshapes: npt.NDArray[np.float16]
    pose: npt.NDArray[np.float16]
    person: npt.NDArray[np.str_]
    row: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.faces)

    def validation(self) -> npt.NDArray[np.bool_]:
        """Say for each row whether its person belongs to the held-out tenth, bool (N,)."""
        return held_out(self.person.tolist())


def load_labels(path: Path) -> TeacherLabels:
    """Read a file written by `training.label.mediapipe_faces`."""
    with np.load(path) as file:
        return TeacherLabels(
            file["found"],
            file["landmarks"],
            file["blendshapes"],
            file["pose"],
            tuple(file["blendshape_names"].tolist()),
        )


def load_crops(path: Path) -> Crops:
    """Read a file written by `training.label.crops`."""
    with np.load(path) as file:
        names = ("faces", "landmarks", "blendshapes", "pose", "person", "row")
        return Crops(*(file[name] for name in names))


def five_points(landmarks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Reduce landmarks (..., 68, 2) to a detector's five points (..., 5, 2), float32."""
    means = [landmarks[..., list(group), :].mean(-2) for group in FIVE_OF_68]
    return np.stack(means, -2).astype(np.float32)
