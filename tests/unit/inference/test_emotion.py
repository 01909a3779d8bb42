"""The emotion head: probabilities, calibration, wiping, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from agent.domain.observation import EMOTIONS
from agent.errors import ModelContractError, ModelError
from agent.inference.emotion import EmotionHead
from tests.unit.inference.squares import FixedEmotion

SETTINGS = {"temperature": 2.0, "crop_left": 16, "crop_top": 10, "crop_side": 80}
LOGITS = np.array([4, 2, 0, 0, 0, 0, 0, -2], np.float32)


def aligned() -> np.ndarray:
    """Return an aligned face that is bright only inside the crop."""
    face = np.zeros((112, 112), np.uint8)
    face[10:90, 16:96] = np.random.default_rng(0).integers(100, 200, (80, 80))
    return face


def test_probabilities_are_a_calibrated_softmax() -> None:
    """The logits are divided by the card's temperature, and the classes sum to 1."""
    head = EmotionHead(FixedEmotion(LOGITS, EMOTIONS, SETTINGS))

    probabilities = head.classify(aligned())

    odds = np.exp(LOGITS / 2)
    assert (odds / odds.sum()).tolist() == pytest.approx(probabilities.tolist(), abs=1e-6)


def test_huge_logits_do_not_overflow() -> None:
    """A very sure net gives 1 and 0, not NaN."""
    head = EmotionHead(FixedEmotion(LOGITS * 1000, EMOTIONS, SETTINGS))

    assert [1, 0, 0, 0, 0, 0, 0, 0] == pytest.approx(head.classify(aligned()).tolist())


def test_the_cards_crop_is_looked_at() -> None:
    """What the net sees is the crop: it contains nothing of the dark rest."""
    net = FixedEmotion(LOGITS, EMOTIONS, SETTINGS)
    shown = []
    net.run = lambda inputs: shown.append(inputs["face"].copy()) or [LOGITS[None]]  # type: ignore[method-assign]

    EmotionHead(net).classify(aligned())

    assert (1, 1, 48, 48) == shown[0].shape
    # One dark row or column would be the lowest value by far after standardising.
    assert shown[0].min() > -4


def test_pixels_are_wiped() -> None:
    """Neither the tensor nor the head's own buffer holds the face afterwards; the face stays."""
    net = FixedEmotion(LOGITS, EMOTIONS, SETTINGS)
    head, face = EmotionHead(net), aligned()

    head.classify(face)

    assert not net.shown[0].any()
    assert not head._buffer.any()
    assert face.any()


def test_other_classes_are_refused() -> None:
    """A head with other classes, or with the same in another order, isn't run."""
    with pytest.raises(ModelContractError, match="classes"):
        EmotionHead(FixedEmotion(LOGITS, tuple(reversed(EMOTIONS)), SETTINGS))


@pytest.mark.parametrize("missing", sorted(SETTINGS))
def test_a_head_without_its_numbers_is_refused(missing: str) -> None:
    """Without temperature or crop the head can't be used."""
    settings = {key: value for key, value in SETTINGS.items() if key != missing}

    with pytest.raises(ModelError, match=missing):
        EmotionHead(FixedEmotion(LOGITS, EMOTIONS, settings))
