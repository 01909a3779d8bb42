"""From MediaPipe's numbers to ours: signs, sides, and what isn't measured."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS
from agent.inference.mediapipe_map import (
    COEFFICIENTS,
    MESH_OF_68,
    MESH_SIZE,
    REST,
    au_sides_of,
    gaze_of,
    head_rotation,
    lips_part,
    pose_of,
    solid_landmarks,
    stronger_known_side,
)
from tests.unit.inference.meshes import NOT_MEASURED, coefficients, head_matrix, solid_face

Rotation = npt.NDArray[np.float64]

pitches = st.floats(-60, 60)
yaws = st.floats(-80, 80)
rolls = st.floats(-170, 170)


@given(pitches, yaws, rolls, st.floats(0.2, 30))
def test_a_pose_is_read_back(pitch: float, yaw: float, roll: float, scale: float) -> None:
    """Pitch, yaw and roll of a head come back from its matrix, whatever the matrix' scale."""
    pose = pose_of(head_rotation(head_matrix(pitch, yaw, roll) * scale))

    assert [pitch, yaw, roll] == pytest.approx(pose.tolist(), abs=0.01)


@pytest.mark.parametrize(
    ("pitch", "yaw", "roll", "axis", "moves"),
    [
        (20, 0, 0, (0, 0, 1), (0, 1, 0)),
        (0, 20, 0, (0, 0, 1), (1, 0, 0)),
        (0, 0, 20, (0, 1, 0), (1, 0, 0)),
    ],
    ids=["up", "subject's left", "clockwise"],
)
def test_signs_of_the_pose(
    pitch: float, yaw: float, roll: float, axis: tuple[int, ...], moves: tuple[int, ...]
) -> None:
    """Pitch lifts the nose, yaw turns it to the picture's right, roll leans the crown there."""
    moved = head_matrix(pitch, yaw, roll)[:3, :3] @ np.array(axis)

    assert moved @ np.array(moves) > 0.3


@given(pitches, st.floats(-60, 60))
def test_straight_eyes_look_where_the_head_points(pitch: float, yaw: float) -> None:
    """Without any eye coefficient the gaze is the head's direction."""
    gaze = gaze_of(coefficients(), head_rotation(head_matrix(pitch, yaw, 0)))

    assert [yaw, pitch] == pytest.approx(gaze.tolist(), abs=0.01)


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        ({"eyeLookOutLeft": 1, "eyeLookInRight": 1}, (35, 0)),
        ({"eyeLookInLeft": 1, "eyeLookOutRight": 1}, (-35, 0)),
        ({"eyeLookUpLeft": 0.5, "eyeLookUpRight": 0.5}, (0, 15)),
        ({"eyeLookDownLeft": 1, "eyeLookDownRight": 1}, (0, -30)),
        ({"eyeLookInLeft": 1, "eyeLookInRight": 1}, (0, 0)),
    ],
    ids=["left", "right", "up", "down", "squint"],
)
def test_signs_of_the_gaze(moved: dict[str, float], expected: tuple[float, float]) -> None:
    """Eyes that turn to the subject's left or up are positive; crossed eyes look ahead."""
    gaze = gaze_of(coefficients(**moved), np.eye(3))

    assert expected == pytest.approx(gaze.tolist(), abs=0.01)


def test_a_tilted_head_tilts_its_gaze() -> None:
    """Somebody who lies on their side, clockwise, and looks up looks to the picture's right."""
    up = coefficients(eyeLookUpLeft=1, eyeLookUpRight=1)

    gaze = gaze_of(up, head_rotation(head_matrix(0, 0, 90)))

    assert [30, 0] == pytest.approx(gaze.tolist(), abs=0.01)


def test_what_is_not_trusted_is_missing() -> None:
    """An AU without a coefficient that can be trusted is NaN on all sides, never 0."""
    au = stronger_known_side(au_sides_of(coefficients(), solid_face()))

    assert set(NOT_MEASURED) == {
        label for label, value in zip(AU_LABELS, au, strict=True) if np.isnan(value)
    }


