"""Label real faces with MediaPipe's landmarker: 68 landmarks, 52 blendshapes, head pose.

Runs in an environment of its own (mediapipe, OpenCV, numpy; no torch). One face per picture:
the largest is taken. Writes one npz per source; a picture without a found face keeps its row,
with `found` false and zeros elsewhere.

Signs of the pose, degrees: pitch positive = looking up; yaw positive = turned to the subject's
left (towards the picture's right); roll positive = clockwise as seen in the picture.

Source: MediaPipe Face Landmarker (Apache-2.0), its model card for the 478 landmarks.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import mediapipe as mp
import numpy as np
import numpy.typing as npt
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions

from agent.inference.mediapipe_map import MESH_OF_68
from training.data import lfw

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

SOURCES = ("lfw", "fer_valid", "london", "fer_train")

BLENDSHAPES = 52


@dataclass(frozen=True, slots=True)
class Padding:
    """How a picture is shown to the landmarker: enlarged, then framed by its repeated border."""

    scale: int
    margin: float
    """Fraction of the enlarged side, on each side."""

    def apply(self, gray: Image) -> Image:
        """Return RGB uint8 (H', W', 3) of gray uint8 (H, W)."""
        if self.scale > 1:
            gray = np.asarray(
                cv2.resize(gray, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_CUBIC),
                np.uint8,
            )
        rows, columns = (round(side * self.margin) for side in gray.shape)
        framed = cv2.copyMakeBorder(gray, rows, rows, columns, columns, cv2.BORDER_REPLICATE)
        return np.asarray(cv2.cvtColor(framed, cv2.COLOR_GRAY2RGB), np.uint8)

    def to_picture(self, normalised: Array, shape: tuple[int, int]) -> Array:
        """Carry points (N, 2) in [0, 1] of the framed picture to pixels of the original.

        The landmarker counts from the picture's edge, we count from the first pixel's centre.
        """
        height, width = shape
        sides = np.array([width * self.scale, height * self.scale])
        margins = np.round(sides * self.margin)
        enlarged = normalised * (sides + 2 * margins) - margins
        return np.asarray(enlarged / self.scale - 0.5, np.float32)


PADDING = {
    "lfw": (Padding(2, 0.0), Padding(2, 0.25)),
    "fer_train": (Padding(4, 0.0), Padding(4, 0.25)),
    "fer_valid": (Padding(4, 0.0), Padding(4, 0.25)),
    "london": (Padding(1, 0.0),),
}
"""Tried in this order until a face is found; the frame helps where a crop cuts the chin."""


def pose_of(matrix: npt.NDArray[np.float64]) -> Array:
    """Read pitch, yaw, roll in degrees, float32 (3,), from a face-to-camera matrix (4, 4).

    The camera looks along -z with x to the right and y up; the face looks along its own +z.
    The rotation is taken apart as yaw * pitch * roll.
    """
    rotation = matrix[:3, :3] / np.linalg.norm(matrix[:3, 0])
    forward = rotation[:, 2]
    pitch = np.arcsin(np.clip(forward[1], -1, 1))
    yaw = np.arctan2(forward[0], forward[2])
    roll = -np.arctan2(rotation[1, 0], rotation[1, 1])
    return np.degrees([pitch, yaw, roll]).astype(np.float32)


def pictures(source: str, data: Path) -> Iterator[tuple[int, Image]]:
    """Yield (row, gray uint8 (H, W)) of a source; rows count as its own label file does."""
    if source == "lfw":
        yield from enumerate(lfw.load(data / "lfw_crops").images)
    elif source == "london":
        for row, path in enumerate(sorted((data / "london").glob("*.jpg"))):
            yield row, np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
    else:
        with np.load(data / "ferplus" / f"{source.removeprefix('fer_')}.npz") as file:
            yield from enumerate(file["images"])


def label(landmarker: FaceLandmarker, gray: Image, paddings: tuple[Padding, ...]) -> Any:
    """Return (landmarks (68, 2) px, blendshapes (52,), names, pose (3,)), or None."""
    for padding in paddings:
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=padding.apply(gray))
        result = landmarker.detect(image)
        if not result.face_landmarks:
            continue
        mesh = np.array([(p.x, p.y) for p in result.face_landmarks[0]], np.float32)
        points = padding.to_picture(mesh[list(MESH_OF_68)], (gray.shape[0], gray.shape[1]))
        shapes = result.face_blendshapes[0]
        values = np.array([shape.score for shape in shapes], np.float32)
        names = [shape.category_name for shape in shapes]
        return points, values, names, pose_of(result.facial_transformation_matrixes[0])
    return None


def run(source: str, data: Path, model: Path, part: tuple[int, int]) -> dict[str, Any]:
    """Label every `part[1]`-th picture of a source, from the `part[0]`-th on."""
    options = FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)),
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
        num_faces=1,
    )
    rows, columns, names = [], [], []
    empty = (np.zeros((68, 2)), np.zeros(BLENDSHAPES), [], np.zeros(3))
    with FaceLandmarker.create_from_options(options) as landmarker:
        for row, gray in pictures(source, data):
            if row % part[1] != part[0]:
                continue
            found = label(landmarker, gray, PADDING[source])
            points, values, seen, pose = found or empty
            names = names or seen
            rows.append(row)
            columns.append((found is not None, points, values, pose))
    return {
        "row": np.array(rows, np.int32),
        "found": np.array([c[0] for c in columns], np.bool_),
        "landmarks": np.array([c[1] for c in columns], np.float32),
        "blendshapes": np.array([c[2] for c in columns], np.float16),
        "pose": np.array([c[3] for c in columns], np.float32),
        "blendshape_names": np.array(names),
    }


def join(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Put parts back into the order of their rows."""
    order = np.argsort(np.concatenate([part["row"] for part in parts]))
    joined = {
        key: np.concatenate([part[key] for part in parts])[order]
        for key in ("row", "found", "landmarks", "blendshapes", "pose")
    }
    return {**joined, "blendshape_names": parts[0]["blendshape_names"]}


def main() -> None:
    """Label one source with as many processes as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", choices=SOURCES, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    model = arguments.data / "teachers" / "face_landmarker.task"
    count = arguments.processes
    jobs = [(arguments.source, arguments.data, model, (i, count)) for i in range(count)]
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        labels = join(pool.starmap(run, jobs))
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(arguments.out / f"{arguments.source}.npz", **labels)
    print(f"{arguments.source}: {int(labels['found'].sum())} of {len(labels['found'])} found")


if __name__ == "__main__":
    main()
