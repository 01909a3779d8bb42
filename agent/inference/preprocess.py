"""Geometry and light before a model sees a face; the same code in training and at run time.

Coordinates are pixels, x to the right, y down, the centre of the top-left pixel at (0, 0).
An *aligned face* is uint8 (112, 112) gray with the subject's right eye at the picture's left.
Nothing here keeps a reference to its input.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

ALIGNED_SIZE = 112
"""Side of an aligned face, pixels."""

EMOTION_SIZE = 48
"""Side of the emotion head's input, pixels (FER2013's own size)."""

STABLE_POINTS = (27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45)
"""Landmarks (Multi-PIE 68, from 0) that expressions move least: nose and eye corners."""

STABLE_TEMPLATE: Array = np.array(
    [
        (56.0, 40.7), (56.0, 47.0), (56.0, 52.9), (56.0, 59.8),
        (48.8, 68.6), (52.6, 68.6), (56.0, 69.0), (59.4, 68.6), (63.2, 68.6),
        (30.5, 42.5), (45.5, 43.5), (66.5, 43.5), (81.5, 42.5),
    ],
    np.float32,
)  # fmt: skip
"""Where `STABLE_POINTS` lie in an aligned face: the mean face of ICT-FaceKit seen from the front,
eyes at (38, 43) and (74, 43)."""

FIVE_POINT_TEMPLATE: Array = np.array(
    [(38.0, 43.0), (74.0, 43.0), (56.0, 59.8), (41.5, 82.2), (70.5, 82.2)], np.float32
)
"""The same for a detector's points: right eye, left eye, nose tip, right and left mouth corner
(right and left are the subject's own)."""


def similarity(source: Array, target: Array) -> Array:
    """Find the rotation, scale and shift that carry points onto others (least squares).

    Args:
        source: float32 (N, 2), N >= 2, not all equal.
        target: float32 (N, 2).

    Returns:
        float32 (2, 3), `[a, -b, tx; b, a, ty]`.

    Raises:
        ValueError: if the source points coincide, so that no scale is defined.

    Source: Umeyama 1991, without reflection (closed form in two dimensions).
    """
    source_mean, target_mean = source.mean(0), target.mean(0)
    s, t = source - source_mean, target - target_mean
    spread = float((s * s).sum())
    if spread <= 1e-6:
        raise ValueError("source points coincide")
    a = float((s * t).sum()) / spread
    b = float((s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum()) / spread
    linear = np.array([[a, -b], [b, a]], np.float32)
    shift = target_mean - linear @ source_mean
    return np.concatenate([linear, shift[:, None].astype(np.float32)], 1)


def invert(matrix: Array) -> Array:
    """Invert a similarity float32 (2, 3)."""
    return np.asarray(cv2.invertAffineTransform(matrix), np.float32)


def transform(matrix: Array, points: Array) -> Array:
    """Apply float32 (2, 3) to points float32 (N, 2)."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def alignment_from_five(points: Array) -> Array:
    """Find the matrix frame -> aligned face from a detector's five points, float32 (5, 2)."""
    return similarity(points, FIVE_POINT_TEMPLATE)


def alignment_from_landmarks(landmarks: Array) -> Array:
    """Find the matrix frame -> aligned face from 68 landmarks, float32 (68, 2)."""
    return similarity(landmarks[list(STABLE_POINTS)], STABLE_TEMPLATE)


def align(gray: Image, matrix: Array, out: Image | None = None) -> Image:
    """Cut an aligned face out of a frame.

    Args:
        gray: uint8 (H, W).
        matrix: float32 (2, 3), frame -> aligned face.
        out: uint8 (112, 112) to write into, so that a caller can wipe it.

    Returns:
        uint8 (112, 112); pixels outside the frame repeat its border. A face more than twice as
        large as the target is averaged down first, so that it doesn't alias.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    source = gray
    if scale < 0.5:
        source, matrix = _shrunk_region(gray, matrix, int(0.5 / scale) + 1)
    aligned = cv2.warpAffine(
        source,
        matrix,
        (ALIGNED_SIZE, ALIGNED_SIZE),
        dst=out,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if source is not gray:
        source.fill(0)  # a face at reduced size is a face
    return np.asarray(aligned, np.uint8)


def _shrunk_region(gray: Image, matrix: Array, factor: int) -> tuple[Image, Array]:
    """Average the face's region down by a whole factor; return it with its own matrix."""
    corners = np.array(
        [(0, 0), (ALIGNED_SIZE, 0), (0, ALIGNED_SIZE), (ALIGNED_SIZE, ALIGNED_SIZE)], np.float32
    )
    region = transform(invert(matrix), corners)
    height, width = gray.shape
    x1, y1 = (max(int(v) - factor, 0) for v in region.min(0))
    x2, y2 = (int(v) + 2 * factor for v in region.max(0))
    crop = gray[y1 : min(y2, height), x1 : min(x2, width)]
    if crop.shape[0] < factor or crop.shape[1] < factor:
        return gray, matrix
    columns, rows = crop.shape[1] // factor, crop.shape[0] // factor
    crop = crop[: rows * factor, : columns * factor]
    small = cv2.resize(crop, (columns, rows), interpolation=cv2.INTER_AREA)
    # A small pixel's centre lies at factor * i + (factor - 1) / 2 of the region.
    offset = np.array([x1, y1], np.float32) + (factor - 1) / 2
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ offset
    shifted[:, :2] *= factor
    return np.asarray(small, np.uint8), shifted


def standardise(face: Image | Array) -> Array:
    """Give a face mean 0 and deviation 1, so that exposure doesn't matter.

    Args:
        face: (H, W), any scale.

    Returns:
        float32 (1, 1, H, W).
    """
    values = face.astype(np.float32)
    values -= values.mean()
    values /= values.std() + 1e-3
    return values[None, None]


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a frame was fitted into a detector's input: scaled, then padded right and below."""

    scale: float
    """Input pixels per frame pixel."""

    def to_frame(self, points: Array) -> Array:
        """Carry points float32 (..., 2) from the input back to the frame."""
        return (points / self.scale).astype(np.float32)


def letterbox(gray: Image, width: int, height: int, out: Image) -> Letterbox:
    """Fit a frame into a fixed input without changing its proportions.

    Args:
        gray: uint8 (H, W).
        width: of the input, pixels.
        height: of the input, pixels.
        out: uint8 (height, width), overwritten; what the frame doesn't cover becomes 0.

    Returns:
        The fit. Scaling down averages, so that small faces keep their contrast.
    """
    scale = min(width / gray.shape[1], height / gray.shape[0])
    columns = min(width, max(1, round(gray.shape[1] * scale)))
    rows = min(height, max(1, round(gray.shape[0] * scale)))
    out.fill(0)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    cv2.resize(gray, (columns, rows), dst=out[:rows, :columns], interpolation=how)
    return Letterbox(scale)
