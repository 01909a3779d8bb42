"""Geometry and light in front of the models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.inference.preprocess import (
    ALIGNED_SIZE,
    FIVE_POINT_TEMPLATE,
    STABLE_POINTS,
    STABLE_TEMPLATE,
    Array,
    align,
    alignment_from_five,
    alignment_from_landmarks,
    invert,
    letterbox,
    similarity,
    standardise,
    transform,
)

angles = st.floats(-180, 180)
scales = st.floats(0.05, 8)
shifts = st.floats(-500, 500)


def turned(scale: float, degrees: float, x: float, y: float) -> Array:
    """Build a similarity, float32 (2, 3)."""
    a, b = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return np.array([[a, -b, x], [b, a, y]], np.float32)


@given(scales, angles, shifts, shifts)
def test_similarity_finds_what_was_done(scale: float, degrees: float, x: float, y: float) -> None:
    """Points that were turned, scaled and shifted give exactly that matrix back."""
    done = turned(scale, degrees, x, y)

    found = similarity(STABLE_TEMPLATE, transform(done, STABLE_TEMPLATE))

    assert np.allclose(done, found, rtol=1e-3, atol=0.02)


@given(scales, angles, shifts, shifts)
def test_an_inverted_matrix_leads_back(scale: float, degrees: float, x: float, y: float) -> None:
    """A point carried there and back is where it was."""
    matrix = turned(scale, degrees, x, y)

    there = transform(matrix, FIVE_POINT_TEMPLATE)

    back = transform(invert(matrix), there)
    assert np.allclose(FIVE_POINT_TEMPLATE, back, atol=0.05 + 1e-3 / scale)


@given(st.integers(0, 2**32 - 1))
def test_similarity_never_mirrors(seed: int) -> None:
    """Whatever the points are, the matrix turns and scales but doesn't mirror."""
    random = np.random.default_rng(seed)
    source, target = random.uniform(0, 100, (2, 5, 2)).astype(np.float32)

    matrix = similarity(source, target)

    assert np.linalg.det(matrix[:, :2]) >= 0


def test_coinciding_points_have_no_scale() -> None:
    """Points that are all the same can't be aligned, and this is said."""
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.ones((5, 2), np.float32), FIVE_POINT_TEMPLATE)


@given(st.floats(0.2, 5), angles, shifts, shifts)
def test_both_alignments_agree(scale: float, degrees: float, x: float, y: float) -> None:
    """A face that fits both templates gets the same matrix from five points and from 68."""
    to_frame = turned(scale, degrees, x, y)
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[list(STABLE_POINTS)] = transform(to_frame, STABLE_TEMPLATE)
    five = transform(to_frame, FIVE_POINT_TEMPLATE)

    by_five, by_all = alignment_from_five(five), alignment_from_landmarks(landmarks)

    assert np.allclose(by_five @ to_homogeneous(to_frame), np.eye(2, 3), atol=0.01 + 0.01 / scale)
    assert np.allclose(by_five[:, :2], by_all[:, :2], rtol=1e-2, atol=1e-3 / scale)


def to_homogeneous(matrix: Array) -> Array:
    """Complete float32 (2, 3) to (3, 3)."""
    return np.vstack([matrix, [0, 0, 1]]).astype(np.float32)


@given(st.floats(0.02, 5), angles, st.floats(-300, 900), st.floats(-300, 700))
def test_an_aligned_face_has_one_size(scale: float, degrees: float, x: float, y: float) -> None:
    """Whatever the matrix, also one far outside the frame, the face is uint8 (112, 112)."""
    gray = np.full((48, 64), 77, np.uint8)

    face = align(gray, turned(scale, degrees, x, y))

    assert (ALIGNED_SIZE, ALIGNED_SIZE) == face.shape
    assert np.uint8 == face.dtype
    # One colour stays one colour: outside the frame the border repeats, nothing black comes in.
    assert {77} == set(face.ravel().tolist())


def test_an_aligned_face_shows_the_right_place() -> None:
    """A bright spot at a landmark appears at that landmark's place in the template."""
    gray = np.zeros((480, 640), np.uint8)
    to_frame = turned(1.5, 20, 200, 100)
    x, y = transform(to_frame, FIVE_POINT_TEMPLATE[:1])[0]
    gray[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3] = 255

    face = align(gray, invert(to_frame))

    row, column = np.unravel_index(face.argmax(), face.shape)
    assert np.hypot(column - FIVE_POINT_TEMPLATE[0, 0], row - FIVE_POINT_TEMPLATE[0, 1]) < 2


