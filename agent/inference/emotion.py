"""The emotion head: a file of its own, so that a policy can make it unloadable.

Its card decides what it reads: the face encoder's embedding (nearly free), or the part of the
aligned face that a FER2013 picture shows (a net of its own).
"""

from __future__ import annotations

import cv2
import numpy as np

from agent.domain.observation import EMOTIONS
from agent.errors import ModelContractError
from agent.inference.card import require_form
from agent.inference.careful import beside, read_carefully
from agent.inference.encoder import EncodedFace, FaceEncoder
from agent.inference.preprocess import EMOTION_SIZE, Array, Image, standardise
from agent.inference.session import Model

_EMBEDDING = "embedding"


class EmotionHead:
    """Run `emotion_head.onnx` on what its card names."""

    def __init__(self, model: Model) -> None:
        if model.card.outputs[0].labels != EMOTIONS:
            raise ModelContractError(f"{model.card.name}: its classes aren't the agent's")
        picture = (1, 1, EMOTION_SIZE, EMOTION_SIZE)
        taken = (1, None) if model.card.inputs[0].name == _EMBEDDING else picture
        require_form(model.card, [("float32", taken)], [("float32", (1, len(EMOTIONS)))])
        self._model = model
        self._input = model.card.inputs[0].name
        self._temperature = self._own = model.card.setting("temperature")
        self._left, self._top = (
            int(model.card.setting("crop_left")),
            int(model.card.setting("crop_top")),
        )
        self._side = int(model.card.setting("crop_side"))
        self._buffer: Image = np.zeros((EMOTION_SIZE, EMOTION_SIZE), np.uint8)

    def soften(self, factor: float) -> None:
        """Divide the logits by the card's temperature times a factor from now on; 1 is as shipped.

        Args:
            factor: above 0; more than 1 makes the head less certain.
        """
        self._temperature = self._own * factor

    @property
    def reads_embedding(self) -> bool:
        """Tell whether the encoder's embedding is its input, and not the face."""
        return self._input == _EMBEDDING

    def classify_face(self, face: EncodedFace) -> Array:
        """Return calibrated probabilities of one encoded face, float32 (8,)."""
        if self.reads_embedding:
            return self._probabilities(np.ascontiguousarray(face.embedding[None]))
        return self.classify(face.aligned)

    def classify(self, aligned: Image) -> Array:
        """Return calibrated probabilities of one aligned face.

        Args:
            aligned: uint8 (112, 112).

        Returns:
            float32 (8,), sums to 1, order of `EMOTIONS`.
        """
        crop = aligned[self._top : self._top + self._side, self._left : self._left + self._side]
        size = (EMOTION_SIZE, EMOTION_SIZE)
        cv2.resize(crop, size, dst=self._buffer, interpolation=cv2.INTER_AREA)
        return self.classify_crop(self._buffer)

    def classify_crop(self, face: Image) -> Array:
        """The same for a picture that already is such a crop, uint8 (48, 48).

        Raises:
            ModelContractError: this head reads an embedding; `classify_framed` asks the encoder.
        """
        if self.reads_embedding:
            raise ModelContractError(f"{self._model.card.name}: reads an embedding, not a picture")
        try:
            return self._probabilities(standardise(face))
        finally:
            self._buffer.fill(0)

    def classify_framed(self, picture: Image, encoder: FaceEncoder) -> Array:
        """Classify a FER2013 picture, uint8 (48, 48), without a detector.

        Such a picture is framed as the card's crop is, on average: a head that reads embeddings
        looks from there and from beside it, as at any still picture (`agent.inference.careful`).
        """
        if not self.reads_embedding:
            return self.classify_crop(picture)
        found = read_carefully(encoder, picture, beside(self._framing()), self).emotion
        assert found is not None, "a head was given"
        return found

    def _framing(self) -> Array:
        """Find the matrix FER2013 picture -> aligned face, float32 (2, 3)."""
        scale = self._side / EMOTION_SIZE
        # Pixels' centres are whole numbers, so a picture is scaled about (-0.5, -0.5).
        offset = 0.5 * scale - 0.5
        return np.array(
            [[scale, 0, self._left + offset], [0, scale, self._top + offset]], np.float32
        )

    def _probabilities(self, tensor: Array) -> Array:
        """Run the net on its input, wipe that, and calibrate."""
        try:
            (logits,) = self._model.run({self._input: tensor})
        finally:
            tensor.fill(0)
        scaled = logits[0] / self._temperature
        odds = np.exp(scaled - scaled.max())
        probabilities: Array = (odds / odds.sum()).astype(np.float32)
        return probabilities