@given(st.integers(0, 2**32 - 1))
def test_intensities_stay_on_the_scale(seed: int) -> None:
    """Whatever the coefficients are, a measured intensity lies between 0 and 5."""
    random = np.random.default_rng(seed)
    drawn = {name: float(random.uniform(-0.1, 1.1)) for name in coefficients()}

    sides = au_sides_of(drawn, solid_face(gap=float(random.uniform(0, 40))))

    known = sides[~np.isnan(sides)]
    assert (known >= 0).all()
    assert (known <= 5).all()


@pytest.mark.parametrize("label", sorted(COEFFICIENTS))
def test_each_output_follows_its_own_coefficient(label: str) -> None:
    """A coefficient at 1 is intensity 5 on its own side, and nothing on the other."""
    sides = au_sides_of(coefficients(**{COEFFICIENTS[label]: 1}), solid_face())

    moved = {AU_SIDE_LABELS[i] for i in np.flatnonzero(np.nan_to_num(sides) > 4.9)}
    both = {side for side, name in COEFFICIENTS.items() if name == COEFFICIENTS[label]}
    assert both == moved


def test_sides_are_the_subjects_own() -> None:
    """A coefficient named Left goes to the subject's left."""
    wrong = [
        label for label, name in COEFFICIENTS.items()
        if name.endswith(("Left", "Right")) and name[-4] != {"L": "L", "R": "i"}[label[-1]]
    ]  # fmt: skip

    assert [] == wrong


@pytest.mark.parametrize(("unit", "name"), [("AU07", "eyeSquint"), ("AU45", "eyeBlink")])
def test_a_face_at_rest_is_at_zero(unit: str, name: str) -> None:
    """Coefficients that aren't 0 at rest are intensity 0 there, and still 5 at their most."""
    for coefficient, expected in ((REST[unit], 0), (0.0, 0), (1.0, 5)):
        shapes = coefficients(**{f"{name}Left": coefficient, f"{name}Right": coefficient})
        au = stronger_known_side(au_sides_of(shapes, solid_face()))

        assert expected == pytest.approx(float(au[AU_LABELS.index(unit)]), abs=1e-5)


def test_lips_part_by_their_gap() -> None:
    """Closed lips are 0, the widest gap is 5, and a wider gap is never less."""
    scores = [lips_part(solid_face(gap=gap)) for gap in (0, 0.2, 1, 2, 4, 8, 12, 30)]

    assert [0, 0] == scores[:2]
    assert [5, 5] == scores[-1:] * 2
    assert sorted(scores) == scores
    assert scores[2] > 0


@given(st.floats(0.1, 10), st.floats(-70, 70))
def test_lips_part_does_not_depend_on_distance_or_turn(scale: float, yaw: float) -> None:
    """The same lips give the same score near and far, from the front and from aside."""
    face = solid_face(gap=3)
    turned = (face @ head_matrix(0, yaw, 0)[:3, :3].T * scale).astype(np.float32)

    assert lips_part(face) == pytest.approx(lips_part(turned), abs=0.02)


def test_the_stronger_measured_side_counts() -> None:
    """One missing side leaves the other; two leave nothing."""
    sides = np.zeros(32, np.float32)
    left, right = AU_SIDE_LABELS.index("AU12_L"), AU_SIDE_LABELS.index("AU12_R")

    for pair, expected in (((1, 3), 3), ((2, np.nan), 2), ((np.nan, np.nan), np.nan)):
        sides[[left, right]] = pair

        au = stronger_known_side(sides)

        assert expected == pytest.approx(float(au[AU_LABELS.index("AU12")]), nan_ok=True)
        assert 0 == au[AU_LABELS.index("AU17")]


def test_landmarks_are_pixels_counted_from_a_pixels_centre() -> None:
    """The mesh's shares of the picture become pixels; depth is in shares of the width."""
    mesh = np.full((MESH_SIZE, 3), (0.25, 0.5, 0.1), np.float32)

    landmarks = solid_landmarks(mesh, (640, 480))

    assert (68, 3) == landmarks.shape
    assert [159.5, 239.5, 64] == pytest.approx(landmarks[0].tolist(), abs=1e-3)


def test_every_landmark_has_its_own_vertex() -> None:
    """68 different vertices of the mesh stand for the 68 landmarks."""
    assert 68 == len(set(MESH_OF_68))
    assert max(MESH_OF_68) < MESH_SIZE
