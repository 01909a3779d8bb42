"""FER2013 pictures with FER+ votes (Barsoum et al. 2016), as votes: majority and distribution.

Two layouts hold the same: one `.npz` with `images` and `votes`, and Microsoft's two tables
`fer2013.csv` (`emotion`, `pixels`, `Usage`) and `fer2013new.csv` (`Usage`, `Image name`, ten vote
columns), whose row i belongs together.

Source: microsoft/FERPlus `src/ferplus.py` (MIT) for the majority rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.domain.observation import EMOTIONS
from agent.errors import MediaError
from agent.evaluation.datasets.text import whole_in
from agent.evaluation.tables import read_table

VOTES: tuple[str, ...] = (*EMOTIONS, "unknown", "NF")
"""What annotators could answer, in the order of every vote table here."""

USAGES = {"train": "Training", "valid": "PublicTest", "test": "PrivateTest"}

CSV_FILES = ("fer2013.csv", "fer2013new.csv")

SURE = 0.6
"""Share of the votes from which a picture counts as a clear example of its class."""

SIDE = 48


@dataclass(frozen=True, slots=True)
class FerVotes:
    """Pictures and their votes.

    Attributes:
        images: uint8 (N, 48, 48), gray.
        votes: uint8 (N, 10), counts in the order of `VOTES`.
    """

    images: npt.NDArray[np.uint8]
    votes: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: npt.NDArray[np.bool_]) -> FerVotes:
        """Select pictures."""
        return FerVotes(self.images[rows], self.votes[rows])


def without_single_votes(votes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Drop votes that only one annotator gave; they are mostly slips."""
    kept = votes.astype(np.float32)
    kept[kept <= 1] = 0
    return kept


def majority_of(votes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Find the class that more than half chose; -1 where none has, or unknown or NF has it."""
    kept = without_single_votes(votes)
    best = kept.argmax(1)
    clear = kept.max(1) > 0.5 * np.maximum(kept.sum(1), 1e-9)
    return np.where(clear & (best < len(EMOTIONS)), best, -1).astype(np.int64)


def usable(votes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Say which pictures have a vote for a face class and aren't mostly `NF`."""
    kept = without_single_votes(votes)
    faces = kept[:, : len(EMOTIONS)].sum(1) > 0
    return np.asarray(faces & (kept.argmax(1) != VOTES.index("NF")), np.bool_)


def distribution(votes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return shares over the eight classes, float32 (N, 8); rows must be `usable`."""
    faces = without_single_votes(votes)[:, : len(EMOTIONS)]
    return np.asarray(faces / faces.sum(1, keepdims=True), np.float32)


def ordered(votes: npt.NDArray[np.uint8], names: list[str]) -> npt.NDArray[np.uint8]:
    """Bring vote columns into the order of `VOTES`.

    Raises:
        MediaError: the names are others.
    """
    if sorted(names) != sorted(VOTES):
        raise MediaError(f"the votes' names should be {', '.join(VOTES)}")
    return votes[:, [names.index(name) for name in VOTES]]


def read_csv(folder: Path, part: str = "valid") -> FerVotes:
    """Read Microsoft's and Kaggle's tables side by side; rows without a picture are left out.

    Args:
        folder: of the two tables.
        part: `train`, `valid` or `test`.

    Raises:
        MediaError: a table is missing or the two don't belong together.
    """
    images, votes = [], []
    pictures = read_table(folder / CSV_FILES[0], ("pixels", "Usage"))
    labels = read_table(folder / CSV_FILES[1], ("Usage", "Image name", *VOTES))
    if len(pictures) != len(labels):
        raise MediaError(f"{CSV_FILES[0]} and {CSV_FILES[1]} differ in their number of rows")
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True), start=2):
        if label["Usage"] != USAGES[part] or not label["Image name"].strip():
            continue
        if picture["Usage"] != label["Usage"]:
            raise MediaError(f"line {number} of the two tables tells different usages")
        images.append(_pixels(picture["pixels"], number))
        votes.append([_count(label[name], number) for name in VOTES])
    if not images:
        raise MediaError(f"{CSV_FILES[1]} has no row of the part {part}")
    return FerVotes(np.stack(images), np.array(votes, np.uint8))


def _count(text: str, number: int) -> int:
    found = whole_in(text, Path(CSV_FILES[1]), number)
    if not 0 <= found <= 255:
        raise MediaError(f"line {number} of {CSV_FILES[1]}: a count of votes is 0 to 255")
    return found


def _pixels(text: str, number: int) -> npt.NDArray[np.uint8]:
    try:
        values = np.array(text.split(), np.uint8)
    except (ValueError, OverflowError):
        values = np.zeros(0, np.uint8)
    if values.size != SIDE * SIDE:
        raise MediaError(f"line {number} of {CSV_FILES[0]} hasn't {SIDE} x {SIDE} pixels")
    return values.reshape(SIDE, SIDE)
