"""The face encoder: an aligned face in, landmarks, pose, gaze, Action Units and quality out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agent.domain.facs import AU_SIDE_LABELS, MAX_INTENSITY
from agent.domain.observation import Encoding
from agent.errors import ModelContractError
from agent.inference import mirror
from agent.inference.card import require_form
from agent.inference.preprocess import (
    ALIGNED_SIZE,
    Array,
    Image,
    align,
    invert,
    standardise,
    transform,
)
from agent.inference.session import Model

LANDMARKS = 68
_OUTPUTS = ("landmarks", "pose", "gaze", "au", "quality", "embedding")


@dataclass(frozen=True, slots=True, eq=False)
class EncodedFace:
    """An encoding and what only other models may see of the face; memory only.

    Attributes:
        encoding: landmarks in the frame's pixels, angles against the camera.
        aligned: uint8 (112, 112), a view of the encoder's buffer: valid until the next face.
        embedding: float32, of the card's length.
    """

    encoding: Encoding
    aligned: Image
    embedding: Array


class FaceEncoder:
    """Run `face_encoder.onnx`; owns one aligned-face buffer and can wipe it."""

    def __init__(self, model: Model) -> None:
        if tuple(output.name for output in model.card.outputs) != _OUTPUTS:
            raise ModelContractError(f"{model.card.name}: outputs must be {', '.join(_OUTPUTS)}")
        if model.card.outputs[3].labels != AU_SIDE_LABELS:
            raise ModelContractError(f"{model.card.name}: its AU labels aren't the agent's")
        sizes = (2 * LANDMARKS, 3, 2, len(AU_SIDE_LABELS), 1, None)
        require_form(
            model.card,
            [("float32", (1, 1, ALIGNED_SIZE, ALIGNED_SIZE))],
            [("float32", (1, size)) for size in sizes],
        )
        self._model = model
        self._input = model.card.inputs[0].name
        self._aligned: Image = np.zeros((ALIGNED_SIZE, ALIGNED_SIZE), np.uint8)

    def encode(self, gray: Image, matrix: Array, *, mirrored: bool = False) -> EncodedFace:
        """Encode one face.

        Args:
            gray: uint8 (H, W), the frame.
            matrix: float32 (2, 3), frame -> aligned face.
            mirrored: look at its mirror image; what is returned is of the face itself, but for
                `aligned` and `embedding`.

        Returns:
            The face; AU intensities clipped to 0-5.
        """
        face = align(gray, matrix, self._aligned)
        if mirrored:
            other = face[:, ::-1].copy()
            face[:] = other
            other.fill(0)
        tensor = standardise(face)
        try:
            outputs = self._model.run({self._input: tensor})
        finally:
            tensor.fill(0)
        landmarks, pose, gaze, au, quality, embedding = (value[0] for value in outputs)
        landmarks = landmarks.reshape(LANDMARKS, 2)
        if mirrored:
            landmarks, pose = mirror.landmarks_back(landmarks), mirror.pose_back(pose)
            gaze, au = mirror.gaze_back(gaze), mirror.sides_back(au)
        back = invert(matrix)
        # Alignment took the picture's roll out; the angles get it back.
        turned = float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
        encoding = Encoding(
            landmarks=transform(back, landmarks),
            pose=np.array([pose[0], pose[1], pose[2] - turned], np.float32),
            gaze=_turn(gaze, -turned),
            au_sides=np.clip(au, 0, MAX_INTENSITY).astype(np.float32),
            quality=float(quality[0]),
        )
        return EncodedFace(encoding, face, embedding)

    def wipe(self) -> None:
        """Overwrite the last aligned face."""
        self._aligned.fill(0)


def _turn(gaze: Array, degrees: float) -> Array:
    """Turn a gaze (yaw, pitch) clockwise in the picture by `degrees`."""
    angle = np.radians(degrees)
    right, down = gaze[0], -gaze[1]
    return np.array(
        [
            np.cos(angle) * right - np.sin(angle) * down,
            -(np.sin(angle) * right + np.cos(angle) * down),
        ],
        np.float32,
    )
