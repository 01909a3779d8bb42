"""Whoever is scored: the shipped models, MediaPipe, an emotion classifier, YuNet as reference.

Own models run as the product runs them: same card, same detector, alignment and preprocessing.
One thing differs: a face of poor quality isn't hidden here, because a score over the easy faces
alone would flatter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_LABELS, MAX_INTENSITY
from agent.domain.frame import Frame
from agent.domain.observation import FaceBackend, Floats, Look, Observation
from agent.errors import ConfigError
from agent.inference.backend import OwnBackend
from agent.inference.detector import FaceDetector, load_detector
from agent.inference.emotion import EmotionHead
from agent.inference.encoder import FaceEncoder
from agent.inference.mediapipe import (
    Landmarker,
    MediaPipeBackend,
    load_landmarker,
    load_mediapipe,
)
from agent.inference.mediapipe_map import MeshFace
from agent.inference.session import Model, load_model
from agent.inference.tracker import TrackingRules

OWN, MEDIAPIPE = "omokage", "mediapipe"

Image = npt.NDArray[np.uint8]
Progress = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done, and how much there is."""


def silent(what: str, done: int, of: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Which weights stand for Omokage.

    Attributes:
        models: the folder of the shipped ones.
        detector: a file to use instead, its card beside it.
        encoder: the same for the encoder.
        emotion: the same for the emotion head.
        threads: of onnxruntime.
    """

    models: Path
    detector: Path | None = None
    encoder: Path | None = None
    emotion: Path | None = None
    threads: int = 1

    def load(self, part: str) -> Model:
        """Load `detector`, `encoder` or `emotion`.

        Raises:
            ModelError: it is missing, altered, or breaks its card's contract.
        """
        names = {"detector": "face_detector", "encoder": "face_encoder", "emotion": "emotion_head"}
        other: Path | None = getattr(self, part)
        if other is None:
            return load_model(self.models, names[part], threads=self.threads)
        if other.suffix != ".onnx":
            raise ConfigError(f"{other.name} isn't an .onnx file")
        return load_model(other.parent, other.name.removesuffix(".onnx"), threads=self.threads)


class OwnTool:
    """The shipped models."""

    name = OWN

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._models: dict[str, Model] = {}

    def _model(self, part: str) -> Model:
        if part not in self._models:
            self._models[part] = self.weights.load(part)
        return self._models[part]

    def models(self, *parts: str) -> tuple[str, ...]:
        """Name the exact weights of some parts."""
        return tuple(self._model(part).card.identifier for part in parts)

    def detector(self, threshold: float | None = None) -> FaceDetector:
        """Return the detector, at its card's threshold or at another one."""
        model = self._model("detector")
        if threshold is None:
            return load_detector(model)
        height, width = model.card.inputs[0].shape[-2:]
        return FaceDetector(model.run, width, height, threshold)

    def threshold(self) -> float:
        """Return the score from which the product takes a detection for a face."""
        return self._model("detector").card.setting("score_threshold")

    def encoder(self) -> FaceEncoder:
        """Return the face encoder."""
        return FaceEncoder(self._model("encoder"))

    def emotion(self) -> EmotionHead:
        """Return the emotion head."""
        return EmotionHead(self._model("emotion"))

    def stills(self, *, emotion: bool, hide_poor: bool = False) -> FaceBackend:
        """Return what looks at single pictures."""
        rules = TrackingRules() if hide_poor else TrackingRules(lost_below=0.0)
        return OwnBackend(
            self.detector(), self.encoder(),
            self.emotion() if emotion else None, models=(), still=True, rules=rules,
        )  # fmt: skip

    def video(self) -> FaceBackend:
        """Return what follows faces through a clip, as it runs in production."""
        return OwnBackend(self.detector(), self.encoder(), None, models=(), still=False)


class MediaPipeTool:
    """MediaPipe's FaceLandmarker, the baseline."""

    name = MEDIAPIPE

    def __init__(self, task_file: Path) -> None:
        """Try whether it can be loaded at all.

        Raises:
            ConfigError: the extra isn't installed.
            ModelError: the file is missing, or another one.
        """
        self._task_file = task_file
        backend = load_mediapipe(task_file, still=True)
        self.identity = backend.models
        backend.close()

    def stills(self, most_faces: int = 1) -> FaceBackend:
        """Return what looks at single pictures."""
        return RawMediaPipe(load_landmarker(self._task_file, still=True, most_faces=most_faces))

    def video(self) -> FaceBackend:
        """Return what follows faces through a clip."""
        return load_mediapipe(self._task_file, still=False)


class _Recorder:
    """A landmarker that remembers its last answer."""

    def __init__(self, landmarker: Landmarker) -> None:
        self._landmarker = landmarker
        self.last: list[MeshFace] = []

    def find(self, rgb: Image, at_ms: int) -> list[MeshFace]:
        self.last = self._landmarker.find(rgb, at_ms)
        return self.last

    def close(self) -> None:
        self._landmarker.close()


class RawMediaPipe:
    """MediaPipe on stills, with the coefficients too that the product's backend doesn't trust.

    A baseline should not look worse than it is: where the product says "not measured", the raw
    coefficient is scored.
    """

    name = MEDIAPIPE

    def __init__(self, landmarker: Landmarker) -> None:
        self._recorder = _Recorder(landmarker)
        self._backend = MediaPipeBackend(self._recorder, models=(), still=True)

    def look(self, frame: Frame) -> Look:
        """Observe all faces of a picture."""
        look = self._backend.look(frame)
        pairs = zip(look.observations, self._recorder.last, strict=True)
        return Look(look.status, tuple(_completed(one, mesh) for one, mesh in pairs))

    def reset(self) -> None:
        """Forget everything."""
        self._backend.reset()

    def close(self) -> None:
        """Release the model."""
        self._backend.close()


def _completed(seen: Observation, mesh: MeshFace) -> Observation:
    """Fill AUs that weren't mapped with 5 times their raw coefficient, the larger side."""
    au = seen.au.copy()
    for label, names in UNTRUSTED.items():
        place = AU_LABELS.index(label)
        if np.isnan(au[place]):
            au[place] = MAX_INTENSITY * max(mesh.coefficients[name] for name in names)
    return replace(seen, au=au)


UNTRUSTED: dict[str, tuple[str, ...]] = {
    "AU05": ("eyeWideLeft", "eyeWideRight"),
    "AU06": ("cheekSquintLeft", "cheekSquintRight"),
    "AU09": ("noseSneerLeft", "noseSneerRight"),
    "AU15": ("mouthFrownLeft", "mouthFrownRight"),
    "AU17": ("mouthShrugLower",),
    "AU23": ("mouthPressLeft", "mouthPressRight"),
    "AU28": ("mouthRollLower", "mouthRollUpper"),
}
"""Coefficients of the AUs that `agent.inference.mediapipe_map` leaves out, and says why."""


@dataclass(frozen=True, slots=True)
class View:
    """How a small picture is shown to a tool: enlarged, framed by its repeated border."""

    factor: int
    margin: int

    def apply(self, gray: Image) -> Image:
        """Return BGR uint8 (H', W', 3) of gray uint8 (H, W)."""
        large = gray
        if self.factor > 1:
            large = np.asarray(
                cv2.resize(gray, None, fx=self.factor, fy=self.factor,
                           interpolation=cv2.INTER_CUBIC), np.uint8,
            )  # fmt: skip
        framed = cv2.copyMakeBorder(large, *(self.margin,) * 4, cv2.BORDER_REPLICATE)
        return np.asarray(cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR), np.uint8)

    def to_picture(self, points: Floats) -> Floats:
        """Carry points (..., 2) back to the picture."""
        back = (points - self.margin + 0.5) / self.factor - 0.5
        return np.asarray(back, np.float32)


