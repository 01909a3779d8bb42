"""A head that reads the encoder's embedding: what it is given, framing, wiping, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agent.domain.observation import EMOTIONS
from agent.errors import ModelContractError
from agent.inference.card import Card
from agent.inference.emotion import EmotionHead
from agent.inference.encoder import FaceEncoder
from tests.onnx_bytes import card_fields
from tests.unit.inference.squares import SETTINGS, FixedEmotion, Rig, Square, SquareNet

LOGITS = np.array([4, 2, 0, 0, 0, 0, 0, -2], np.float32)


class EmbeddingEmotion(FixedEmotion):
    """Stands in for a head on an embedding of 64 numbers."""

    def __init__(self) -> None:
        fields: dict[str, Any] = card_fields(
            "emotion_head", b"", {"embedding": ("float32", (1, 64))}, {"logits": LOGITS[None]},
            {"logits": EMOTIONS},
        )  # fmt: skip
        self.card = Card.model_validate(fields | {"settings": SETTINGS})
        self.logits, self.error = LOGITS, None
        self.given: list[np.ndarray] = []
        self.shown: list[np.ndarray] = []

    def run(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Keep the very tensor, and a copy of what it held."""
        self.shown.append(inputs["embedding"])
        self.given.append(inputs["embedding"].copy())
        return [self.logits[None]]


def face() -> np.ndarray:
    """Return a FER2013 picture with a bright square where the face is."""
    picture = np.full((48, 48), 20, np.uint8)
    picture[8:40, 8:40] = 200
    return picture


def test_the_card_decides_what_is_read() -> None:
    """A head whose input is named embedding reads that; one on faces doesn't."""
    assert EmotionHead(EmbeddingEmotion()).reads_embedding
    assert not EmotionHead(FixedEmotion(LOGITS, EMOTIONS, SETTINGS)).reads_embedding


def test_the_backend_hands_the_embedding_over() -> None:
    """Each observed face's embedding reaches the head, and is wiped afterwards."""
    rig, net = Rig(emotion=True), EmbeddingEmotion()
    rig.backend._emotion = EmotionHead(net)

    look = rig.look(Square(320.0, 240.0, 120.0))

    assert len(look.observations) == 1
    assert look.observations[0].emotion.sum() == pytest.approx(1)
    assert net.given[0].shape == (1, 64)
    assert not any(tensor.any() for tensor in net.shown)


def test_a_bare_picture_is_refused() -> None:
    """Without the encoder there is no embedding: the head doesn't guess."""
    head = EmotionHead(EmbeddingEmotion())

    with pytest.raises(ModelContractError, match="embedding"):
        head.classify_crop(face())
    with pytest.raises(ModelContractError, match="embedding"):
        head.classify(np.zeros((112, 112), np.uint8))


def test_a_framed_picture_is_looked_at_from_five_places_and_in_the_mirror() -> None:
    """Five starts, each aligned anew twice, each as it is and mirrored; the answer is one."""
    net, encoder = EmbeddingEmotion(), SquareNet()

    probabilities = EmotionHead(net).classify_framed(face(), FaceEncoder(encoder))

    assert len(encoder.shown) == len(net.given)
    assert 10 <= len(encoder.shown) <= 30
    assert probabilities.sum() == pytest.approx(1)


def test_a_framed_picture_needs_no_encoder_for_a_head_on_faces() -> None:
    """A head on pictures takes the picture as it is."""
    head, encoder = EmotionHead(FixedEmotion(LOGITS, EMOTIONS, SETTINGS)), SquareNet()

    framed = head.classify_framed(face(), FaceEncoder(encoder))

    assert framed.tolist() == head.classify_crop(face()).tolist()
    assert not encoder.shown
