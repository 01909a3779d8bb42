"""Read one face of a still picture with care: from several framings, each also in the mirror.

A camera's next frame corrects what this one got wrong; a still picture has no next frame. So its
face is aligned again and again by its own landmarks, from more than one start where nothing tells
where the face lies, and what the encoder says each time is averaged, weighted by the quality that
it reports: a framing that missed the face says so. Averages are taken of log-probabilities, so that
agreeing looks don't look unsure.

The numbers were chosen on pictures of FER+'s training part that the models didn't see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent.domain.observation import Encoding
from agent.inference.preprocess import (
    ALIGNED_SIZE,
    Array,
    Image,
    alignment_from_landmarks,
    invert,
    transform,
)

if TYPE_CHECKING:
    from agent.inference.emotion import EmotionHead
    from agent.inference.encoder import FaceEncoder

STEPS = 3
"""Alignments of one start, the start's own included; that one isn't counted."""

TRUST = 4
"""Power of the quality that weighs a look."""

SHIFT = 12.0
"""By how many pixels of the aligned face the other starts lie beside the first one."""

DRIFT = 0.4
"""Share of the face by which a look may move from its start; one beyond is of something else."""


@dataclass(frozen=True, slots=True, eq=False)
class CarefulFace:
    """What the looks at one face agree on.

    Attributes:
        encoding: their weighted mean, angles and landmarks included.
        emotion: float32 (8,), sums to 1; None without a head.
    """

    encoding: Encoding
    emotion: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    encoding: Encoding
    logits: Array | None


def beside(matrix: Array) -> list[Array]:
    """List a framing and four that see the face further left, right, up and down."""
    shifts = ((0.0, 0.0), (SHIFT, 0.0), (-SHIFT, 0.0), (0.0, SHIFT), (0.0, -SHIFT))
    found = []
    for shift in shifts:
        moved = matrix.copy()
        moved[:, 2] += shift
        found.append(moved)
    return found


def read_carefully(
    encoder: FaceEncoder, gray: Image, starts: Sequence[Array], head: EmotionHead | None
) -> CarefulFace:
    """Read a face.

    Args:
        encoder: the face encoder.
        gray: uint8 (H, W).
        starts: float32 (2, 3) each, frame -> aligned face, where it may lie; at least one.
        head: the emotion head, or None.

    Returns:
        The mean of all looks.
    """
    looks: list[_Look] = []
    for start in starts:
        looks += _settled(encoder, gray, start, head)
    quality = np.array([look.encoding.quality for look in looks], np.float32)
    weights = quality**TRUST + np.float32(1e-9)
    weights /= weights.sum()
    return CarefulFace(_mean_encoding(looks, weights), _mean_emotion(looks, weights))


def _settled(
    encoder: FaceEncoder, gray: Image, start: Array, head: EmotionHead | None
) -> list[_Look]:
    """Align by the landmarks that the last alignment gave; return all looks but the start's."""
    looks: list[_Look] = []
    matrix = start
    for step in range(STEPS):
        pair = [_look(encoder, gray, matrix, head, mirrored=side) for side in (False, True)]
        looks += pair if step else []
        found = _aligned(pair)
        if found is None or _drift(start, found) > DRIFT:
            return looks or pair
        matrix = found
    return looks


def _look(
    encoder: FaceEncoder, gray: Image, matrix: Array, head: EmotionHead | None, *, mirrored: bool
) -> _Look:
    face = encoder.encode(gray, matrix, mirrored=mirrored)
    emotion = None if head is None else head.classify_face(face)
    logits = None if emotion is None else np.log(np.maximum(emotion, 1e-7))
    return _Look(face.encoding, logits)


def _aligned(pair: Sequence[_Look]) -> Array | None:
    landmarks = np.mean([look.encoding.landmarks for look in pair], axis=0).astype(np.float32)
    try:
        return alignment_from_landmarks(landmarks)
    except ValueError:
        return None


def _drift(start: Array, found: Array) -> float:
    """Say how far the middle of the face moved, as a share of its side."""
    middle = np.full((1, 2), (ALIGNED_SIZE - 1) / 2, np.float32)
    moved = transform(found, transform(invert(start), middle)) - middle
    return float(np.linalg.norm(moved)) / ALIGNED_SIZE


def _mean_encoding(looks: Sequence[_Look], weights: Array) -> Encoding:
    def mean(name: str) -> Array:
        values = np.stack([getattr(look.encoding, name) for look in looks])
        return np.tensordot(weights, values, 1).astype(np.float32)

    return Encoding(
        landmarks=mean("landmarks"),
        pose=mean("pose"),
        gaze=mean("gaze"),
        au_sides=mean("au_sides"),
        quality=float(np.mean([look.encoding.quality for look in looks])),
    )


def _mean_emotion(looks: Sequence[_Look], weights: Array) -> Array | None:
    logits = [look.logits for look in looks if look.logits is not None]
    if len(logits) < len(looks):
        return None
    mean = np.tensordot(weights, np.stack(logits), 1)
    odds = np.exp(mean - mean.max())
    return np.asarray(odds / odds.sum(), np.float32)
