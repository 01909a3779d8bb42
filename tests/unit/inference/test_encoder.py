"""The encoder: from aligned pixels back to the frame, and refusals of foreign models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agent.domain.facs import AU_SIDE_LABELS
from agent.errors import ModelContractError
from agent.inference.card import Card
from agent.inference.encoder import FaceEncoder
from agent.inference.preprocess import Array
from tests.onnx_bytes import encoder_fields
from tests.unit.inference.squares import BRIGHT, SquareNet, mean_face


def turned(scale: float, degrees: float) -> Array:
    """Build a matrix frame -> aligned face that turns about the face at (320, 240)."""
    a, b = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    linear = np.array([[a, -b], [b, a]], np.float32)
    shift = np.array([56, 56], np.float32) - linear @ np.array([320, 240], np.float32)
    return np.concatenate([linear, shift[:, None]], 1).astype(np.float32)


@pytest.fixture
def gray() -> np.ndarray:
    """Return a frame with one bright square of 144 pixels in its middle."""
    frame = np.full((480, 640), 60, np.uint8)
    frame[168:312, 248:392] = BRIGHT
    return frame


def test_landmarks_are_carried_to_the_frame(gray: np.ndarray) -> None:
    """Landmarks come in pixels of the frame, where the face is."""
    face = FaceEncoder(SquareNet()).encode(gray, turned(0.5, 0))

    expected = (mean_face() - 56) * 2 + np.array([319.5, 239.5])
    assert np.allclose(expected, face.encoding.landmarks, atol=2)


def test_roll_of_the_picture_is_given_back(gray: np.ndarray) -> None:
    """A face that had to be turned 20 degrees to stand upright has that roll, and no other."""
    net = SquareNet()
    net.pose = np.array([7, -8, 1], np.float32)

    face = FaceEncoder(net).encode(gray, turned(0.5, -20))

    assert [7, -8, 21] == pytest.approx(face.encoding.pose.tolist(), abs=1e-3)


def test_gaze_turns_with_the_picture(gray: np.ndarray) -> None:
    """A gaze (4, 5) in a face that lies on its side, clockwise, points to (5, -4)."""
    face = FaceEncoder(SquareNet()).encode(gray, turned(0.5, -90))

    assert [5, -4] == pytest.approx(face.encoding.gaze.tolist(), abs=1e-3)


def test_intensities_stay_on_the_scale(gray: np.ndarray) -> None:
    """A net that overshoots doesn't give an intensity under 0 or over 5."""
    net = SquareNet()
    net.au = np.linspace(-3, 9, len(AU_SIDE_LABELS)).astype(np.float32)

    sides = FaceEncoder(net).encode(gray, turned(0.5, 0)).encoding.au_sides

    assert np.clip(net.au, 0, 5).tolist() == sides.tolist()


def test_pixels_are_wiped(gray: np.ndarray) -> None:
    """The tensor is empty when `encode` returns; the aligned face is after `wipe`."""
    net = SquareNet()
    encoder = FaceEncoder(net)
    face = encoder.encode(gray, turned(0.5, 0))
    seen = int(face.aligned.max())

    encoder.wipe()

    assert BRIGHT == seen
    assert not face.aligned.any()
    assert not net.shown[0].any()


def altered(change: str) -> dict[str, Any]:
    """Return an encoder's card with one thing changed."""
    fields = encoder_fields(b"", mean_face())
    outputs = fields["outputs"]
    if change == "order":
        outputs.reverse()
    elif change == "missing":
        outputs.pop()
    elif change == "labels":
        outputs[3]["labels"] = list(reversed(AU_SIDE_LABELS))
    return fields


@pytest.mark.parametrize("change", ["order", "missing", "labels"])
def test_a_foreign_encoder_is_refused(change: str) -> None:
    """A model with other outputs, or with its AUs in another order, isn't run."""
    net = SquareNet()
    net.card = Card.model_validate(altered(change))

    with pytest.raises(ModelContractError, match="face_encoder"):
        FaceEncoder(net)
