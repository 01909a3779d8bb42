"""Feature-wise distillation (LibreFace, WACV 2024), mended: a teacher's answers and their loss.

What is otherwise than in the published code, and why:
- a *learned* linear projector carries the student's features to the teacher's width; there, a
  nearest-neighbour resize stood in for it;
- features are matched after L2 normalisation, so their scale can't drown the other terms;
- the divergence is between true probability distributions at a temperature, not between
  rectified logits;
- teacher and student see the same picture, mirrored or not alike, each as it was trained to see
  it. The teacher is asked once for each picture and for its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.augment import standardise


@dataclass(frozen=True, slots=True)
class Lessons:
    """A teacher's answers on N pictures, as they are and mirrored.

    Attributes:
        logits: float32 (N, 2, 8).
        features: float16 (N, 2, D), L2-normalised.
    """

    logits: Tensor
    features: Tensor

    def of(self, key: Tensor, flip: Tensor) -> tuple[Tensor, Tensor]:
        """Pick pictures by their keys, mirrored where `flip` is true."""
        side = flip.long()
        return self.logits[key, side], self.features[key, side].float()


def ask(teacher: nn.Module, images: np.ndarray) -> Lessons:
    """Let an emotion net look at uint8 pictures (N, 48, 48)."""
    teacher.eval()
    device = next(teacher.parameters()).device
    logits, features = [], []
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for start in range(0, len(images), 256):
            batch = standardise(torch.from_numpy(images[start : start + 256]).float()[:, None])
            both = [teacher(part.to(device)) for part in (batch, batch.flip(-1))]
            logits.append(torch.stack([answer.float().cpu() for _, answer in both], 1))
            maps = torch.stack([F.normalize(seen.float(), dim=1).cpu() for seen, _ in both], 1)
            features.append(maps.half())
    return Lessons(torch.cat(logits), torch.cat(features))


@dataclass(frozen=True, slots=True)
class LessonWeights:
    """How much each part of the distillation counts beside the votes."""

    logits: float = 0.5
    features: float = 1.0
    temperature: float = 2.0


def lesson_loss(
    logits: Tensor, projected: Tensor, wanted: tuple[Tensor, Tensor], weights: LessonWeights
) -> Tensor:
    """Compare a student's logits and projected features with its teacher's.

    True distributions at a temperature, and features of length 1: neither term can drown the
    other by its scale.
    """
    wanted_logits, wanted_features = wanted
    heat = weights.temperature
    divergence = F.kl_div(
        F.log_softmax(logits.float() / heat, 1),
        F.softmax(wanted_logits / heat, 1),
        reduction="batchmean",
    )
    apart = (F.normalize(projected.float(), dim=1) - wanted_features).square().sum(1).mean()
    return weights.logits * heat * heat * divergence + weights.features * apart
