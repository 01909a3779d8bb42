"""The tracker's plain functions: boxes, overlap, what a face looks like, what a frame shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.face import DetectedFace
from agent.domain.observation import Encoding, Floats
from agent.inference.preprocess import transform
from agent.inference.tracker import (
    Track,
    face_box,
    is_blurred,
    is_dark,
    looks_like_a_face,
    nearest,
    next_matrix,
    overlap,
)
from tests.unit.inference.squares import Square, mean_face

SIZE = (640, 480)

boxes = st.tuples(
    st.floats(0, 500, width=32), st.floats(0, 500, width=32),
    st.floats(1, 200, width=32), st.floats(1, 200, width=32),
).map(lambda b: np.array([b[0], b[1], b[0] + b[2], b[1] + b[3]], np.float32))  # fmt: skip


@given(boxes, boxes)
def test_overlap_is_a_symmetric_share(a: Floats, b: Floats) -> None:
    """Overlap lies between 0 and 1 and doesn't depend on the order."""
    assert 0 <= overlap(a, b) <= 1.0001
    assert overlap(a, b) == pytest.approx(overlap(b, a), abs=1e-5)


@given(boxes)
def test_a_box_overlaps_itself_wholly(box: Floats) -> None:
    """A box shares everything with itself."""
    assert overlap(box, box) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0, 0, 10, 10), 1.0),
        ((5, 0, 15, 10), 1 / 3),
        ((0, 0, 5, 5), 0.25),
        ((10, 0, 20, 10), 0.0),
        ((30, 30, 40, 40), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(other: tuple[int, ...], expected: float) -> None:
    """Overlap is the shared area over the joint one; boxes that only touch share nothing."""
    box = np.array([0, 0, 10, 10], np.float32)

    assert expected == pytest.approx(overlap(box, np.array(other, np.float32)))


def test_a_face_box_holds_landmarks_and_forehead() -> None:
    """The box reaches from the outermost landmarks to a bit above the brows."""
    points = mean_face()

    box = face_box(points)

    assert box[0] == points[:, 0].min()
    assert box[2:].tolist() == points.max(0).tolist()
    assert box[1] < points[:, 1].min()


@given(st.floats(12, 500), st.floats(-45, 45), st.floats(50, 590), st.floats(50, 430))
def test_a_face_looks_like_one(side: float, degrees: float, x: float, y: float) -> None:
    """A mean face is accepted at any usual size, tilt and place within the frame."""
    a, b = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    tilt = np.array([[a, -b, 56 - 56 * a + 56 * b], [b, a, 56 - 56 * b - 56 * a]], np.float32)
    points = Square(x, y, side).carry(transform(tilt, mean_face()))
    centre = points.mean(0)

    inside = bool((centre >= 0).all() and (centre < SIZE).all())
    assert inside == looks_like_a_face(points, SIZE)


@pytest.mark.parametrize("place", [(-200, 100), (100, -200), (900, 100), (100, 700)])
def test_a_face_outside_the_frame_is_none(place: tuple[int, int]) -> None:
    """Landmarks whose centre left the frame don't look like a face."""
    assert not looks_like_a_face(Square(*place).carry(mean_face()), SIZE)


def test_collapsed_landmarks_are_no_face() -> None:
    """Landmarks all in one place, or a face of two pixels, don't look like a face."""
    assert not looks_like_a_face(np.full((68, 2), 100, np.float32), SIZE)
    assert not looks_like_a_face(Square(100, 100, 4).carry(mean_face()), SIZE)


def test_a_mouth_above_the_eyes_is_no_face() -> None:
    """Landmarks whose mouth is where a face has its forehead, or far off, are refused."""
    for shift in (-60, 60):
        points = Square(300, 200).carry(mean_face())
        points[48:] += np.array([0, shift], np.float32)

        assert not looks_like_a_face(points, SIZE)


@given(st.integers(0, 2**32 - 1))
def test_scattered_landmarks_do_not_crash(seed: int) -> None:
    """Any finite landmarks get an answer."""
    points = np.random.default_rng(seed).uniform(-1000, 1000, (68, 2)).astype(np.float32)

    assert looks_like_a_face(points, SIZE) in {True, False}


def test_the_next_crop_comes_from_the_landmarks() -> None:
    """A track's landmarks are carried onto the template of the aligned face."""
    points = Square(320, 240, 150).carry(mean_face())
    zeros = np.zeros(3, np.float32)
    encoding = Encoding(points, zeros, zeros[:2], np.zeros(32, np.float32), 0.9)

    aligned = transform(next_matrix(Track(0, encoding, 0.9)), points)

    assert np.allclose(mean_face(), aligned, atol=0.01)


def test_darkness_is_told_from_a_dim_picture() -> None:
    """A black frame is dark; one with a lit tenth isn't."""
    dark = np.full((480, 640), 12, np.uint8)
    lit = dark.copy()
    lit[:, :100] = 180

    assert is_dark(dark)
    assert not is_dark(lit)


def test_a_covered_lens_is_told_from_a_picture() -> None:
    """A frame without any edge is blurred; one with texture isn't."""
    smooth = np.tile(np.linspace(80, 120, 640).astype(np.uint8), (480, 1))
    textured = np.random.default_rng(0).integers(80, 120, (480, 640)).astype(np.uint8)

    assert is_blurred(smooth)
    assert not is_blurred(textured)


@pytest.mark.parametrize("axis", [0, 1])
def test_stripes_are_edges_in_either_direction(axis: int) -> None:
    """Shelves or blinds, whose edges all run one way, aren't a covered lens."""
    stripes = (np.indices((480, 640))[axis] // 8 % 2 * 60 + 80).astype(np.uint8)

    assert not is_blurred(stripes)


def track_on(number: int, square: Square) -> Track:
    """Follow a square."""
    zeros = np.zeros(3, np.float32)
    encoding = Encoding(square.carry(mean_face()), zeros, zeros[:2], np.zeros(32, np.float32), 0.9)
    return Track(number, encoding, 0.9)


def detected(box: Floats) -> DetectedFace:
    """Detect a face in a box."""
    return DetectedFace(box.astype(np.float32), np.zeros((5, 2), np.float32), 0.8)


@pytest.mark.parametrize(
    ("away", "larger", "found"), [(0.8, 1.0, 1), (1.2, 1.0, None), (0.2, 1.4, 1), (0.2, 1.7, None)]
)
def test_a_missed_face_is_near_and_of_like_size(
    away: float, larger: float, found: int | None
) -> None:
    """Up to one side away and half as large again it is the same face; beyond it isn't."""
    tracks = [track_on(0, Square(900, 900)), track_on(1, Square(200, 200))]
    box = tracks[1].box
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    moved = middle + np.array([away * 2 * np.sqrt(half.prod()), 0])

    face = detected(np.concatenate([moved - half * larger, moved + half * larger]))

    continued = nearest(tracks, face)
    assert found == (None if continued is None else continued.number)
