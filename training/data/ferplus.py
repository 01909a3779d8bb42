"""FER2013 pictures with FER+ votes (Barsoum et al. 2016).

Ten annotators voted for each picture. We train on the *distribution* of votes: fear and
sadness lose most of their examples to neutral when only the majority is kept. We score on the
majority, as the FER+ paper does, so that numbers compare.

Source: microsoft/FERPlus `src/ferplus.py` for the majority rule (MIT).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

EMOTIONS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
)  # fmt: skip
"""Class order of the FER+ votes and of the emotion head's output."""


@dataclass(frozen=True, slots=True)
class FerPlus:
    """One part of FER+.

    Attributes:
        images: uint8 (N, 48, 48), gray 0-255.
        target: float32 (N, 8), vote distribution over `EMOTIONS`, rows sum to 1.
        majority: int64 (N,), class with more than half of the votes; -1 where there is none.
        rows: int64 (N,), each picture's row in the file.
    """

    images: np.ndarray
    target: np.ndarray
    majority: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: np.ndarray) -> FerPlus:
        """Select pictures by a bool (N,) or by indices."""
        return FerPlus(
            self.images[chosen], self.target[chosen], self.majority[chosen], self.rows[chosen]
        )


def _without_single_votes(votes: np.ndarray) -> np.ndarray:
    """Drop votes that only one annotator gave (float32 (N, 10)); they are mostly slips."""
    kept = votes.astype(np.float32)
    kept[kept <= 1] = 0
    return kept


def majority_of(votes: np.ndarray) -> np.ndarray:
    """Find the class that a majority chose.

    Args:
        votes: (N, 10) counts in the order `EMOTIONS`, unknown, NF.

    Returns:
        int64 (N,); -1 where no class has more than half, or unknown / not-a-face has it.
    """
    kept = _without_single_votes(votes)
    best = kept.argmax(1)
    clear = kept.max(1) > 0.5 * np.maximum(kept.sum(1), 1e-9)
    return np.where(clear & (best < len(EMOTIONS)), best, -1).astype(np.int64)


def load(path: Path) -> FerPlus:
    """Read `train.npz` or `valid.npz`; rows without any vote for a face class are left out."""
    with np.load(path) as file:
        images, votes = file["images"], file["votes"]
    kept = _without_single_votes(votes)
    faces = kept[:, : len(EMOTIONS)]
    usable = (faces.sum(1) > 0) & (kept.argmax(1) != len(EMOTIONS) + 1)
    target = faces[usable] / faces[usable].sum(1, keepdims=True)
    return FerPlus(images[usable], target, majority_of(votes)[usable], np.flatnonzero(usable))


def without_calibration(train: FerPlus) -> FerPlus:
    """Leave out the twentieth of the training part that the temperature is fitted on."""
    return train.take(train.rows % 20 != 0)


def calibration(train: FerPlus) -> FerPlus:
    """Return that twentieth."""
    return train.take(train.rows % 20 == 0)
