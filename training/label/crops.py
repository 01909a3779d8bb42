"""Cut aligned faces out of labelled sources, with their landmarks carried along.

Also measures how a face lies in a 48x48 FER picture, so that an aligned face can be shown to
the emotion net in the framing that it was trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.inference.preprocess import (
    FIVE_POINT_TEMPLATE,
    alignment_from_landmarks,
    similarity,
    transform,
)
from training.data import lfw
from training.data.landmarks import CROP_SIZE, MARGIN, TeacherLabels, five_points, load_labels

Image = npt.NDArray[np.uint8]

POINT_NAMES = ("right_eye", "left_eye", "nose_tip", "mouth_right", "mouth_left")

MAX_RESIDUAL = 12.0
"""Template pixels; an alignment that misses the template by more is not a usable face."""


def read_source(source: str, data: Path) -> Iterator[tuple[Image, str]]:
    """Yield (gray picture, person) of each row; FER rows are their own person."""
    if source == "lfw":
        crops = lfw.load(data / "lfw_crops")
        yield from zip(crops.images, crops.persons, strict=True)
    elif source == "london":
        for path in sorted((data / "london").glob("*.jpg")):
            gray = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
            yield gray, path.name.split("_")[0]
    else:
        with np.load(data / "ferplus" / f"{source.removeprefix('fer_')}.npz") as file:
            for row, image in enumerate(file["images"]):
                yield image, f"{source}_{row}"


def crop_matrix(landmarks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Find the matrix picture -> crop, float32 (2, 3), from landmarks (68, 2)."""
    matrix = alignment_from_landmarks(landmarks)
    matrix[:, 2] += MARGIN
    return matrix


def cut(gray: Image, matrix: npt.NDArray[np.float32]) -> Image:
    """Warp a picture into a crop; a large face is averaged down first, so it doesn't alias."""
    factor = int(1 / max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-3))
    if factor >= 2:
        columns, rows = gray.shape[1] // factor, gray.shape[0] // factor
        kept = gray[: rows * factor, : columns * factor]
        gray = np.asarray(cv2.resize(kept, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ np.full(2, (factor - 1) / 2, np.float32)
        matrix[:, :2] *= factor
    how = cv2.INTER_CUBIC if np.hypot(matrix[0, 0], matrix[1, 0]) > 1 else cv2.INTER_LINEAR
    warped = cv2.warpAffine(
        gray, matrix, (CROP_SIZE, CROP_SIZE), flags=how, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)


def residual(five: npt.NDArray[np.float32]) -> float:
    """Measure how far aligned points (5, 2) lie from the template, mean pixels."""
    return float(np.linalg.norm(five - FIVE_POINT_TEMPLATE, axis=1).mean())


def cut_all(source: str, data: Path, labels: TeacherLabels) -> dict[str, npt.NDArray[np.generic]]:
    """Cut every found, usable face of a source."""
    kept, faces, landmarks, persons = [], [], [], []
    for row, (gray, person) in enumerate(read_source(source, data)):
        if not labels.found[row]:
            continue
        matrix = crop_matrix(labels.landmarks[row])
        points = transform(matrix, labels.landmarks[row])
        if residual(five_points(points) - MARGIN) > MAX_RESIDUAL:
            continue
        kept.append(row)
        faces.append(cut(gray, matrix))
        landmarks.append(points)
        persons.append(person)
    return {
        "faces": np.array(faces, np.uint8),
        "landmarks": np.array(landmarks, np.float16),
        "pose": labels.pose[kept].astype(np.float16),
        "blendshapes": labels.blendshapes[kept],
        "blendshape_names": np.array(labels.blendshape_names),
        "person": np.array(persons),
        "row": np.array(kept, np.int32),
    }


def layout(labels: TeacherLabels) -> dict[str, object]:
    """Describe where a face lies in the pictures of a source.

    Returns:
        Mean and deviation of five points in picture pixels, and the similarity without rotation
        that carries an aligned face's points onto those means (`x' = scale * x + shift`).
    """
    frontal = labels.found & (np.abs(labels.pose) < (20, 20, 20)).all(1)
    points = five_points(labels.landmarks[frontal])
    mean = points.mean(0)
    symmetric = FIVE_POINT_TEMPLATE
    matrix = similarity(symmetric, mean)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    shift = mean.mean(0) - scale * symmetric.mean(0)
    per_picture = [similarity(symmetric, one) for one in points]
    scales = np.array([np.hypot(m[0, 0], m[1, 0]) for m in per_picture])
    return {
        "pictures": int(frontal.sum()),
        "mean_xy": dict(zip(POINT_NAMES, mean.round(3).tolist(), strict=True)),
        "deviation_xy": dict(zip(POINT_NAMES, points.std(0).round(3).tolist(), strict=True)),
        "from_aligned": {
            "scale": scale,
            "shift_x": float(shift[0]),
            "shift_y": float(shift[1]),
            "note": "fer_xy = scale * aligned_xy + shift; aligned is the 112 px template",
            "scale_deviation": float(scales.std()),
        },
    }


def main() -> None:
    """Cut one source, or measure the FER layout from its labels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", choices=("lfw", "london", "fer_valid", "fer_train"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--layout", action="store_true", help="measure the layout as well")
    arguments = parser.parse_args()
    labels = load_labels(arguments.labels / f"{arguments.source}.npz")
    crops = cut_all(arguments.source, arguments.data, labels)
    np.savez_compressed(arguments.labels / f"{arguments.source}_crops.npz", **crops)
    print(f"{arguments.source}: {len(crops['row'])} crops of {len(labels.found)} pictures")
    if arguments.layout:
        text = json.dumps(layout(labels), indent=2)
        (arguments.labels / "fer_layout.json").write_text(text + "\n", encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main()
