"""One small net from an aligned face to landmarks, pose, gaze, Action Units and quality.

It keeps its 7x7 map into the head: with global average pooling it learned an order of magnitude
slower in our trials, because *where* something moves is the information.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.nets.blocks import BasicBlock, conv_bn

STUDENT_WIDTHS = (16, 32, 64, 128)
"""Multiples of 16: the run-time rounds channels up to that, so 24 cost as much as 32."""
TEACHER_WIDTHS = (64, 128, 256, 512)
TEACHER_DEPTHS = (2, 3, 2)
TEACHER_SQUEEZE = 64
EMBEDDING = 128
POINT_SCALE = 56.0
"""Half of the aligned face's side, pixels."""
ANGLE_SCALE = 30.0
"""Degrees per unit of the angle outputs."""


class Encoded(NamedTuple):
    """Outputs of the encoder in the units of its card."""

    landmarks: Tensor
    """(B, 136), x y x y ..., pixels of the 112x112 aligned face."""
    pose: Tensor
    """(B, 3), pitch, yaw, roll, degrees, relative to the aligned face's axes for roll."""
    gaze: Tensor
    """(B, 2), yaw, pitch, degrees."""
    au: Tensor
    """(B, 32), intensity on the 0-5 scale, not clipped."""
    quality: Tensor
    """(B, 1), 0-1."""
    embedding: Tensor
    """(B, 128)."""
    features: Tensor
    """(B, squeeze * 49), the map that feature-wise distillation matches."""


class FaceEncoder(nn.Module):
    """Map aligned faces (B, 1, 112, 112), standardised per picture, to `Encoded`.

    Args:
        widths: channels at strides 2, 4, 8, 16.
        squeeze: channels of the 7x7 map that the heads read.
        depths: residual blocks at strides 4, 8, 16.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int] = STUDENT_WIDTHS,
        squeeze: int = 32,
        depths: tuple[int, int, int] = (2, 2, 2),
    ) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for inner, outer, depth in zip(widths, widths[1:], depths, strict=False):
            blocks.append(BasicBlock(inner, outer, 2))
            blocks += [BasicBlock(outer, outer, 1) for _ in range(depth - 1)]
        self.trunk = nn.Sequential(conv_bn(1, widths[0], 5, 2), *blocks)
        self.squeeze = conv_bn(widths[-1], squeeze, 1, 1)
        flat = squeeze * 49
        self.embed = nn.Sequential(nn.Dropout(0.2), nn.Linear(flat, EMBEDDING), nn.ReLU())
        self.au = nn.Linear(EMBEDDING, 32)
        # Fine, local cues (a lid, a lip corner) don't fit through the embedding.
        self.au_local = nn.Linear(flat, 32)
        nn.init.zeros_(self.au_local.weight)
        nn.init.zeros_(self.au_local.bias)
        self.geometry = nn.Linear(flat, 136 + 3 + 2)
        self.quality = nn.Linear(EMBEDDING, 1)

    def forward(self, x: Tensor) -> Encoded:
        """Return all outputs."""
        features = self.squeeze(self.trunk(x)).flatten(1)
        embedding = self.embed(features)
        geometry = self.geometry(features)
        return Encoded(
            landmarks=geometry[:, :136] * POINT_SCALE + POINT_SCALE,
            pose=geometry[:, 136:139] * ANGLE_SCALE,
            gaze=geometry[:, 139:] * ANGLE_SCALE,
            au=(self.au(embedding) + self.au_local(features)) * 2.5,
            quality=torch.sigmoid(self.quality(embedding)),
            embedding=embedding,
            features=features,
        )


def teacher() -> FaceEncoder:
    """Build the larger encoder that teaches: the same outputs, eleven times the parameters."""
    return FaceEncoder(TEACHER_WIDTHS, TEACHER_SQUEEZE, TEACHER_DEPTHS)
