"""What a loader returns: sequences with Action Units, or pictures with an expression."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.domain.observation import EMOTIONS

Floats = npt.NDArray[np.float32]

INTENSITY, PRESENCE = "intensity", "presence"


@dataclass(frozen=True, slots=True, eq=False)
class AuSequence:
    """Coded frames of one person, in one video or as pictures, in order.

    Attributes:
        subject: whose face it is.
        name: of the sequence within the set.
        frames: int64 (n,), number of each coded frame; in a video counted from 1.
        values: float32 (n, A), codes in the order of the set's labels; NaN where not coded.
        video: the file, or None.
        pictures: one file per coded frame, or empty.
        fps: frames a second.
        still: the pictures have nothing to do with each other.
    """

    subject: str
    name: str
    frames: npt.NDArray[np.int64]
    values: Floats
    video: Path | None = None
    pictures: tuple[Path, ...] = ()
    fps: float = 25.0
    still: bool = False


@dataclass(frozen=True, slots=True)
class AuSet:
    """A set of coded sequences.

    Attributes:
        name: of the set.
        labels: coded AUs, for example `AU12`, in the order of the values' columns.
        kind: `intensity` (0-5) or `presence` (0 or 1).
        sequences: all that was found.
        notes: what didn't fit, one sentence each.
    """

    name: str
    labels: tuple[str, ...]
    kind: str
    sequences: tuple[AuSequence, ...]
    notes: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return who is in it, sorted."""
        return tuple(sorted({sequence.subject for sequence in self.sequences}))

    def of(self, subjects: frozenset[str]) -> AuSet:
        """Keep some people's sequences."""
        kept = tuple(s for s in self.sequences if s.subject in subjects)
        return AuSet(self.name, self.labels, self.kind, kept, self.notes)


@dataclass(frozen=True, slots=True)
class ExpressionSet:
    """Pictures that annotators named.

    Attributes:
        name: of the set.
        pictures: the files.
        classes: int64 (N,), index into `EMOTIONS`.
        boxes: float32 (N, 4), x1 y1 x2 y2 of the face; NaN where the whole picture is the face.
        affect: float32 (N, 2), valence and arousal, -1 to 1; NaN where not given.
        persons: str (N,), whose face it is; empty where nobody knows.
        scheme: the classes that its annotators could name.
        notes: what was left out, one sentence each.
    """

    name: str
    pictures: tuple[Path, ...]
    classes: npt.NDArray[np.int64]
    boxes: Floats = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    affect: Floats = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    persons: npt.NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, np.str_))
    scheme: tuple[str, ...] = EMOTIONS
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)
