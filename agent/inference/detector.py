"""Find faces in a gray frame: one look for live video, a pyramid of looks for a still picture.

Live, the frame is letterboxed into the net's input once: a face must fill about a thirtieth of
the frame's width. A still picture is also looked at in overlapping tiles at doubling scales, so
that small faces in large groups are found; a face cut by a tile's inner edge is left to the
neighbouring tile or to the coarser scale.

The net gets bytes and gives boxes and points in input pixels (`ExportedFaceNet` in training).
The one buffer that holds pixels is wiped before a result is returned, also after an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from agent.domain.face import DetectedFace
from agent.inference.preprocess import letterbox

if TYPE_CHECKING:  # training uses this file where the product's own packages are missing
    from agent.inference.session import Model

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

INPUT_NAME = "image"
"""The net's only input, uint8 (1, 1, H, W)."""

MAX_OVERLAP = 0.4
"""Two boxes whose intersection over union is larger show the same face."""

MAX_NESTED = 0.75
"""In a still picture, a box of which a larger share lies in a stronger one shows the same face."""

MAX_FACES = 32
"""Most faces returned for one live frame."""

MAX_FACES_STILL = 256
"""Most faces returned for one still picture."""

TILE_OVERLAP = 0.3
"""Share of a tile that its neighbour sees too."""

FINEST_SCALE = 1.0
"""Input pixels per frame pixel beyond which a still picture is not enlarged."""