SMALL = 192
"""Shorter side, pixels, up to which a face crop is enlarged by a whole factor."""


def views_of(gray: Image) -> tuple[View, ...]:
    """List how a crop of one face is shown, in this order, until a face is found.

    A crop often cuts forehead and chin, and every detector wants some air around a face.
    """
    side = min(gray.shape)
    factor = max(1, -(-SMALL // side))
    return tuple(View(factor, round(side * factor * margin)) for margin in (0.0, 0.25, 0.5))


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """What a tool read off the one face of a picture.

    Attributes:
        seen: the observation; its box and landmarks are in the pixels of the view.
        landmarks: float32 (68, 2), pixels of the picture.
    """

    seen: Observation
    landmarks: Floats


def read_face(backend: FaceBackend, gray: Image) -> Read | None:
    """Read the largest face of a gray crop, or None where no view of it shows one."""
    for view in views_of(gray):
        shown = view.apply(gray)
        faces = backend.look(Frame(shown, 0, 0, 0)).observations
        if faces:
            face = max(faces, key=lambda one: box_side(one.box))
            return Read(face, view.to_picture(face.landmarks))
    return None


def box_side(box: Floats) -> float:
    """Return the geometric mean of a box's sides, pixels."""
    width, height = np.maximum(box[2:] - box[:2], 0)
    return float(np.sqrt(width * height))