def test_a_large_face_is_averaged() -> None:
    """A fine checkerboard on a large face becomes even gray and doesn't alias into a pattern."""
    rows, columns = np.indices((1200, 1200))
    gray = (((rows + columns) % 2) * 255).astype(np.uint8)

    face = align(gray, turned(0.11, 7, -5, -5))

    assert 4 > face[10:-10, 10:-10].std()
    assert 2 > abs(float(face[10:-10, 10:-10].mean()) - 127.5)


@pytest.mark.parametrize("scale", [0.49, 0.3, 0.2, 0.1])
def test_averaging_does_not_shift_a_face(scale: float) -> None:
    """A large smooth face lies, after averaging, where plain sampling puts it."""
    rows, columns = np.indices((1500, 1500))
    gray = (127 + 60 * np.sin(columns / 90) + 60 * np.cos(rows / 110)).astype(np.uint8)
    matrix = turned(scale, 12, 10, -20)

    face = align(gray, matrix).astype(float)

    back = transform(invert(matrix), np.indices((112, 112))[::-1].reshape(2, -1).T)
    expected = 127 + 60 * np.sin(back[:, 0] / 90) + 60 * np.cos(back[:, 1] / 110)
    inside = ((back > 20) & (back < 1480)).all(1)
    assert 2.5 > np.abs(face.ravel() - expected)[inside].mean()


def test_a_face_is_written_into_the_callers_buffer() -> None:
    """With `out` the pixels lie in the caller's memory, so that the caller can wipe them."""
    out = np.zeros((ALIGNED_SIZE, ALIGNED_SIZE), np.uint8)

    face = align(np.full((50, 50), 9, np.uint8), turned(1, 0, 0, 0), out)

    assert np.shares_memory(out, face)
    assert 9 == out.max()


def test_align_leaves_the_frame_as_it_is() -> None:
    """Neither the frame nor the matrix is changed, also where a large face is averaged."""
    gray = np.random.default_rng(1).integers(0, 255, (900, 900)).astype(np.uint8)
    matrix = turned(0.12, 5, 3, 4)
    before = gray.copy(), matrix.copy()

    align(gray, matrix)

    assert (before[0] == gray).all()
    assert (before[1] == matrix).all()


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 1), st.integers(0, 60))
def test_exposure_does_not_matter(seed: int, gain: float, lift: int) -> None:
    """A standardised face has mean 0 and deviation 1, and a darker picture gives the same."""
    face = np.random.default_rng(seed).integers(0, 190, (24, 24)).astype(np.float32)

    plain, other = standardise(face), standardise(face * gain + lift)

    assert (1, 1, 24, 24) == plain.shape
    assert abs(float(plain.mean())) < 1e-4
    assert abs(float(plain.std()) - 1) < 1e-3
    assert np.allclose(plain, other, atol=2e-3)


def test_an_even_face_stays_finite() -> None:
    """A face of one colour has no deviation to divide by, and still gives numbers."""
    assert np.isfinite(standardise(np.full((112, 112), 80, np.uint8))).all()


def test_standardising_leaves_the_face_as_it_is() -> None:
    """The tensor is a copy: the aligned face is still there for the emotion head."""
    face = np.arange(16, dtype=np.float32).reshape(4, 4)

    standardise(face).fill(0)

    assert 15 == face.max()


@given(st.integers(1, 700), st.integers(1, 700))
def test_letterbox_fits_any_frame(width: int, height: int) -> None:
    """A frame of any shape fits, keeps its proportions, and what it doesn't cover is 0."""
    gray = np.full((height, width), 200, np.uint8)
    out = np.full((60, 80), 7, np.uint8)

    fit = letterbox(gray, 80, 60, out)

    columns, rows = (max(1, round(side * fit.scale)) for side in (width, height))
    assert columns <= 80
    assert rows <= 60
    assert columns == 80 or rows == 60
    assert (out[:rows, :columns] == 200).all()
    assert out[rows:].sum() == 0
    assert out[:, columns:].sum() == 0


@given(st.integers(2, 700), st.integers(2, 700), st.floats(0, 1), st.floats(0, 1))
def test_letterbox_leads_back_to_the_frame(width: int, height: int, x: float, y: float) -> None:
    """A point of the input is carried back to where it was in the frame."""
    fit = letterbox(np.zeros((height, width), np.uint8), 80, 60, np.zeros((60, 80), np.uint8))
    point = np.array([[x * width, y * height]], np.float32)

    assert np.allclose(point, fit.to_frame(point * fit.scale), atol=1e-2)


def test_letterbox_wipes_what_was_there() -> None:
    """Nothing of the frame before shines through beside a narrower frame."""
    out = np.zeros((60, 80), np.uint8)
    letterbox(np.full((60, 80), 255, np.uint8), 80, 60, out)

    letterbox(np.full((60, 10), 1, np.uint8), 80, 60, out)

    assert 1 == out.max()
