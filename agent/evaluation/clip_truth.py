"""The truth of a rendered clip: `NAME.truth.csv` beside `NAME.mp4`.

One row for each frame and face: `frame`, `face` (-1 without one), `x1 y1 x2 y2`, `pitch yaw roll`,
and the 32 sided intensities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS, SIDE_INDEX
from agent.errors import MediaError
from agent.evaluation.tables import read_table
from agent.inference.tracker import overlap

Floats = npt.NDArray[np.float32]

BOX, POSE = ("x1", "y1", "x2", "y2"), ("pitch", "yaw", "roll")


@dataclass(frozen=True, slots=True)
class Known:
    """One face of one frame: box, angles, 19 intensities."""

    box: Floats
    pose: Floats
    au: Floats


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """The faces of every frame that has some."""

    frames: dict[int, list[Known]]

    def _at(self, number: int, box: Floats) -> Known | None:
        faces = [f for f in self.frames.get(number, []) if overlap(f.box, box) > 0.2]
        return max(faces, key=lambda f: overlap(f.box, box)) if faces else None

    def intensities(self, start: int, boxes: Sequence[Floats]) -> Floats:
        """Return the true intensities behind a track's boxes, (n, 19); NaN where no face is."""
        rows = [self._at(number, box) for number, box in enumerate(boxes, start)]
        unknown = np.full(len(AU_LABELS), np.nan, np.float32)
        return np.stack([unknown if row is None else row.au for row in rows])

    def poses(self, start: int, boxes: Sequence[Floats]) -> Floats:
        """Return the true angles behind a track's boxes, (n, 3); NaN where no face is."""
        rows = [self._at(number, box) for number, box in enumerate(boxes, start)]
        unknown = np.full(3, np.nan, np.float32)
        return np.stack([unknown if row is None else row.pose for row in rows])


def read_truth(clip: Path) -> ClipTruth | None:
    """Read the truth beside a clip; None where there is none.

    Raises:
        MediaError: it is there and damaged.
    """
    path = clip.with_suffix(".truth.csv")
    if not path.exists():
        return None
    frames: dict[int, list[Known]] = {}
    try:
        for row in read_table(path, ("frame", "face", *BOX, *POSE, *AU_SIDE_LABELS)):
            if int(row["face"]) < 0:
                continue
            sides = _numbers(row, AU_SIDE_LABELS)
            au = np.array([sides[list(index)].max() for index in SIDE_INDEX], np.float32)
            known = Known(_numbers(row, BOX), _numbers(row, POSE), au)
            frames.setdefault(int(row["frame"]), []).append(known)
    except ValueError as error:
        raise MediaError(f"{path.name} holds something else than numbers") from error
    return ClipTruth(frames)


def _numbers(row: dict[str, str], names: Sequence[str]) -> Floats:
    return np.array([float(row[name]) for name in names], np.float32)
