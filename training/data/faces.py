"""Aligned faces with whatever labels their source has; what it lacks is NaN, never 0."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from agent.domain.facs import AU_SIDE_LABELS
from training.data import ferplus
from training.data.lfw import held_out
from training.data.renders import Renders

CROP = 128
"""Side of a stored crop: the 112 px aligned face with a margin of 8 px for jitter."""
MARGIN = (CROP - 112) // 2

# MediaPipe coefficients that followed the truth on renders (r >= 0.8); the others stay unlabelled.
_RELIABLE = {
    "AU12_L": "mouthSmileLeft",
    "AU12_R": "mouthSmileRight",
    "AU26": "jawOpen",
    "AU45_L": "eyeBlinkLeft",
    "AU45_R": "eyeBlinkRight",
}


@dataclass(frozen=True, slots=True)
class FaceSet:
    """N aligned faces.

    Attributes:
        faces: uint8 (N, 128, 128).
        landmarks: float32 (N, 68, 2), pixels of the crop.
        pose: float32 (N, 2), pitch, yaw, degrees.
        gaze: float32 (N, 2), yaw, pitch, degrees, in the axes of the *crop*.
        au: float32 (N, 32), 0-5.
        quality: float32 (N,), 0-1.
        emotion: float32 (N, 8), vote distribution.
    """

    faces: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    gaze: np.ndarray
    au: np.ndarray
    quality: np.ndarray
    emotion: np.ndarray

    def __len__(self) -> int:
        return len(self.faces)

    def take(self, rows: np.ndarray) -> FaceSet:
        """Select rows."""
        return FaceSet(*(getattr(self, name)[rows] for name in FaceSet.__slots__))


def _unknown(count: int, *shape: int) -> np.ndarray:
    return np.full((count, *shape), np.nan, np.float32)


def join(sets: list[FaceSet]) -> FaceSet:
    """Put sets one after the other."""
    return FaceSet(*(np.concatenate([getattr(s, n) for s in sets]) for n in FaceSet.__slots__))


def rotate_gaze(gaze: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Express gaze (N, 2: yaw, pitch) in a picture turned clockwise by `degrees` (N,)."""
    angle = np.radians(degrees)
    right, down = gaze[:, 0], -gaze[:, 1]
    turned_right = np.cos(angle) * right - np.sin(angle) * down
    turned_down = np.sin(angle) * right + np.cos(angle) * down
    return np.stack([turned_right, -turned_down], 1).astype(np.float32)


def from_renders(renders: Renders) -> FaceSet:
    """Give renders the form of a face set: they know all but votes and what can't be seen."""
    pose = renders.pose.astype(np.float32)
    au = renders.au.astype(np.float32)
    au[renders.hidden] = np.nan
    return FaceSet(
        renders.faces,
        renders.landmarks.astype(np.float32),
        pose[:, :2],
        # Alignment takes the head's roll out of the picture.
        rotate_gaze(renders.gaze.astype(np.float32), -pose[:, 2]),
        au,
        renders.quality.astype(np.float32),
        _unknown(len(renders.faces), 8),
    )


def load_crops(path: Path, *, persons: str = "all", fer: ferplus.FerPlus | None = None) -> FaceSet:
    """Read real faces labelled by MediaPipe.

    Args:
        path: `NAME_crops.npz` of `training.label.crops`.
        persons: `train`, `held_out` or `all`.
        fer: FER+ part whose rows the crops name, for the votes.
    """
    with np.load(path, allow_pickle=False) as file:
        names = [str(name) for name in file["blendshape_names"]]
        keep = np.ones(len(file["faces"]), bool)
        if persons != "all":
            held = held_out(str(person) for person in file["person"])
            keep = held if persons == "held_out" else ~held
        count = int(keep.sum())
        au = _unknown(count, len(AU_SIDE_LABELS))
        shapes = file["blendshapes"][keep].astype(np.float32)
        for label, name in _RELIABLE.items():
            au[:, AU_SIDE_LABELS.index(label)] = 5 * shapes[:, names.index(name)]
        emotion = _unknown(count, 8)
        if fer is not None:
            emotion = _votes(fer, file["row"][keep])
        return FaceSet(
            file["faces"][keep],
            file["landmarks"][keep].astype(np.float32),
            _derolled(file["pose"][keep].astype(np.float32)),
            _unknown(count, 2),
            au,
            _unknown(count),
            emotion,
        )


def _derolled(pose: np.ndarray) -> np.ndarray:
    """Express the nose's direction (N, 3: pitch, yaw, roll) in the crop, where roll is gone.

    MediaPipe's labels are read in the picture as it was; renders name pitch and yaw before roll.
    """
    return rotate_gaze(pose[:, [1, 0]], -pose[:, 2])[:, ::-1].copy()


def _votes(fer: ferplus.FerPlus, rows: np.ndarray) -> np.ndarray:
    votes = _unknown(len(rows), 8)
    place = {int(row): i for i, row in enumerate(fer.rows)}
    for i, row in enumerate(rows):
        if int(row) in place:
            votes[i] = fer.target[place[int(row)]]
    return votes


def load_backgrounds(scenes: Path, count: int, seed: int) -> FaceSet:
    """Cut crops that show no face out of the scenes without people: quality 0, nothing else."""
    rng = np.random.default_rng(seed)
    faces = np.zeros((count, CROP, CROP), np.uint8)
    with zipfile.ZipFile(next(scenes.glob("*.zip"))) as archive:
        names = sorted(n for n in archive.namelist() if "negative" in n and n.endswith(".jpg"))
        for i in range(count):
            raw = np.frombuffer(archive.read(names[i % len(names)]), np.uint8)
            picture = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE)
            side = int(rng.integers(24, min(picture.shape) + 1))
            x = int(rng.integers(0, picture.shape[1] - side + 1))
            y = int(rng.integers(0, picture.shape[0] - side + 1))
            faces[i] = cv2.resize(picture[y : y + side, x : x + side], (CROP, CROP))
    return FaceSet(
        faces,
        _unknown(count, 68, 2),
        _unknown(count, 2),
        _unknown(count, 2),
        _unknown(count, len(AU_SIDE_LABELS)),
        np.zeros(count, np.float32),
        _unknown(count, 8),
    )
