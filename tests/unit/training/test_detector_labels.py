"""Labels of real faces: crops, five points, head pose, the split by person."""

from __future__ import annotations

import numpy as np
import pytest

from agent.inference.preprocess import (
    ALIGNED_SIZE,
    STABLE_POINTS,
    STABLE_TEMPLATE,
    align,
    alignment_from_landmarks,
)
from training.data.landmarks import CROP_SIZE, MARGIN, five_points
from training.data.lfw import held_out
from training.label.crops import crop_matrix, cut


def landmarks_at(scale: float, shift: float) -> np.ndarray:
    """Lay the template's stable points into a picture; the others stay at 0."""
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[list(STABLE_POINTS)] = STABLE_TEMPLATE * scale + shift
    return landmarks


def smooth_picture(side: int) -> np.ndarray:
    """Draw a ramp with waves, so that a shift by a pixel shows."""
    y, x = np.mgrid[:side, :side] / side
    return (120 + 60 * np.sin(9 * x) + 60 * np.cos(7 * y)).astype(np.uint8)


@pytest.mark.parametrize("scale", [0.6, 1.0, 2.6])
def test_a_crop_holds_the_aligned_face_eight_pixels_in(scale: float) -> None:
    """Cutting the margin off a crop gives what the product's alignment gives, at any size."""
    picture = smooth_picture(400)
    landmarks = landmarks_at(scale, 30)

    crop = cut(picture, crop_matrix(landmarks))

    face = align(picture, alignment_from_landmarks(landmarks))
    inner = crop[MARGIN : MARGIN + ALIGNED_SIZE, MARGIN : MARGIN + ALIGNED_SIZE]
    assert crop.shape == (CROP_SIZE, CROP_SIZE)
    assert np.abs(inner.astype(int) - face)[8:-8, 8:-8].max() <= 4


def test_five_points_are_means_of_their_landmarks() -> None:
    """An eye is the mean of its six landmarks; nose tip and mouth corners are single ones."""
    landmarks = np.random.default_rng(1).uniform(0, 100, (3, 68, 2)).astype(np.float32)

    points = five_points(landmarks)

    assert points.shape == (3, 5, 2)
    assert points[:, 0] == pytest.approx(landmarks[:, 36:42].mean(1))
    assert points[:, 1] == pytest.approx(landmarks[:, 42:48].mean(1))
    assert points[:, 2:] == pytest.approx(landmarks[:, [30, 48, 54]])


def test_the_split_depends_on_the_name_alone() -> None:
    """A name's part is the same in any order, and about a tenth is held out."""
    names = [f"person_{i}" for i in range(2000)]

    first = dict(zip(names, held_out(names), strict=True))
    second = dict(zip(names[::-1], held_out(names[::-1]), strict=True))

    assert first == second
    assert 0.07 < np.mean(list(first.values())) < 0.13


@pytest.mark.parametrize(
    ("axis", "degrees", "expected"),
    [
        ("x", -20, (20, 0, 0)),
        ("y", 25, (0, 25, 0)),
        ("z", -15, (0, 0, 15)),
    ],
)
def test_pose_has_the_stated_signs(
    axis: str, degrees: float, expected: tuple[float, float, float]
) -> None:
    """Up, to the subject's left and clockwise in the picture are positive."""
    pytest.importorskip("mediapipe", reason="the labelling environment has it, training's has not")
    from training.label.mediapipe_faces import pose_of

    angle = np.radians(degrees)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(4)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)

    assert pose_of(matrix) == pytest.approx(expected, abs=1e-4)
