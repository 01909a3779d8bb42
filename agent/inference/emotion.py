"""The emotion head: a file of its own, so that a policy can make it unloadable."""

from __future__ import annotations

import cv2
import numpy as np

from agent.domain.observation import EMOTIONS
from agent.errors import ModelContractError
from agent.inference.preprocess import EMOTION_SIZE, Array, Image, standardise
from agent.inference.session import Model


class EmotionHead:
    """Run `emotion_head.onnx` on the part of an aligned face that FER2013 pictures show."""

    def __init__(self, model: Model) -> None:
        if model.card.outputs[0].labels != EMOTIONS:
            raise ModelContractError(f"{model.card.name}: its classes aren't the agent's")
        self._model = model
        self._input = model.card.inputs[0].name
        self._temperature = model.card.setting("temperature")
        self._left, self._top = (
            int(model.card.setting("crop_left")),
            int(model.card.setting("crop_top")),
        )
        self._side = int(model.card.setting("crop_side"))
        self._buffer: Image = np.zeros((EMOTION_SIZE, EMOTION_SIZE), np.uint8)

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
        """The same for a picture that already is such a crop, uint8 (48, 48)."""
        tensor = standardise(face)
        try:
            (logits,) = self._model.run({self._input: tensor})
        finally:
            tensor.fill(0)
            self._buffer.fill(0)
        scaled = logits[0] / self._temperature
        odds = np.exp(scaled - scaled.max())
        probabilities: Array = (odds / odds.sum()).astype(np.float32)
        return probabilities
