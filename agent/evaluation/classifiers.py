"""Emotion classifiers of others, as baselines: ONNX files whose layout is known.

Only one layout is supported: mini-XCEPTION of the FER2013 benchmark (Arriaga et al. 2017), gray
64 x 64 in `(x / 255 - 0.5) * 2`, seven classes in FER2013's order, no contempt.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from agent.domain.observation import EMOTIONS
from agent.errors import ModelError

FER2013_CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
SIDE = 64
_BATCH = 128

Image = npt.NDArray[np.uint8]


class MiniXception:
    """A seven-class FER2013 net of 64 x 64 gray pictures."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Open the file.

        Raises:
            ModelError: it is missing, isn't ONNX, or has another layout.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"can't read {path.name}: {error.strerror}") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        try:
            session: Any = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises bare pybind exceptions
            raise ModelError(
                f"onnxruntime can't load {path.name}", advice="Name an ONNX file."
            ) from error
        self.name = path.name.removesuffix(".onnx")
        self.identity = (f"{self.name}@{hashlib.sha256(content).hexdigest()[:8]}",)
        self._session = session
        self._input = _input_of(session, path.name)

    def probabilities(self, images: Image) -> npt.NDArray[np.float32]:
        """Return float32 (N, 8) over `EMOTIONS` of uint8 (N, H, W); contempt is 0."""
        found = np.zeros((len(images), len(EMOTIONS)), np.float32)
        places = [EMOTIONS.index(name) for name in FER2013_CLASSES]
        fixed = self._input.shape[0]
        batch = 1 if isinstance(fixed, int) else _BATCH
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            large = np.stack([cv2.resize(image, (SIDE, SIDE)) for image in part])
            fed = ((large.astype(np.float32) / 255 - 0.5) * 2)[:, None]
            if self._input.shape[-1] == 1:
                fed = np.ascontiguousarray(fed.transpose(0, 2, 3, 1))
            answer = self._session.run(None, {self._input.name: fed})[0]
            found[start : start + len(part), places] = answer
        return found


def _input_of(session: Any, name: str) -> Any:
    """Return the input of a session with the one supported layout."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    sides = [list(node.shape[1:]) for node in inputs]
    if sides in ([[1, SIDE, SIDE]], [[SIDE, SIDE, 1]]) and outputs[0].shape[-1:] == [7]:
        return inputs[0]
    raise ModelError(
        f"{name} isn't laid out as a mini-XCEPTION: one 64 x 64 gray input, 7 classes",
        advice="Other classifiers aren't supported as a baseline.",
    )
