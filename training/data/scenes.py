"""Pictures with people, and pictures without, for the face detector.

Boxes and points are a teacher's (YuNet). `ignore` boxes are doubtful: neither face nor
background. The split is by a hash of the file name, so that it never moves.
"""

from __future__ import annotations

import csv
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from training.data.lfw import held_out

POINT_COLUMNS = tuple(
    f"{name}_{axis}"
    for name in ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
    for axis in "xy"
)


SMALLEST_FACE = 10.0
"""Longer side of a box, pixels, under which even the teacher's label is a guess: ignored."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture with its faces.

    Attributes:
        image: uint8 (H, W), gray.
        boxes: float32 (K, 4), x1 y1 x2 y2, pixels.
        points: float32 (K, 5, 2), pixels: right eye, left eye, nose, right and left mouth
            corner (the subject's own).
        real: bool (K,), false for a box to ignore.
    """

    image: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    points: npt.NDArray[np.float32]
    real: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scenes:
    """A part of the set: with people, and without."""

    people: tuple[Scene, ...]
    empty: tuple[Scene, ...]
    odds: npt.NDArray[np.float64] | None = None
    """How often each empty scene is drawn beside the others, (empty,); None: all alike."""

    def one_empty(self, random: np.random.Generator) -> Scene:
        """Draw a scene without people."""
        if self.odds is None:
            return self.empty[random.integers(len(self.empty))]
        edges = np.cumsum(self.odds)
        place = np.searchsorted(edges, random.random() * edges[-1], side="right")
        return self.empty[min(int(place), len(self.empty) - 1)]


def load(folder: Path) -> tuple[Scenes, Scenes]:
    """Read `labels.csv` and `images.zip`; return (training part, held-out tenth)."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["file"]].append(row)
    names = sorted(rows)
    with zipfile.ZipFile(folder / "images.zip") as archive:
        scenes = [_scene(archive.read(name), rows[name]) for name in names]
    parts = []
    for held in (False, True):
        chosen = [s for s, h in zip(scenes, held_out(names), strict=True) if bool(h) is held]
        people = tuple(scene for scene in chosen if len(scene.boxes))
        parts.append(Scenes(people, tuple(scene for scene in chosen if not len(scene.boxes))))
    return parts[0], parts[1]


def _scene(coded: bytes, rows: list[dict[str, str]]) -> Scene:
    image = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_GRAYSCALE)
    marked = [row for row in rows if row["kind"] != "none"]
    corners = [[float(row[key]) for key in ("x1", "y1", "x2", "y2")] for row in marked]
    boxes = np.array(corners, np.float32).reshape(-1, 4)
    points = [[float(row[key] or "nan") for key in POINT_COLUMNS] for row in marked]
    sure = np.array([row["kind"] == "face" for row in marked], np.bool_)
    return Scene(
        np.asarray(image, np.uint8),
        boxes,
        np.array(points, np.float32).reshape(-1, 5, 2),
        sure & ((boxes[:, 2:] - boxes[:, :2]).max(1, initial=0) >= SMALLEST_FACE),
    )
