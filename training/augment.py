"""Random geometry and light for batches of gray faces, on the tensor's own device."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Jitter:
    """Half-widths of the uniform ranges that `affine` draws from."""

    rotation_degrees: float = 15.0
    scale: float = 0.15
    shift: float = 0.10
    """Fraction of the picture's side."""


def affine(images: Tensor, jitter: Jitter, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn, scale, shift each picture at random.

    Args:
        images: float (B, 1, H, W).
        jitter: ranges.
        generator: source of randomness.

    Returns:
        The warped pictures, and the (B, 2, 3) matrix that maps an output point to its input
        point, both in [-1, 1] coordinates.
    """
    count, device = len(images), generator.device

    def draw(half: float) -> Tensor:
        return (torch.rand(count, generator=generator, device=device) * 2 - 1) * half

    angle = draw(math.radians(jitter.rotation_degrees))
    scale = 1 + draw(jitter.scale)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    theta = torch.stack(
        [
            torch.stack([cos, -sin, draw(2 * jitter.shift)], 1),
            torch.stack([sin, cos, draw(2 * jitter.shift)], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    warped = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return warped, theta


def standardise(images: Tensor) -> Tensor:
    """Give each picture mean 0 and deviation 1 (as `agent.inference.preprocess` does)."""
    mean = images.mean((1, 2, 3), keepdim=True)
    deviation = images.std((1, 2, 3), keepdim=True, unbiased=False)
    return (images - mean) / (deviation + 1e-3)


def cut_out(images: Tensor, *, share: float, most: int, generator: torch.Generator) -> Tensor:
    """Hide a random rectangle of some standardised pictures behind their mean, 0.

    Source: DeVries & Taylor 2017.

    Args:
        images: float (B, 1, H, W).
        share: of the pictures that lose a part.
        most: longest side of a rectangle, pixels.
        generator: source of randomness.
    """
    count, _, height, width = images.shape
    device = generator.device
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)

    def drawn(*shape: int) -> Tensor:
        return torch.rand((count, *shape), generator=generator, device=device)

    def band(cells: Tensor) -> Tensor:
        return (cells[None] - drawn(1) * len(cells)).abs() <= drawn(1) * most / 2

    chosen = drawn(1, 1) < share
    hidden = band(rows)[:, :, None] & band(columns)[:, None, :] & chosen
    return images.masked_fill(hidden[:, None], 0.0)


def mix_up(
    images: Tensor, target: Tensor, *, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Blend some pictures, and their soft labels alike, with up to a third of their neighbour.

    Source: Zhang et al. 2018; one-sided, since full blends are unlike any face.

    Args:
        images: float (B, 1, H, W).
        target: float (B, C).
        share: of the pictures that are blended.
        generator: source of randomness.
    """
    count, device = len(images), generator.device
    other = torch.rand(count, generator=generator, device=device) / 3
    other = other * (torch.rand(count, generator=generator, device=device) < share)
    order = torch.randperm(count, generator=generator, device=device)
    blended = images + other[:, None, None, None] * (images[order] - images)
    return blended, target + other[:, None] * (target[order] - target)
