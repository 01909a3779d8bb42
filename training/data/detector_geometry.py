"""Move labelled pictures: turn, scale, mirror, cut, with boxes and points carried along."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from agent.inference.preprocess import transform
from training.data.scenes import Scene

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Random = np.random.Generator

SWAPPED = [1, 0, 2, 4, 3]
"""Order of the five points after a mirror: right and left are the subject's own."""

SMALLEST, LARGEST = 9.0, 290.0
"""Side of the faces shown, input pixels; a smaller one is ignored."""


def moved(scene: Scene, matrix: Array, size: tuple[int, int], fill: int | None) -> Scene:
    """Warp a scene by a similarity float32 (2, 3) into (height, width).

    A `fill` of None repeats the border. A face less than half visible becomes one to ignore,
    and one that is hardly visible is dropped.
    """
    image = _shrunk_warp(scene.image, matrix, size, fill)
    boxes, points = moved_labels(scene.boxes, scene.points, matrix)
    return settled(Scene(image, boxes, points, scene.real))


def moved_labels(boxes: Array, points: Array, matrix: Array) -> tuple[Array, Array]:
    """Carry boxes (K, 4) and points (K, 5, 2) along; a turned box keeps its proportions."""
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    middle = transform(matrix, (boxes[:, :2] + boxes[:, 2:]) / 2)
    half = (boxes[:, 2:] - boxes[:, :2]) * scale / 2
    points = transform(matrix, points.reshape(-1, 2)).reshape(-1, 5, 2)
    if np.linalg.det(matrix[:, :2]) < 0:
        points = points[:, SWAPPED]
    return np.concatenate([middle - half, middle + half], 1).astype(np.float32), points


def settled(scene: Scene) -> Scene:
    """Drop faces outside the picture; ignore those that are half outside or too small."""
    height, width = scene.image.shape
    limit = np.array([width, height], np.float32)
    inside = np.clip(scene.boxes[:, 2:], 0, limit) - np.clip(scene.boxes[:, :2], 0, limit)
    sides = scene.boxes[:, 2:] - scene.boxes[:, :2]
    visible = inside.prod(1) / np.maximum(sides.prod(1), 1e-6)
    kept = visible > 0.15
    real = scene.real & (visible > 0.55) & (sides.max(1) >= SMALLEST)
    return Scene(scene.image, scene.boxes[kept], scene.points[kept], real[kept])


def _shrunk_warp(image: Image, matrix: Array, size: tuple[int, int], fill: int | None) -> Image:
    """Warp, averaging down first so that small faces don't alias."""
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    factor = max(1.0, 1 / scale)
    if factor > 1.3:
        columns, rows = (max(1, round(side / factor)) for side in image.shape[::-1])
        ratio = np.array([image.shape[1] / columns, image.shape[0] / rows], np.float32)
        image = np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA))
        matrix = matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ ((ratio - 1) / 2)
        matrix[:, :2] *= ratio
    mode = cv2.BORDER_REPLICATE if fill is None else cv2.BORDER_CONSTANT
    warped = cv2.warpAffine(
        image, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=mode, borderValue=fill or 0
    )
    return np.asarray(warped, np.uint8)


def placed(centre: Array, target: Array, scale: float, degrees: float, mirror: bool) -> Array:
    """Build the matrix that turns and scales about `centre` and carries it to `target`."""
    angle = math.radians(degrees)
    linear = scale * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], np.float32
    )
    if mirror:
        linear[:, 0] *= -1
    return np.concatenate([linear, (target - linear @ centre)[:, None]], 1).astype(np.float32)


def log_uniform(low: float, high: float, random: Random) -> float:
    """Draw between two positive bounds, each octave as likely as another."""
    return float(np.exp(random.uniform(np.log(low), np.log(max(high, low * 1.001)))))
