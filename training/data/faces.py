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
from training.synthesis.expression import LIPS_PART_FULL

CROP = 128
"""Side of a stored crop: the 112 px aligned face with a margin of 8 px for jitter."""
MARGIN = (CROP - 112) // 2

FER_FRAME = (8, 6, 98)
"""Left, top and side of the part of an aligned face that a FER2013 picture shows on average."""

_MOUTH_OVER_EYES = 0.567
"""Width of the mean face model's mouth over the distance between its outer eye corners."""

_REAL_DEAD = 0.03
"""Gap of closed lips, over the mouth's width, that a landmarker sees in small pictures."""

# MediaPipe coefficients that followed the truth on renders (r >= 0.8); the others stay unlabelled.
_RELIABLE = {
    "AU12_L": "mouthSmileLeft",
    "AU12_R": "mouthSmileRight",
    "AU26": "jawOpen",
    "AU45_L": "eyeBlinkLeft",
    "AU45_R": "eyeBlinkRight",
}


# Those that order faces well enough (on renders r about 0.5-0.6, or on real faces an area under ROC
# above 0.8), though not on our scale: they are used by their correlation alone.
_ORDERING = {
    "AU01_L": "browInnerUp", "AU01_R": "browInnerUp",
    "AU02_L": "browOuterUpLeft", "AU02_R": "browOuterUpRight",
    "AU05_L": "eyeWideLeft", "AU05_R": "eyeWideRight",
    "AU10_L": "mouthUpperUpLeft", "AU10_R": "mouthUpperUpRight",
}  # fmt: skip


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
        hint: float32 (N, 32), coefficients that order faces but have no scale of ours.
        key: int64 (N,), row of the picture in its FER+ part as loaded; -1 for other sources.
    """

    faces: np.ndarray
    landmarks: np.ndarray
    pose: np.ndarray
    gaze: np.ndarray
    au: np.ndarray
    quality: np.ndarray
    emotion: np.ndarray
    hint: np.ndarray
    key: np.ndarray

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
        _unknown(len(renders.faces), len(AU_SIDE_LABELS)),
        np.full(len(renders.faces), -1),
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
        hint = _unknown(count, len(AU_SIDE_LABELS))
        for label, name in _ORDERING.items():
            hint[:, AU_SIDE_LABELS.index(label)] = 5 * shapes[:, names.index(name)]
        emotion, key = _unknown(count, 8), np.full(count, -1)
        if fer is not None:
            emotion, key = _votes(fer, file["row"][keep])
        landmarks = file["landmarks"][keep].astype(np.float32)
        au[:, AU_SIDE_LABELS.index("AU25")] = lips_part(landmarks, file["pose"][keep])
        return FaceSet(
            file["faces"][keep],
            landmarks,
            _derolled(file["pose"][keep].astype(np.float32)),
            _unknown(count, 2),
            au,
            _unknown(count),
            emotion,
            hint,
            key,
        )


def lips_part(landmarks: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Read AU25 off landmarks (N, 68, 2) as the renders define it; NaN for turned heads.

    A real face's own closed mouth isn't known: its width is taken as a share of the distance
    between the outer eye corners, as in the mean face model, and its gap as 0.
    """
    between = np.linalg.norm(landmarks[:, 36] - landmarks[:, 45], axis=1)
    gap = np.linalg.norm(landmarks[:, [61, 62, 63]] - landmarks[:, [67, 66, 65]], axis=2).mean(1)
    share = (gap / (_MOUTH_OVER_EYES * between) - _REAL_DEAD) / (LIPS_PART_FULL - _REAL_DEAD)
    intensity = 5 * np.sqrt(np.clip(share, 0, 1))
    turned = (np.abs(pose[:, 0].astype(np.float32)) > 20) | (np.abs(pose[:, 1]) > 30)
    return np.where(turned, np.nan, intensity).astype(np.float32)


def _derolled(pose: np.ndarray) -> np.ndarray:
    """Express the nose's direction (N, 3: pitch, yaw, roll) in the crop, where roll is gone.

    MediaPipe's labels are read in the picture as it was; renders name pitch and yaw before roll.
    """
    return rotate_gaze(pose[:, [1, 0]], -pose[:, 2])[:, ::-1].copy()


def _votes(fer: ferplus.FerPlus, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Look up the votes (N, 8) and the places (N,) of rows; NaN and -1 for rows without."""
    votes, key = _unknown(len(rows), 8), np.full(len(rows), -1)
    place = {int(row): i for i, row in enumerate(fer.rows)}
    for i, row in enumerate(rows):
        if int(row) in place:
            key[i] = place[int(row)]
            votes[i] = fer.target[key[i]]
    return votes, key


def framed_crops(fer: ferplus.FerPlus, but: FaceSet) -> FaceSet:
    """Cut the FER+ pictures that a face set lacks as FER2013 frames faces on average.

    Nobody labelled their landmarks: they bring their votes alone.
    """
    rest = np.setdiff1d(np.arange(len(fer)), but.key)
    count = len(rest)
    faces = np.stack([from_fer_frame(fer.images[row]) for row in rest]).astype(np.uint8)
    return FaceSet(
        faces,
        _unknown(count, 68, 2),
        _unknown(count, 2),
        _unknown(count, 2),
        _unknown(count, len(AU_SIDE_LABELS)),
        _unknown(count),
        fer.target[rest].astype(np.float32),
        _unknown(count, len(AU_SIDE_LABELS)),
        rest,
    )


def from_fer_frame(image: np.ndarray) -> np.ndarray:
    """Carry a 48x48 FER2013 picture into a crop by the data set's mean framing."""
    scale, shift = 48 / FER_FRAME[2], -np.array(FER_FRAME[:2]) * 48 / FER_FRAME[2]
    # fer = scale * aligned + shift; the crop adds its margin.
    matrix = np.array([[1, 0, 0], [0, 1, 0]], np.float32) / scale
    matrix[:, 2] = MARGIN - shift / scale + 0.5 / scale - 0.5
    return cv2.warpAffine(
        image, matrix, (CROP, CROP), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


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
        _unknown(count, len(AU_SIDE_LABELS)),
        np.full(count, -1),
    )
