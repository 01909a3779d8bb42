"""Write trained nets as ONNX with the names and units of their cards, and prove equality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from training.nets.encoder import EMBEDDING, FaceEncoder
from training.tasks.encoder import SIZE, EncoderWithVotes

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


def export_pair(model: EncoderWithVotes, models: Path) -> dict[str, float]:
    """Write `face_encoder.onnx` and, from its embedding, `emotion_head.onnx`.

    Returns:
        The largest difference from torch, by file name.
    """
    encoder, head = models / "face_encoder.onnx", models / "emotion_head.onnx"
    shape = (1, 1, SIZE, SIZE)
    return {
        encoder.name: export(ExportedEncoder(model.encoder), shape, ENCODER_OUTPUTS, encoder),
        head.name: export(model.emotion, (1, EMBEDDING), ("logits",), head, source="embedding"),
    }


def export(
    module: nn.Module,
    shape: tuple[int, ...],
    outputs: tuple[str, ...],
    path: Path,
    *,
    source: str = "face",
) -> float:
    """Write a net for one float32 input of a fixed shape; batch norms are folded.

    Args:
        module: the net.
        shape: of its input.
        outputs: names of what it returns, in order.
        path: where to.
        source: name of the input.

    Returns:
        The largest difference between onnxruntime and torch on random inputs.

    Raises:
        ValueError: they differ by more than `TOLERANCE`.
    """
    module.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        module,
        (torch.zeros(shape),),
        str(path),
        opset_version=OPSET,
        input_names=[source],
        output_names=list(outputs),
        dynamo=False,  # the tracing exporter needs no further package
    )
    worst = difference(module, shape, outputs, path)
    if worst > TOLERANCE:
        raise ValueError(f"onnxruntime differs from torch by {worst:.1e} in {path.name}")
    return worst


def difference(
    module: nn.Module, shape: tuple[int, ...], outputs: tuple[str, ...], path: Path
) -> float:
    """Measure the largest difference between onnxruntime and torch, relative to the output."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    worst = 0.0
    for _ in range(8):
        given = random.standard_normal(shape).astype(np.float32)
        with torch.no_grad():
            expected = module(torch.from_numpy(given))
        expected = expected if isinstance(expected, tuple) else (expected,)
        for a, b in zip(
            expected, session.run(list(outputs), {session.get_inputs()[0].name: given}), strict=True
        ):
            scale = max(1.0, float(a.abs().max()))
            worst = max(worst, float(np.abs(a.numpy() - b).max()) / scale)
    return worst
