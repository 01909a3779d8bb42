"""A small face detector without anchors: one prediction per cell at strides 8, 16 and 32.

Dense 3x3 convolutions of small width: on a CPU they learn and run faster than depthwise ones
of the same count. The net is fully convolutional; an input side need not be a multiple of 32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDES = (8, 16, 32)
"""Input pixels per cell of each level."""

OUTPUTS = 15
"""Per cell: score logit, box centre x, y, log half-sides, 5 points x, y; in strides."""

MEAN, DEVIATION = 127.5, 64.0
"""Normalisation of the gray input; part of the net, so that a caller hands over bytes."""


def conv(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    """Build convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv(width, width)
        self.second = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (B, width, H, W)."""
        return F.relu(x + self.norm(self.second(self.first(x))))


class FaceNet(nn.Module):
    """Backbone, top-down sums, one small head per level.

    Args:
        widths: channels at strides 2, 4, 8, 16, 32.
        neck: channels of the top-down path and of the heads.
    """

    def __init__(
        self, widths: tuple[int, int, int, int, int] = (8, 16, 32, 64, 96), neck: int = 32
    ) -> None:
        super().__init__()
        w2, w4, w8, w16, w32 = widths
        self.to4 = nn.Sequential(conv(1, w2, 2), conv(w2, w4, 2))
        self.to8 = nn.Sequential(conv(w4, w8, 2), Residual(w8), Residual(w8))
        self.to16 = nn.Sequential(conv(w8, w16, 2), Residual(w16), Residual(w16))
        self.to32 = nn.Sequential(conv(w16, w32, 2), Residual(w32))
        self.side = nn.ModuleList(conv(width, neck, size=1) for width in (w8, w16, w32))
        self.mix = nn.ModuleList(conv(neck, neck) for _ in STRIDES)
        self.out = nn.ModuleList(nn.Conv2d(neck, OUTPUTS, 1) for _ in STRIDES)
        for head in self.out:
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)
            nn.init.constant_(head.bias[:1], -4.6)  # few cells hold a face: start at p = 0.01

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Predict.

        Args:
            pixels: float (B, 1, H, W), gray 0-255.

        Returns:
            One (B, 15, H / stride, W / stride) per stride, sides rounded up.
        """
        c8 = self.to8(self.to4((pixels - MEAN) / DEVIATION))
        c16 = self.to16(c8)
        c32 = self.to32(c16)
        p32 = self.side[2](c32)
        p16 = self.side[1](c16) + _doubled(p32, c16)
        p8 = self.side[0](c8) + _doubled(p16, c8)
        levels = zip((p8, p16, p32), self.mix, self.out, strict=True)
        return [out(mix(level)) for level, mix, out in levels]


def _doubled(coarse: Tensor, like: Tensor) -> Tensor:
    """Repeat each cell 2x2 and cut to the size of `like`."""
    height, width = like.shape[-2:]
    return F.interpolate(coarse, scale_factor=2.0, mode="nearest")[..., :height, :width]


def cells(height: int, width: int) -> tuple[Tensor, Tensor]:
    """List the cells of an input in the order of the flattened outputs.

    Returns:
        Centres float32 (N, 2) as x, y in input pixels, and strides float32 (N,).
    """
    centres, strides = [], []
    for stride in STRIDES:
        ys = torch.arange(-(-height // stride)) * stride
        xs = torch.arange(-(-width // stride)) * stride
        y, x = torch.meshgrid(ys, xs, indexing="ij")
        # Padding by one at each halving centres output i on input pixel i * stride exactly.
        centres.append(torch.stack([x, y], -1).reshape(-1, 2).float())
        strides.append(torch.full((centres[-1].shape[0],), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def flatten(levels: list[Tensor]) -> Tensor:
    """Join the levels' outputs to (B, N, 15)."""
    return torch.cat([level.flatten(2).transpose(1, 2) for level in levels], 1)


def decode(raw: Tensor, centres: Tensor, strides: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Turn raw outputs into input pixels.

    Args:
        raw: float32 (B, N, 15).
        centres: float32 (N, 2), of `cells`.
        strides: float32 (N,), of `cells`.

    Returns:
        Score logits (B, N); boxes (B, N, 4) as x1 y1 x2 y2; points (B, N, 10) as five x, y.
    """
    unit = strides[:, None]
    middle = centres + raw[..., 1:3] * unit
    # The exponent is bounded so that a wild early output can't overflow the loss.
    half = torch.exp(raw[..., 3:5].clamp(-4.0, 4.0)) * unit
    boxes = torch.cat([middle - half, middle + half], -1)
    # Broadcast, not repeated: a repeated table of centres would be stored in every export.
    marks = raw[..., 5:].unflatten(-1, (5, 2)) * unit[:, None] + centres[:, None]
    return raw[..., 0], boxes, marks.flatten(-2)


class ExportedFaceNet(nn.Module):
    """The net as the edge runs it: bytes in, scores, boxes and points in input pixels out."""

    def __init__(self, net: FaceNet, height: int, width: int) -> None:
        super().__init__()
        self.net = net
        centres, strides = cells(height, width)
        self.register_buffer("centres", centres)
        self.register_buffer("strides", strides)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Detect in uint8 (1, 1, H, W): scores (1, N), boxes (1, N, 4), points (1, N, 10)."""
        raw = flatten(self.net(image.float()))
        logits, boxes, points = decode(raw, self.centres, self.strides)
        return torch.sigmoid(logits), boxes, points
