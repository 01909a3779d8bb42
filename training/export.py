"""Write trained nets as ONNX with the names and units of their cards, and prove equality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from training.nets.emotion import EmotionNet
from training.nets.encoder import FaceEncoder

OPSET = 17
TOLERANCE = 1e-3
"""Largest difference from torch that is still the same net, in output units."""

ENCODER_OUTPUTS = ("landmarks", "pose", "gaze", "au", "quality", "embedding")


class ExportedEncoder(nn.Module):
    """The encoder without what only training needs."""

    def __init__(self, encoder: FaceEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, face: Tensor) -> tuple[Tensor, ...]:
        """Map a standardised face (1, 1, 112, 112) to the card's outputs, in order."""
        encoded = self.encoder(face)
        return tuple(getattr(encoded, name) for name in ENCODER_OUTPUTS)


class ExportedEmotion(nn.Module):
    """The emotion net without its features."""

    def __init__(self, net: EmotionNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, face: Tensor) -> Tensor:
        """Map a standardised face (1, 1, 48, 48) to logits (1, 8)."""
        return self.net(face)[1]


def export(module: nn.Module, side: int, outputs: tuple[str, ...], path: Path) -> float:
    """Write a net for one face, float32 (1, 1, side, side); batch norms are folded.

    Returns:
        The largest difference between onnxruntime and torch on random faces.

    Raises:
        ValueError: they differ by more than `TOLERANCE`.
    """
    module.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        module,
        (torch.zeros(1, 1, side, side),),
        str(path),
        opset_version=OPSET,
        input_names=["face"],
        output_names=list(outputs),
        dynamo=False,  # the tracing exporter needs no further package
    )
    worst = difference(module, side, outputs, path)
    if worst > TOLERANCE:
        raise ValueError(f"onnxruntime differs from torch by {worst:.1e} in {path.name}")
    return worst


def difference(module: nn.Module, side: int, outputs: tuple[str, ...], path: Path) -> float:
    """Measure the largest difference between onnxruntime and torch, relative to the output."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    worst = 0.0
    for _ in range(8):
        face = random.standard_normal((1, 1, side, side)).astype(np.float32)
        with torch.no_grad():
            expected = module(torch.from_numpy(face))
        expected = expected if isinstance(expected, tuple) else (expected,)
        for a, b in zip(expected, session.run(list(outputs), {"face": face}), strict=True):
            scale = max(1.0, float(a.abs().max()))
            worst = max(worst, float(np.abs(a.numpy() - b).max()) / scale)
    return worst
