"""Score detections against reference boxes: recall, precision, average precision, intervals.

Plain numpy. A detection counts as right where it overlaps a free reference face by IoU >= 0.4;
one that only meets a box to ignore counts as neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

MIN_IOU = 0.4
"""Overlap from which a detection and a reference show the same face."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Detections and references of one picture, in the same pixels.

    Attributes:
        boxes: float32 (K, 4), detections.
        scores: float32 (K,).
        truth: float32 (M, 4), references.
        real: bool (M,), false for a reference to ignore.
    """

    boxes: Array
    scores: Array
    truth: Array
    real: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Counts:
    """What was right and wrong; sums over pictures are sums of fields."""

    right: int
    wrong: int
    faces: int

    @property
    def recall(self) -> float:
        """Share of the faces found; 1 where there was none to find."""
        return self.right / self.faces if self.faces else 1.0

    @property
    def precision(self) -> float:
        """Share of the detections that are faces; 1 where there was no detection."""
        detections = self.right + self.wrong
        return self.right / detections if detections else 1.0


def overlaps(a: Array, b: Array) -> Array:
    """Compute IoU, float32 (K, M), between boxes (K, 4) and (M, 4)."""
    top = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.maximum(top, 0).prod(-1)
    areas = [np.maximum(x[:, 2:] - x[:, :2], 0).prod(-1) for x in (a, b)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.asarray(shared / np.maximum(union, 1e-6), np.float32)


def verdicts(picture: Picture) -> npt.NDArray[np.int8]:
    """Judge each detection, strongest first claim: 1 right, 0 wrong, -1 neither; int8 (K,)."""
    iou = overlaps(picture.boxes, picture.truth)
    judged = np.zeros(len(picture.boxes), np.int8)
    free = picture.real.copy()
    for i in np.argsort(-picture.scores, kind="stable"):
        candidates = np.where(free, iou[i], 0)
        if candidates.max(initial=0) >= MIN_IOU:
            judged[i] = 1
            free[int(candidates.argmax())] = False
        elif np.where(picture.real, 0, iou[i]).max(initial=0) >= MIN_IOU:
            judged[i] = -1
    return judged


def faces_found(picture: Picture, threshold: float = 0.0) -> npt.NDArray[np.bool_]:
    """Say which of the faces that count were found, bool (real faces,)."""
    strong = picture.scores >= threshold
    boxes, scores = picture.boxes[strong], picture.scores[strong]
    iou = overlaps(boxes, picture.truth)
    free = picture.real.copy()
    for i in np.argsort(-scores, kind="stable"):
        candidates = np.where(free, iou[i], 0)
        if candidates.max(initial=0) >= MIN_IOU:
            free[int(candidates.argmax())] = False
    return np.asarray(~free[picture.real], np.bool_)


def false_scores(pictures: Sequence[Picture]) -> Array:
    """Collect the scores of all detections that are no face."""
    parts = [one.scores[verdicts(one) == 0] for one in pictures]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def counted(picture: Picture, threshold: float = 0.0) -> Counts:
    """Count in one picture, taking only detections of at least `threshold`."""
    judged = verdicts(picture)[picture.scores >= threshold]
    return Counts(int((judged == 1).sum()), int((judged == 0).sum()), int(picture.real.sum()))


def total(parts: Sequence[Counts]) -> Counts:
    """Add counts up."""
    return Counts(
        sum(part.right for part in parts),
        sum(part.wrong for part in parts),
        sum(part.faces for part in parts),
    )


def counts(pictures: Sequence[Picture], threshold: float = 0.0) -> Counts:
    """Count over pictures."""
    return total([counted(picture, threshold) for picture in pictures])


def curve(pictures: Sequence[Picture]) -> tuple[Array, Array, Array]:
    """List thresholds, strongest first, with the precision and recall each would give."""
    scores = np.concatenate([p.scores for p in pictures] or [np.zeros(0, np.float32)])
    judged = np.concatenate([verdicts(p) for p in pictures] or [np.zeros(0, np.int8)])
    order = np.argsort(-scores, kind="stable")
    judged = judged[order]
    right, wrong = np.cumsum(judged == 1), np.cumsum(judged == 0)
    faces = max(sum(int(p.real.sum()) for p in pictures), 1)
    precision = right / np.maximum(right + wrong, 1)
    return scores[order], precision.astype(np.float32), (right / faces).astype(np.float32)


def best_threshold(pictures: Sequence[Picture], precision: float) -> float:
    """Find the lowest threshold that still reaches a precision; 1 where none does."""
    thresholds, reached, _ = curve(pictures)
    good = np.flatnonzero(reached >= precision)
    return float(thresholds[good[-1]]) if len(good) else 1.0


def recall_at(pictures: Sequence[Picture], threshold: float) -> float:
    """Compute recall at a threshold."""
    return counts(pictures, threshold).recall


def average_precision(pictures: Sequence[Picture]) -> float:
    """Compute the area under the precision-recall curve, precision made monotone."""
    _, precision, recall = curve(pictures)
    smooth = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0) * smooth).sum())


def interval(
    parts: Sequence[Counts],
    measure: Callable[[Counts], float],
    rounds: int = 1000,
    seed: int = 1,
) -> tuple[float, float]:
    """Bootstrap a 95 % interval over pictures, not over faces: faces of one picture are kin."""
    random = np.random.default_rng(seed)
    values = [
        measure(total([parts[i] for i in random.integers(len(parts), size=len(parts))]))
        for _ in range(rounds)
    ]
    low, high = np.percentile(values, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)