class SessionRunner(Protocol):
    """Whatever runs the net."""

    def __call__(self, inputs: dict[str, npt.NDArray[Any]]) -> list[Array]:
        """Return the outputs in the model's order: scores, boxes, points."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the frame that one look covers, frame pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Found:
    """Raw detections of one or several looks, frame pixels."""

    boxes: Array
    """float32 (K, 4)."""

    points: Array
    """float32 (K, 5, 2)."""

    scores: Array
    """float32 (K,)."""


class FaceDetector:
    """Detects faces with a session that somebody else opened and checked.

    Args:
        session_runner: runs the net.
        input_width: of the net, pixels.
        input_height: of the net, pixels.
        score_threshold: weaker detections are not faces, [0, 1].
    """

    def __init__(
        self,
        session_runner: SessionRunner,
        input_width: int,
        input_height: int,
        score_threshold: float,
    ) -> None:
        self._run = session_runner
        self._width, self._height = input_width, input_height
        self._threshold = score_threshold
        self._buffer: Image = np.zeros((1, 1, input_height, input_width), np.uint8)

    def detect(self, gray: Image, *, thorough: bool = False) -> list[DetectedFace]:
        """Find faces, strongest first.

        Args:
            gray: uint8 (H, W).
            thorough: look at tiles of a still picture as well; tens of times slower.

        Returns:
            At most 32 faces (256 when thorough).

        Raises:
            ValueError: if the frame is not gray bytes, or the net's outputs have other shapes
                than the contract says.
        """
        if gray.ndim != 2 or gray.dtype != np.uint8 or gray.size == 0:
            raise ValueError(f"a frame must be gray uint8 (H, W), not {gray.dtype} {gray.shape}")
        whole = Region(0, 0, gray.shape[1], gray.shape[0])
        try:
            if thorough:
                found = joined([self._look(gray, r, whole) for r in self._regions(whole)])
                kept = suppress(
                    found.boxes, found.scores, 0.0, MAX_OVERLAP, MAX_FACES_STILL, MAX_NESTED
                )
            else:
                found = self._look(gray, whole, whole)
                kept = suppress(found.boxes, found.scores, 0.0, MAX_OVERLAP, MAX_FACES)
        finally:
            self._buffer.fill(0)
        return [
            DetectedFace(found.boxes[i].copy(), found.points[i].copy(), float(found.scores[i]))
            for i in kept
        ]

    def _regions(self, whole: Region) -> Iterator[Region]:
        """Yield the whole frame, then the tiles of each finer scale."""
        yield whole
        scale = 2 * min(self._width / whole.width, self._height / whole.height)
        while scale <= FINEST_SCALE * 1.5:
            used = min(scale, FINEST_SCALE)
            yield from tiles(whole, self._width / used, self._height / used)
            scale *= 2

    def _look(self, gray: Image, region: Region, whole: Region) -> Found:
        """Run the net on one region; return detections above the threshold."""
        part = gray[region.y : region.y + region.height, region.x : region.x + region.width]
        fit = letterbox(part, self._width, self._height, self._buffer[0, 0])
        scores, boxes, points = checked(self._run({INPUT_NAME: self._buffer}))
        strong = scores >= self._threshold
        corner = np.array([region.x, region.y], np.float32)
        corners = fit.to_frame(boxes[strong].reshape(-1, 2, 2)) + corner
        found = Found(
            corners.reshape(-1, 4).astype(np.float32),
            (fit.to_frame(points[strong].reshape(-1, 5, 2)) + corner).astype(np.float32),
            scores[strong],
        )
        return uncut(found, region, whole, 2 / fit.scale)


def shifted(face: DetectedFace, pixels: float) -> DetectedFace:
    """Return a detection moved right and down."""
    return DetectedFace(
        (face.box + pixels).astype(np.float32),
        (face.points + pixels).astype(np.float32),
        face.score,
    )


def load_detector(model: Model) -> FaceDetector:
    """Build the detector that a model's card describes.

    Raises:
        ModelContractError: the model isn't a face detector.
        ModelError: the card lacks `settings.score_threshold`.
    """
    from agent.inference.card import require_form  # noqa: PLC0415  (see the imports above)

    count = model.card.outputs[0].shape[-1] if model.card.outputs[0].shape else None
    require_form(
        model.card,
        [("uint8", (1, 1, None, None))],
        [("float32", (1, count)), ("float32", (1, count, 4)), ("float32", (1, count, 10))],
    )
    height, width = model.card.inputs[0].shape[-2:]
    return FaceDetector(model.run, width, height, model.card.setting("score_threshold"))


def checked(outputs: list[Array]) -> tuple[Array, Array, Array]:
    """Check the net's outputs and drop the batch axis.

    Returns:
        Scores (N,), boxes (N, 4), points (N, 10), float32.

    Raises:
        ValueError: if a shape is not (1, N), (1, N, 4), (1, N, 10).
    """
    if len(outputs) != 3:
        raise ValueError(f"the face detector must give 3 outputs, not {len(outputs)}")
    count = outputs[0].shape[-1] if outputs[0].ndim else 0
    expected = [(1, count), (1, count, 4), (1, count, 10)]
    shapes = [output.shape for output in outputs]
    if shapes != expected:
        raise ValueError(f"the face detector must give shapes {expected}, not {shapes}")
    scores, boxes, points = (np.asarray(output[0], np.float32) for output in outputs)
    return scores, boxes, points


def joined(parts: list[Found]) -> Found:
    """Put the detections of several looks into one list."""
    return Found(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def uncut(found: Found, region: Region, whole: Region, margin: float) -> Found:
    """Leave out boxes that come within `margin` pixels of an edge inside the frame."""
    low = np.array(
        [
            region.x + margin if region.x > whole.x else -np.inf,
            region.y + margin if region.y > whole.y else -np.inf,
        ]
    )
    right, bottom = region.x + region.width, region.y + region.height
    high = np.array(
        [
            right - margin if right < whole.width else np.inf,
            bottom - margin if bottom < whole.height else np.inf,
        ]
    )
    kept = ((found.boxes[:, :2] > low) & (found.boxes[:, 2:] < high)).all(1)
    return Found(found.boxes[kept], found.points[kept], found.scores[kept])


def tiles(whole: Region, width: float, height: float) -> Iterator[Region]:
    """Cover a frame with overlapping tiles of about one size, spread evenly.

    Args:
        whole: the frame.
        width: of a tile, frame pixels.
        height: of a tile, frame pixels.

    Yields:
        Tiles row by row, none reaching beyond the frame.
    """
    wide, high = min(math.ceil(width), whole.width), min(math.ceil(height), whole.height)
    for y in _starts(whole.height, high):
        for x in _starts(whole.width, wide):
            yield Region(x, y, wide, high)


def _starts(length: int, size: int) -> list[int]:
    """Place tiles of `size` along `length` with at least the wanted overlap."""
    free = length - size
    count = 1 + math.ceil(free / (size * (1 - TILE_OVERLAP)))
    return [round(i * free / max(count - 1, 1)) for i in range(count)]


def suppress(
    boxes: Array,
    scores: Array,
    threshold: float,
    max_overlap: float,
    limit: int,
    max_nested: float = 1.0,
) -> npt.NDArray[np.intp]:
    """Keep the strongest of boxes that show the same face (greedy).

    Args:
        boxes: float32 (N, 4), x1 y1 x2 y2.
        scores: float32 (N,).
        threshold: weaker boxes are left out.
        max_overlap: intersection over union above which the weaker box goes.
        limit: most boxes kept.
        max_nested: share of the weaker box's own area inside a stronger one above which it goes.

    Returns:
        Indices into `boxes`, strongest first; ties keep the earlier box.
    """
    order = np.flatnonzero(scores >= threshold)
    order = order[np.argsort(-scores[order], kind="stable")]
    kept: list[int] = []
    while len(order) and len(kept) < limit:
        first, order = order[0], order[1:]
        kept.append(int(first))
        shared = intersections(boxes[first], boxes[order])
        own = areas(boxes[order])
        union = areas(boxes[first][None])[0] + own - shared
        same = (shared > max_overlap * union) | (shared > max_nested * own)
        order = order[~same]
    return np.array(kept, np.intp)


def areas(boxes: Array) -> Array:
    """Compute the areas (N,) of boxes (N, 4); 0 for a reversed one."""
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1), np.float32)


def intersections(box: Array, boxes: Array) -> Array:
    """Compute the areas (N,) that boxes (N, 4) share with one box (4,)."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    return np.asarray(np.maximum(sides, 0).prod(1), np.float32)
