"""Faces made of bright squares, and nets that understand them: no weights, exact answers.

A *face* is a bright square on a dark ground. It stands for the middle 72 pixels of an aligned
face, so that all landmarks follow from its place and side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from agent.domain.face import DetectedFace
from agent.domain.facs import AU_SIDE_LABELS
from agent.domain.frame import Frame
from agent.domain.observation import EMOTIONS, Look
from agent.inference.backend import OwnBackend
from agent.inference.card import Card
from agent.inference.emotion import EmotionHead
from agent.inference.encoder import FaceEncoder
from agent.inference.preprocess import FIVE_POINT_TEMPLATE, STABLE_POINTS, STABLE_TEMPLATE
from tests.onnx_bytes import card_fields, encoder_fields, encoder_outputs

BRIGHT, DARK = 220, 60
MARK = 72.0
"""Side of the square in an aligned face, pixels."""

Floats = npt.NDArray[np.float32]


def mean_face() -> Floats:
    """Return 68 landmarks in an aligned face, float32 (68, 2)."""
    points = np.zeros((68, 2), np.float32)
    points[:17, 0] = np.linspace(14, 98, 17)
    points[:17, 1] = 45 + 60 * np.sin(np.linspace(0, np.pi, 17))
    points[17:27] = np.stack([np.linspace(26, 86, 10), np.full(10, 33)], 1)
    for start, x in ((36, 38.0), (42, 74.0)):
        angle = np.linspace(np.pi, 3 * np.pi, 6, endpoint=False)
        points[start : start + 6] = np.stack([x + 7 * np.cos(angle), 43 + 3 * np.sin(angle)], 1)
    for start, count, size in ((48, 12, 14.0), (60, 8, 10.0)):
        angle = np.linspace(np.pi, 3 * np.pi, count, endpoint=False)
        ring = np.stack([56 + size * np.cos(angle), 82 + 0.3 * size * np.sin(angle)], 1)
        points[start : start + count] = ring
    points[list(STABLE_POINTS)] = STABLE_TEMPLATE
    return points


@dataclass(frozen=True, slots=True)
class Square:
    """One face of a scene: centre and side, pixels of the frame."""

    x: float
    y: float
    side: float = 72.0

    def carry(self, template: Floats) -> Floats:
        """Carry points of an aligned face to the frame."""
        return ((template - 56) * self.side / MARK + np.array([self.x, self.y])).astype(np.float32)


def draw(*squares: Square, size: tuple[int, int] = (640, 480), sequence: int = 0) -> Frame:
    """Return a frame, 25 a second, with these faces."""
    pixels = np.full((size[1], size[0], 3), DARK, np.uint8)
    pixels[:, ::16] += 6  # a frame without any edge would count as blurred
    for square in squares:
        half = square.side / 2
        low = [round(square.x - half), round(square.y - half)]
        high = [round(square.x + half), round(square.y + half)]
        pixels[max(low[1], 0) : max(high[1], 0), max(low[0], 0) : max(high[0], 0)] = BRIGHT
    return Frame(pixels, sequence, sequence * 40_000_000, sequence * 40_000_000)


def _components(bright: npt.NDArray[np.bool_]) -> list[tuple[Floats, float]]:
    """List centre and side of each bright patch that is neither a line nor a crumb."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(bright.astype(np.uint8))
    found = []
    for left, top, width, height, area in stats[1:count].tolist():
        if min(width, height) >= 8 and area > 0.6 * width * height:
            centre = np.array([left + (width - 1) / 2, top + (height - 1) / 2], np.float32)
            found.append((centre, float(max(width, height))))
    return found


class SquareDetector:
    """Finds bright squares; counts how often, and how thoroughly, it was asked."""

    def __init__(self) -> None:
        self.calls: list[bool] = []

    def detect(self, gray: npt.NDArray[np.uint8], *, thorough: bool = False) -> list[DetectedFace]:
        """Return a detection for each square."""
        self.calls.append(thorough)
        faces = []
        for centre, side in _components(gray > 150):
            square = Square(float(centre[0]), float(centre[1]), side)
            half = np.array([side / 2, side / 2], np.float32)
            box = np.concatenate([centre - half, centre + half])
            faces.append(DetectedFace(box, square.carry(FIVE_POINT_TEMPLATE), 0.8))
        return faces


class SquareNet:
    """Stands in for the encoder's model: answers by where the square lies in the aligned face.

    Attributes:
        au: float32 (32,), what every face shows.
        shown: the tensors that it was given, the very objects.
        error: raised instead of an answer.
    """

    def __init__(self) -> None:
        self.card = Card.model_validate(encoder_fields(b"", mean_face()))
        self.au: Floats = np.zeros(len(AU_SIDE_LABELS), np.float32)
        self.shown: list[Floats] = []
        self.error: Exception | None = None
        self.pose: Floats = np.zeros(3, np.float32)

    def run(self, inputs: dict[str, Floats]) -> list[Floats]:
        """Answer in the card's order; quality 0 where there is no square."""
        face = inputs["face"]
        self.shown.append(face)
        if self.error is not None:
            raise self.error
        patches = _components(face[0, 0] > 0.2)
        outputs: dict[str, Any] = encoder_outputs(mean_face())
        outputs |= {"au": self.au[None].copy(), "pose": self.pose[None].copy()}
        if not patches:
            return list((outputs | {"quality": np.zeros((1, 1), np.float32)}).values())
        centre, side = min(patches, key=lambda patch: float(np.abs(patch[0] - 56).sum()))
        place = Square(float(centre[0]), float(centre[1]), side)
        outputs["landmarks"] = place.carry(mean_face()).reshape(1, 136)
        return list(outputs.values())


class FixedEmotion:
    """Stands in for the emotion head's model: the same logits for every face."""

    def __init__(self, logits: Floats, labels: tuple[str, ...], settings: dict[str, Any]) -> None:
        outputs = {"logits": logits[None]}
        inputs = {"face": ("float32", (1, 1, 48, 48))}
        fields = card_fields("emotion_head", b"", inputs, outputs, {"logits": labels})
        self.card = Card.model_validate(fields | {"settings": settings})
        self.logits = logits
        self.shown: list[Floats] = []
        self.error: Exception | None = None

    def run(self, inputs: dict[str, Floats]) -> list[Floats]:
        """Answer the logits."""
        self.shown.append(inputs["face"])
        if self.error is not None:
            raise self.error
        return [self.logits[None].astype(np.float32)]


SETTINGS = {"temperature": 1.0, "crop_left": 16, "crop_top": 16, "crop_side": 80}


class Rig:
    """An own backend around nets that see bright squares."""

    def __init__(self, *, still: bool = False, emotion: bool = False, **options: Any) -> None:
        self.detector, self.net = SquareDetector(), SquareNet()
        self.encoder = FaceEncoder(self.net)
        self.emotion = FixedEmotion(np.arange(8, dtype=np.float32), EMOTIONS, SETTINGS)
        self.backend = OwnBackend(
            self.detector,
            self.encoder,
            EmotionHead(self.emotion) if emotion else None,
            models=("face_encoder@00000000",),
            still=still,
            **options,
        )
        self.sequence = 0

    def look(self, *squares: Square, size: tuple[int, int] = (640, 480)) -> Look:
        """Show the next frame."""
        frame = draw(*squares, size=size, sequence=self.sequence)
        self.sequence += 1
        return self.backend.look(frame)

    def looks(self, count: int, *squares: Square) -> list[Look]:
        """Show the same scene for some frames."""
        return [self.look(*squares) for _ in range(count)]
