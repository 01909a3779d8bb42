"""Plain residual net from a 48x48 gray face to eight emotion logits.

Dense 3x3 convolutions: on a CPU without a depthwise kernel worth the name they train three
times faster in bfloat16, and onnxruntime runs them as blocked GEMMs. The last map is flattened,
not averaged: where on the face something moves is the information.
"""

from __future__ import annotations

from torch import Tensor, nn

from training.nets.blocks import BasicBlock, conv_bn

WIDTHS = (32, 64, 64, 128, 128, 192)


class EmbeddingEmotion(nn.Module):
    """Map the face encoder's embedding (B, 128) to emotion logits (B, 8): the head that ships."""

    def __init__(self, embedding: int, hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(embedding, hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(hidden, 8)
        )

    def forward(self, embedding: Tensor) -> Tensor:
        """Return uncalibrated logits in FER+ order."""
        return self.layers(embedding)


class EmotionNet(nn.Module):
    """Map faces (B, 1, 48, 48), standardised per picture, to (features, logits).

    features: (B, squeeze * 36), the flattened 6x6 map that distillation matches.
    logits: (B, 8) in FER+ order, uncalibrated.
    """

    def __init__(
        self, widths: tuple[int, ...] = WIDTHS, squeeze: int = 48, dropout: float = 0.4
    ) -> None:
        super().__init__()
        strides = (2, 1, 2, 1, 2, 1)
        self.stem = conv_bn(1, widths[0], 3, 1)
        inner = (widths[0], *widths[:-1])
        self.blocks = nn.Sequential(
            *(BasicBlock(i, o, s) for i, o, s in zip(inner, widths, strides, strict=True))
        )
        self.squeeze = conv_bn(widths[-1], squeeze, 1, 1)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(squeeze * 36, 8))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (features, logits)."""
        features = self.squeeze(self.blocks(self.stem(x))).flatten(1)
        return features, self.head(features)
