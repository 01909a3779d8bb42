"""Feature-wise knowledge distillation of the emotion net (LibreFace, WACV 2024), mended.

What we do otherwise than the published code, and why:
- a *learned* linear projector carries the student's features to the teacher's width; there, a
  nearest-neighbour resize stood in for it;
- features are matched after L2 normalisation, so their scale can't drown the other terms;
- the divergence is between true probability distributions at a temperature, not between
  rectified logits;
- teacher and student see the *same* augmented picture, each normalised as it was trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.nets.emotion import EmotionNet
from training.tasks.emotion import EmotionTask


@dataclass(frozen=True, slots=True)
class DistillWeights:
    """How much each term counts."""

    votes: float = 0.5
    logits: float = 0.5
    features: float = 1.0
    temperature: float = 2.0


class StudentWithProjector(nn.Module):
    """The student, and in training only the projector to the teacher's features."""

    def __init__(self, student: EmotionNet, teacher: EmotionNet) -> None:
        super().__init__()
        self.student = student
        inner = student.head[1].in_features
        outer = teacher.head[1].in_features
        self.projector = nn.Linear(inner, outer)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (projected features, logits)."""
        features, logits = self.student(x)
        return self.projector(features), logits


class EmotionDistillTask:
    """Votes, the teacher's softened probabilities, and the teacher's features."""

    def __init__(
        self,
        base: EmotionTask,
        student: EmotionNet,
        teacher: EmotionNet,
        weights: DistillWeights | None = None,
    ) -> None:
        self._base = base
        self._teacher = teacher.eval().requires_grad_(requires_grad=False)
        self.model: nn.Module = StudentWithProjector(student, teacher)
        base.model = self.model
        self._weights = weights or DistillWeights()

    def steps_per_epoch(self, batch: int) -> int:
        """Count full batches."""
        return self._base.steps_per_epoch(batch)

    def batches(self, batch: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield the base task's batches."""
        return self._base.batches(batch, seed)

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Sum the weighted terms."""
        images, votes = batch
        with torch.no_grad():
            wanted_features, wanted_logits = self._teacher(images)
        features, logits = self.model(images)
        w = self._weights
        heat = w.temperature
        divergence = F.kl_div(
            F.log_softmax(logits.float() / heat, 1),
            F.softmax(wanted_logits.float() / heat, 1),
            reduction="batchmean",
        )
        distance = (
            F.normalize(features.float(), dim=1) - F.normalize(wanted_features.float(), dim=1)
        ).square()
        return (
            w.votes * F.cross_entropy(logits.float(), votes)
            + w.logits * heat * heat * divergence
            + w.features * distance.sum(1).mean()
        )

    def scores(self) -> dict[str, float]:
        """Score the student as the base task does."""
        return self._base.scores()
