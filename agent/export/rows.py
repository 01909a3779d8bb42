"""One row per face and frame, in the column convention of OpenFace 2.x.

What a reader of OpenFace files needs to know:
- `frame` counts from 1 within its file, `timestamp` is the picture's own time in seconds (empty
  for a still picture), `face_id` numbers the faces of one file from 0 in order of appearance.
- Angles are **radians** with OpenFace's signs, unlike everywhere else in Omokage:
  `pose_Rx` positive = head down, `pose_Ry` positive = head towards the picture's left (the
  subject's own right), `pose_Rz` positive = clockwise as seen; `gaze_angle_x` positive = towards
  the picture's right, `gaze_angle_y` positive = down. OpenFace composes R = Rx Ry Rz.
- `AUxx_r` is intensity 0-5, `AUxx_c` presence 0 or 1. OpenFace has no AU24 and no `AU28_r`.
- Missing is an empty cell (CSV) or null, never 0; `success` alone is 0 where no face was found,
  and `status` says why. Such a frame has a row of its own.
- `blink` is 1 on the frame with which a blink ended (`agent.domain.blink`), else 0; empty for a
  still picture and where AU45 isn't measured. With `--every` blinks between two looks are missed.
- Beyond OpenFace: `emotion_*` (probabilities, sum 1), `valence` and `arousal` (-1 to 1),
  `AUxx_L_r` and `AUxx_R_r` (the subject's own left and right), `quality` (0-1), `calibrated` (1
  once the face's neutral baseline is settled), `face_*` (box in pixels), `source`, `backend`.

Source: OpenFace wiki, Output-Format; the signs follow from its `Euler2RotationMatrix` with X to
the right, Y down and Z away from the camera.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from agent.domain.blink import AU45, Blinks
from agent.domain.derived import arousal, valence
from agent.domain.facs import ACTION_UNITS, AU_LABELS, AU_SIDE_LABELS
from agent.domain.observation import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.domain.observation import Floats, Look, Observation

Cell = int | float | str | None
Row = tuple[Cell, ...]
"""One row, in the order of `COLUMNS`."""

DECIMALS = 4
TIME_DECIMALS = 6

_LATERAL = tuple(i for i, label in enumerate(AU_SIDE_LABELS) if label.endswith(("_L", "_R")))

COLUMNS: dict[str, type] = {
    "frame": int,
    "face_id": int,
    "timestamp": float,
    "confidence": float,
    "success": int,
    "gaze_angle_x": float,
    "gaze_angle_y": float,
    "pose_Rx": float,
    "pose_Ry": float,
    "pose_Rz": float,
    **{f"{unit.label}_r": float for unit in ACTION_UNITS},
    **{f"{unit.label}_c": int for unit in ACTION_UNITS},
    **{f"emotion_{name}": float for name in EMOTIONS},
    "valence": float,
    "arousal": float,
    **{f"{AU_SIDE_LABELS[i]}_r": float for i in _LATERAL},
    "quality": float,
    "calibrated": int,
    "blink": int,
    "status": str,
    "face_x": float,
    "face_y": float,
    "face_w": float,
    "face_h": float,
    "source": str,
    "backend": str,
}
"""Name and type of each column, in order."""

NAMES: tuple[str, ...] = tuple(COLUMNS)
INDEX: dict[str, int] = {name: i for i, name in enumerate(NAMES)}


class FaceNumbers:
    """Numbers the faces of one file from 0 and counts their blinks.

    A track's own id is random and says nothing.
    """

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._blinks: dict[int, Blinks] = defaultdict(Blinks)

    def __getitem__(self, track: int) -> int:
        return self._numbers.setdefault(track, len(self._numbers))

    def blinked(self, face: Observation, at: float) -> bool | None:
        """Say whether a blink of this face ended; None where AU45 isn't measured."""
        if math.isnan(face.au[AU45]):
            return None
        return self._blinks[face.track](bool(face.presence[AU45]), at)

    def blinks_per_minute(self) -> float | None:
        """Pool the faces' blinks; None where no time was watched."""
        seconds = sum(one.seconds for one in self._blinks.values())
        return 60 * sum(one.count for one in self._blinks.values()) / seconds if seconds else None


