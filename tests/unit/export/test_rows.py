"""Rows follow OpenFace's columns, units and signs; what is missing is empty, never 0."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from agent.domain.facs import AU_LABELS
from agent.domain.frame import FrameStatus
from agent.domain.observation import EMOTIONS, Look, Observation
from agent.export.rows import NAMES, FaceNumbers, Row, to_rows
from tests.fakes import observation

OPENFACE = [
    "frame", "face_id", "timestamp", "confidence", "success", "gaze_angle_x", "gaze_angle_y",
    "pose_Rx", "pose_Ry", "pose_Rz",
    "AU01_r", "AU02_r", "AU04_r", "AU05_r", "AU06_r", "AU07_r", "AU09_r", "AU10_r", "AU12_r",
    "AU14_r", "AU15_r", "AU17_r", "AU20_r", "AU23_r", "AU25_r", "AU26_r", "AU45_r",
    "AU01_c", "AU02_c", "AU04_c", "AU05_c", "AU06_c", "AU07_c", "AU09_c", "AU10_c", "AU12_c",
    "AU14_c", "AU15_c", "AU17_c", "AU20_c", "AU23_c", "AU25_c", "AU26_c", "AU28_c", "AU45_c",
]  # fmt: skip
"""The columns of an OpenFace 2.x file that this table promises, in its order."""


def rows_of(*faces: Observation, status: FrameStatus = FrameStatus.OK) -> list[Row]:
    """Return the rows of one frame."""
    return to_rows(
        Look(status, faces),
        frame=5,
        timestamp=0.16,
        source="a.mp4",
        backend="own",
        numbers=FaceNumbers(),
    )


def cells(face: Observation) -> dict[str, object]:
    """Return the one row of one face by column."""
    return dict(zip(NAMES, rows_of(face)[0], strict=True))


def test_openface_columns_are_there_in_order() -> None:
    """A reader of OpenFace files finds the columns it knows, in the order it knows."""
    assert [name for name in NAMES if name in OPENFACE] == OPENFACE
    assert len(set(NAMES)) == len(NAMES)


def test_angles_are_radians_with_openface_signs() -> None:
    """Looking up, to the own left, tilted clockwise: Rx < 0, Ry < 0, Rz > 0, all in radians."""
    face = dataclasses.replace(
        observation(),
        pose=np.array([10, 20, 30], np.float32),
        gaze=np.array([5, 7], np.float32),
    )

    row = cells(face)

    assert row["pose_Rx"] == pytest.approx(-math.radians(10), abs=1e-4)
    assert row["pose_Ry"] == pytest.approx(-math.radians(20), abs=1e-4)
    assert row["pose_Rz"] == pytest.approx(math.radians(30), abs=1e-4)
    assert row["gaze_angle_x"] == pytest.approx(math.radians(5), abs=1e-4)
    assert row["gaze_angle_y"] == pytest.approx(-math.radians(7), abs=1e-4)


def test_intensity_and_presence_are_the_observations() -> None:
    """`_r` is the intensity of the stronger side, `_c` its presence, each under its own AU."""
    face = observation(seed=3)

    row = cells(face)

    for i, label in enumerate(AU_LABELS):
        assert row[f"{label}_r"] == pytest.approx(float(face.au[i]), abs=1e-4)
        assert row[f"{label}_c"] == int(face.presence[i])
    assert row["AU12_r"] == max(row["AU12_L_r"], row["AU12_R_r"])  # type: ignore[type-var]


def test_emotion_brings_valence_and_arousal() -> None:
    """Probabilities stand under their names, and what is derived from them beside them."""
    face = observation()
    assert face.emotion is not None

    row = cells(face)

    assert [row[f"emotion_{name}"] for name in EMOTIONS] == pytest.approx(
        [float(p) for p in face.emotion], abs=1e-4
    )
    assert -1 <= float(str(row["valence"])) <= 1
    assert -1 <= float(str(row["arousal"])) <= 1


def test_heads_that_are_not_loaded_leave_empty_cells() -> None:
    """Without the emotion head and with NaN gaze the cells are empty, not 0."""
    face = dataclasses.replace(observation(emotion=False), gaze=np.full(2, np.nan, np.float32))

    row = cells(face)

    empty = {name for name, value in row.items() if value is None}
    assert empty == {
        *(f"emotion_{name}" for name in EMOTIONS), "valence", "arousal", "gaze_angle_x",
        "gaze_angle_y",
    }  # fmt: skip


def test_an_unknown_au_has_no_presence_either() -> None:
    """An AU that a backend can't tell is empty in `_r` and in `_c`."""
    au = observation().au.copy()
    au[3] = np.nan

    row = cells(dataclasses.replace(observation(), au=au))

    assert row[f"{AU_LABELS[3]}_r"] is None
    assert row[f"{AU_LABELS[3]}_c"] is None


@pytest.mark.parametrize("status", [FrameStatus.NO_FACE, FrameStatus.TOO_DARK, FrameStatus.BLURRED])
def test_a_frame_without_a_face_has_a_row(status: FrameStatus) -> None:
    """Such a row says success 0 and why; nothing else in it is a number but frame and time."""
    (row,) = rows_of(status=status)
    named = dict(zip(NAMES, row, strict=True))

    filled = {name: value for name, value in named.items() if value is not None}
    assert filled == {
        "frame": 5, "timestamp": 0.16, "success": 0, "status": status.value,
        "source": "a.mp4", "backend": "own",
    }  # fmt: skip


def test_several_faces_have_a_row_each() -> None:
    """Each face of a frame has its own row and its own number."""
    rows = rows_of(observation(41), observation(17), observation(99))

    named = [dict(zip(NAMES, row, strict=True)) for row in rows]
    assert [row["face_id"] for row in named] == [0, 1, 2]
    assert len({row["face_x"] for row in named}) == 3


def test_faces_keep_their_number_within_a_file() -> None:
    """A track keeps the number it got when it first appeared; its random id isn't shown."""
    numbers = FaceNumbers()

    assert [numbers[track] for track in (501, 77, 501, 12, 77)] == [0, 1, 0, 2, 1]


def test_no_minus_zero() -> None:
    """An angle of 0 stays 0.0 after its sign is turned."""
    row = cells(dataclasses.replace(observation(), pose=np.zeros(3, np.float32)))

    assert str(row["pose_Rx"]) == "0.0"
