"""Learn the FER+ vote distribution."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.augment import Jitter, affine, cut_out, mix_up, standardise
from training.data.ferplus import FerPlus
from training.nets.emotion import EmotionNet


class EmotionTask:
    """Cross-entropy against the votes of ten annotators."""

    def __init__(
        self,
        model: EmotionNet,
        train: FerPlus,
        valid: FerPlus,
        jitter: Jitter | None = None,
        *,
        regularised: bool = False,
    ) -> None:
        """Take the net and both parts; `regularised` adds mild cutout and mixup."""
        self._regularised = regularised
        self.model: nn.Module = model
        self.train, self.valid = train, valid
        self._device = next(model.parameters()).device
        self._images = torch.from_numpy(train.images).to(self._device)
        self._target = torch.from_numpy(train.target).to(self._device)
        self.jitter = jitter or Jitter()

    def steps_per_epoch(self, batch: int) -> int:
        """Count full batches."""
        return len(self.train) // batch

    def batches(self, batch: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield (augmented standardised faces (B,1,48,48), vote distribution (B,8))."""
        generator = torch.Generator(self._device).manual_seed(seed)
        order = torch.randperm(len(self.train), generator=generator, device=self._device)
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            images = self._images[chosen].float()[:, None]
            flip = torch.rand(batch, 1, 1, 1, generator=generator, device=self._device) < 0.5
            images = torch.where(flip, images.flip(-1), images)
            images, _ = affine(images, self.jitter, generator)
            images, target = standardise(images), self._target[chosen]
            if self._regularised:
                images = cut_out(images, share=0.3, most=14, generator=generator)
                images, target = mix_up(images, target, share=0.3, generator=generator)
            yield images, target

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Cross-entropy with soft targets."""
        images, target = batch
        _, logits = self.model(images)
        return F.cross_entropy(logits.float(), target)

    def scores(self) -> dict[str, float]:
        """Accuracy on pictures with a majority, single view and averaged with the mirror."""
        logits, mirrored = predict(self.model, self.valid.images)
        known = self.valid.majority >= 0
        truth = self.valid.majority[known]
        both = torch.softmax(logits, 1) + torch.softmax(mirrored, 1)
        return {
            "accuracy": float((logits.argmax(1).numpy()[known] == truth).mean()),
            "accuracy_mirrored": float((both.argmax(1).numpy()[known] == truth).mean()),
        }


def predict(model: nn.Module, images: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return float32 logits (N, 8) of uint8 faces (N, 48, 48) and of their mirror images."""
    model.eval()
    plain, mirrored = [], []
    device = next(model.parameters()).device
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for start in range(0, len(images), 256):
            batch = torch.from_numpy(images[start : start + 256]).float()[:, None]
            batch = standardise(batch).to(device)
            plain.append(model(batch)[1].float().cpu())
            mirrored.append(model(batch.flip(-1))[1].float().cpu())
    return torch.cat(plain), torch.cat(mirrored)
