"""A still's face is read from several framings and in the mirror."""

from __future__ import annotations

import numpy as np
import pytest

from agent.domain.facs import AU_SIDE_LABELS
from agent.domain.observation import EMOTIONS
from agent.inference import mirror
from agent.inference.careful import beside, read_carefully
from agent.inference.emotion import EmotionHead
from agent.inference.encoder import FaceEncoder
from agent.inference.preprocess import alignment_from_landmarks
from tests.unit.inference.squares import (
    SETTINGS,
    FixedEmotion,
    Rig,
    Square,
    SquareNet,
    draw,
    mean_face,
)

SIDE = AU_SIDE_LABELS.index("AU12_L"), AU_SIDE_LABELS.index("AU12_R")


def gray_of(square: Square) -> np.ndarray:
    """Draw a scene as the backend hands it on."""
    return np.ascontiguousarray(draw(square).pixels[:, :, 0])


def aligned_on(square: Square) -> np.ndarray:
    """Align on a square exactly."""
    return alignment_from_landmarks(square.carry(mean_face()))


def test_a_mirror_twice_is_the_face_itself() -> None:
    """Landmarks, angles and sides come back after two mirrors, and one changes them."""
    points = np.random.default_rng(1).uniform(0, 111, (68, 2)).astype(np.float32)
    sides = np.arange(32, dtype=np.float32)

    assert mirror.landmarks_back(mirror.landmarks_back(points)) == pytest.approx(points)
    assert mirror.sides_back(mirror.sides_back(sides)).tolist() == sides.tolist()
    assert mirror.sides_back(sides)[SIDE[0]] == SIDE[1]
    assert mirror.pose_back(np.array([1, 2, 3])).tolist() == [1, -2, -3]
    assert mirror.gaze_back(np.array([4, 5])).tolist() == [-4, 5]


def test_the_mirrored_look_is_carried_back() -> None:
    """Looked at in the mirror, a face lies where it lies, and its sides are its own."""
    net, square = SquareNet(), Square(300, 200, 90)
    net.au[SIDE[0]] = 3
    net.pose = np.array([5, 10, 0], np.float32)
    encoder = FaceEncoder(net)

    plain = encoder.encode(gray_of(square), aligned_on(square)).encoding
    seen = encoder.encode(gray_of(square), aligned_on(square), mirrored=True).encoding

    # The net answers the same for whatever it is shown, so the mirror swaps what it says.
    assert seen.landmarks[30] == pytest.approx(plain.landmarks[30], abs=1.5)
    assert seen.landmarks[36, 0] < seen.landmarks[45, 0]
    assert (seen.au_sides[SIDE[1]], seen.au_sides[SIDE[0]]) == (3, 0)
    assert seen.pose[:2].tolist() == [5, -10]


def test_a_bad_start_ends_at_the_face() -> None:
    """Started ten pixels beside the face, the looks settle on it."""
    square = Square(300, 200, 90)
    start = aligned_on(square)
    start[:, 2] += (10, -8)

    read = read_carefully(FaceEncoder(SquareNet()), gray_of(square), [start], None)

    expected = square.carry(mean_face())
    assert np.abs(read.encoding.landmarks - expected).mean() < 3
    assert read.emotion is None


def test_looks_that_missed_the_face_hardly_count() -> None:
    """A start that sees no face says so by its quality, and leaves the answer to the others."""
    square = Square(300, 200, 90)
    astray = aligned_on(square)
    astray[:, 2] += 500

    read = read_carefully(
        FaceEncoder(SquareNet()), gray_of(square), [aligned_on(square), astray], None
    )

    assert read.encoding.landmarks == pytest.approx(square.carry(mean_face()), abs=3)


def test_probabilities_of_agreeing_looks_stay_as_sure() -> None:
    """A head that always says the same says just that in the end."""
    head = EmotionHead(FixedEmotion(np.arange(8, dtype=np.float32), EMOTIONS, SETTINGS))
    square = Square(300, 200, 90)

    read = read_carefully(
        FaceEncoder(SquareNet()), gray_of(square), beside(aligned_on(square)), head
    )

    odds = np.exp(np.arange(8.0))
    assert read.emotion == pytest.approx(odds / odds.sum(), abs=1e-5)


def test_a_close_up_is_found_with_air_around_it() -> None:
    """A still without a face is looked at with a margin; a camera's frame isn't."""
    rig = Rig(still=True)
    found = rig.detector.detect

    def needs_air(gray, *, thorough=False):
        faces = found(gray, thorough=thorough)
        return [face for face in faces if face.box[0] > 40]

    rig.detector.detect = needs_air
    (seen,) = rig.look(Square(66, 60, 100), size=(132, 120)).observations
    live = Rig()
    live.detector.detect = needs_air

    assert seen.box[[0, 2]].mean() == pytest.approx(66, abs=6)
    assert not live.look(Square(66, 60, 100), size=(132, 120)).observations