def to_rows(
    look: Look,
    *,
    frame: int,
    timestamp: float | None,
    source: str,
    backend: str,
    numbers: FaceNumbers,
) -> list[Row]:
    """Return a row for each face of a frame, or one row that says why there is none.

    Args:
        look: what the backend saw.
        frame: number of the frame in its file, from 1.
        timestamp: seconds from the file's start; None for a still picture.
        source: the file's name.
        backend: whose observations these are.
        numbers: the file's face numbers for this backend.
    """
    seconds = None if timestamp is None else round(timestamp, TIME_DECIMALS)
    common: dict[str, Cell] = {
        "frame": frame,
        "timestamp": seconds,
        "success": 0,
        "status": look.status.value,
        "source": printable(source),
        "backend": backend,
    }
    if not look.observations:
        return [_row(common)]
    return [
        _row(
            common
            | {"face_id": numbers[face.track], "success": 1}
            | _measured(face)
            | _blink(numbers, face, timestamp)
        )
        for face in look.observations
    ]


def _blink(numbers: FaceNumbers, face: Observation, timestamp: float | None) -> dict[str, Cell]:
    ended = None if timestamp is None else numbers.blinked(face, timestamp)
    return {} if ended is None else {"blink": int(ended)}


def _row(cells: dict[str, Cell]) -> Row:
    return tuple(cells.get(name) for name in NAMES)


def _measured(face: Observation) -> dict[str, Cell]:
    pitch, yaw, roll = (math.radians(v) for v in face.pose)
    gaze_yaw, gaze_pitch = (math.radians(v) for v in face.gaze)
    left, top, right, bottom = (float(v) for v in face.box)
    cells: dict[str, Cell] = {
        "confidence": _number(face.confidence),
        "gaze_angle_x": _number(gaze_yaw),
        "gaze_angle_y": _number(-gaze_pitch),
        "pose_Rx": _number(-pitch),
        "pose_Ry": _number(-yaw),
        "pose_Rz": _number(roll),
        "quality": _number(face.quality),
        "calibrated": int(face.calibrated),
        "face_x": _number(left),
        "face_y": _number(top),
        "face_w": _number(right - left),
        "face_h": _number(bottom - top),
    }
    intensities = _numbers(face.au)
    for label, intensity, present in zip(AU_LABELS, intensities, face.presence, strict=True):
        cells[f"{label}_r"] = intensity
        # A backend that can't tell an AU says NaN; its presence is unknown then, not absent.
        cells[f"{label}_c"] = None if intensity is None else int(present)
    sides = _numbers(face.au_sides)
    for i in _LATERAL:
        cells[f"{AU_SIDE_LABELS[i]}_r"] = sides[i]
    return cells | _emotion(face)


def _emotion(face: Observation) -> dict[str, Cell]:
    if face.emotion is None or not np.isfinite(face.emotion).all():
        return {}
    probabilities = face.emotion.tolist()
    cells: dict[str, Cell] = {
        f"emotion_{name}": p for name, p in zip(EMOTIONS, _numbers(face.emotion), strict=True)
    }
    cells["valence"] = _number(valence(probabilities))
    cells["arousal"] = _number(arousal(probabilities))
    return cells


def _numbers(values: Floats) -> list[float | None]:
    """Round an array for the table; whatever isn't a finite number is missing."""
    rounded = values.astype(np.float64).round(DECIMALS) + 0.0
    return [v if math.isfinite(v) else None for v in rounded.tolist()]


def _number(value: float | None) -> float | None:
    """Round for the table; whatever isn't a finite number is missing."""
    if value is None or not math.isfinite(value):
        return None
    # `+ 0.0` turns -0.0, which the sign changes above make, into 0.0.
    return round(float(value), DECIMALS) + 0.0


def printable(text: str) -> str:
    """Replace what a table or a terminal would stumble over: a file may be called anything."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def count_faces(rows: Iterable[Row]) -> int:
    """Count the rows that hold a face."""
    return sum(1 for row in rows if row[INDEX["success"]] == 1)
