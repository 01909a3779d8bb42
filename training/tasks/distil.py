"""The encoder's task with teachers: a committee for FER+ pictures, a larger encoder for all."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.data.bank import Sources
from training.data.faces import FaceSet
from training.nets.encoder import Encoded
from training.tasks.encoder import Augmented, EncoderTask, EncoderWeights, EncoderWithVotes
from training.tasks.taught import Lessons, LessonWeights, divergence, feature_distance


class TaughtEncoder(EncoderWithVotes):
    """A student, and in training the projector of its map to its teacher's width."""

    def __init__(self, student: EncoderWithVotes, channels: int, taught_channels: int) -> None:
        """Take the student, the channels of its map and of its teacher's."""
        super().__init__(student.encoder)
        self.emotion = student.emotion
        self.projector = nn.Conv2d(channels, taught_channels, 1)
        self._channels = channels

    def project(self, features: Tensor) -> Tensor:
        """Carry a flat map (B, channels * 49) to the teacher's width, flat again."""
        side = int((features.shape[1] // self._channels) ** 0.5)
        cells = features.reshape(len(features), self._channels, side, side)
        return self.projector(cells).flatten(1)


class DistilTask(EncoderTask):
    """Labels, and what teachers say of the same pictures.

    `teacher` answers on the augmented batch itself and is never changed; `lessons` are a
    committee's answers on the FER+ training part, by the faces' keys.
    """

    def __init__(  # noqa: PLR0913 - the sources of a task, each by name
        self,
        model: EncoderWithVotes,
        sources: Sources,
        valid: dict[str, FaceSet],
        *,
        weights: EncoderWeights,
        parts: LessonWeights,
        lessons: Lessons | None = None,
        teacher: EncoderWithVotes | None = None,
        length: int = 40_000,
    ) -> None:
        super().__init__(model, sources, valid, length, weights)
        self._parts = parts
        self._lessons = lessons.to(self.bank.device) if lessons is not None else None
        self._teacher = teacher.eval().requires_grad_(False) if teacher is not None else None

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Sum what labels and teachers ask for."""
        given = Augmented(*batch)
        encoded, logits = self.model(given.face)
        return self.supervised(encoded, logits, given) + self.taught(encoded, logits, given)

    def taught(self, encoded: Encoded, logits: Tensor, given: Augmented) -> Tensor:
        """Compare with the teachers."""
        parts, loss = self._parts, logits.new_zeros((), dtype=torch.float32)
        if self._lessons is not None and parts.committee:
            seen = (given.key >= 0).float()
            apart = divergence(logits, self._lessons.of(given.key, given.flip), parts.temperature)
            loss = loss + parts.committee * (apart * seen).sum() / seen.sum().clamp(min=1)
        if self._teacher is None:
            return loss
        with torch.no_grad():
            told, wanted = self._teacher(given.face)
        if parts.logits:
            loss = loss + parts.logits * divergence(logits, wanted, parts.temperature).mean()
        if parts.au:
            loss = loss + parts.au * (encoded.au.float() - told.au.float()).square().mean()
        if parts.features:
            projected = self.model.project(encoded.features)  # type: ignore[operator]
            loss = loss + parts.features * feature_distance(projected, told.features)
        return loss
