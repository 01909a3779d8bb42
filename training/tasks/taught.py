"""Feature-wise distillation (LibreFace, WACV 2024), mended: a teacher's answers and their loss.

What is otherwise than in the published code, and why:
- a *learned* projector carries each cell of the student's map to the teacher's width; there, a
  nearest-neighbour resize stood in for it;
- features are matched after L2 normalisation, so their scale can't drown the other terms;
- the divergence is between true probability distributions at a temperature, not between
  rectified logits;
- teacher and student see the very same picture: same mirror, same alignment, same noise (Beyer
  et al. 2022, *Knowledge distillation: A good teacher is patient and consistent*).

The large encoder is asked anew for each batch. A committee of emotion nets, which look at FER+
pictures as they are, is asked once for each picture and its mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.augment import standardise


@dataclass(frozen=True, slots=True)
class Lessons:
    """A committee's answers on N pictures, as they are and mirrored.

    Attributes:
        logits: float32 (N, 2, 8), logarithms of the mean probabilities.
    """

    logits: Tensor

    def of(self, key: Tensor, flip: Tensor) -> Tensor:
        """Pick pictures by their keys, mirrored where `flip` is true: (B, 8)."""
        return self.logits[key.clamp(min=0), flip.long()]

    def to(self, device: torch.device) -> Lessons:
        """Carry the answers to a device."""
        return Lessons(self.logits.to(device))


def ask(committee: Sequence[nn.Module], images: np.ndarray) -> Lessons:
    """Let emotion nets look at uint8 pictures (N, 48, 48)."""
    device = next(committee[0].parameters()).device
    rows = []
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for start in range(0, len(images), 512):
            batch = torch.from_numpy(images[start : start + 512]).float()[:, None]
            batch = standardise(batch.to(device))
            sides = [
                torch.stack([F.softmax(net.eval()(part)[1].float(), 1) for net in committee]).mean(
                    0
                )
                for part in (batch, batch.flip(-1))
            ]
            rows.append(torch.stack(sides, 1).clamp(min=1e-6).log().cpu())
    return Lessons(torch.cat(rows))


@dataclass(frozen=True, slots=True)
class LessonWeights:
    """How much each part of the distillation counts beside the labels."""

    committee: float = 0.5
    """Of the committee's answers on FER+ pictures."""
    logits: float = 0.0
    """Of the large encoder's emotion logits."""
    au: float = 0.0
    """Of its Action Units."""
    features: float = 0.0
    """Of its 7x7 map."""
    temperature: float = 2.0


def divergence(logits: Tensor, wanted: Tensor, heat: float) -> Tensor:
    """Kullback-Leibler divergence of each row at a temperature, scaled by its square: (B,).

    Args:
        logits: (B, C) of the student.
        wanted: (B, C) of the teacher.
        heat: temperature.
    """
    told, said = F.log_softmax(wanted.float() / heat, 1), F.log_softmax(logits.float() / heat, 1)
    return heat * heat * (told.exp() * (told - said)).sum(1)


def feature_distance(projected: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance of maps (B, D), each scaled to length 1; a scalar between 0 and 4."""
    apart = F.normalize(projected.float(), dim=1) - F.normalize(wanted.float(), dim=1)
    return apart.square().sum(1).mean()
