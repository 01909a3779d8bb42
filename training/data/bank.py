"""Face sets as tensors on the device that trains: batches are drawn and augmented there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.data.faces import FaceSet, join

Sources = list[tuple[FaceSet, float]]
"""Sets, and the share of the samples that each one gives."""


class FaceBatch(NamedTuple):
    """The fields of a `FaceSet` as tensors, one row a face."""

    faces: Tensor
    landmarks: Tensor
    pose: Tensor
    gaze: Tensor
    au: Tensor
    quality: Tensor
    emotion: Tensor
    hint: Tensor
    key: Tensor


def as_batch(faces: FaceSet, device: torch.device | str = "cpu") -> FaceBatch:
    """Carry a whole set to a device."""
    parts = (np.ascontiguousarray(getattr(faces, name)) for name in FaceBatch._fields)
    return FaceBatch(*(torch.from_numpy(part).to(device) for part in parts))


class Bank:
    """All sources of one task.

    Samples are drawn with replacement, so that a run may resume with more renders than it began
    with, and a small source may count for more than its size.
    """

    def __init__(self, sources: Sources, device: torch.device) -> None:
        """Take the sources; a share of 0 leaves a source out."""
        kept = [(faces, share) for faces, share in sources if share > 0 and len(faces)]
        self._rows = as_batch(join([faces for faces, _ in kept]), device)
        sizes = torch.tensor([len(faces) for faces, _ in kept], device=device)
        self._sizes, self._starts = sizes, sizes.cumsum(0) - sizes
        self._shares = torch.tensor([share for _, share in kept], device=device)
        self.device = device

    def draw(self, count: int, generator: torch.Generator) -> FaceBatch:
        """Draw a batch; `generator` belongs to the bank's device."""
        source = torch.multinomial(self._shares, count, replacement=True, generator=generator)
        place = torch.rand(count, generator=generator, device=self.device)
        sizes = self._sizes[source]
        rows = self._starts[source] + (place * sizes).long().clamp(max=sizes - 1)
        return FaceBatch(*(part[rows] for part in self._rows))
