"""Write the trained detector as ONNX and prove that it computes the same.

`python -m training.export_detector --checkpoint runs/detector/checkpoint.pt --out FILE.onnx`
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from training.nets.detector import ExportedFaceNet, FaceNet
from training.tasks.detector import HEIGHT, WIDTH
from training.train import kept_weights

OPSET = 17
OUTPUTS = ["scores", "boxes", "points"]

TOLERANCE = 1e-3
"""Largest difference from torch: of a score, and of a coordinate in input widths."""


def export(net: FaceNet, path: Path) -> None:
    """Write the net for one picture, uint8 (1, 1, 312, 416); the exporter folds batch norms."""
    wrapped = ExportedFaceNet(net.eval(), HEIGHT, WIDTH).eval()
    example = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        wrapped,
        (example,),
        str(path),
        opset_version=OPSET,
        input_names=["image"],
        output_names=OUTPUTS,
        dynamo=False,  # the tracing exporter needs no further package
    )


def difference(net: FaceNet, path: Path, rounds: int = 8) -> float:
    """Measure the largest difference between onnxruntime and torch on random pictures.

    Scores as they are, coordinates divided by the input's width.
    """
    wrapped = ExportedFaceNet(net.eval(), HEIGHT, WIDTH).eval()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    worst = 0.0
    for _ in range(rounds):
        image = random.integers(0, 256, (1, 1, HEIGHT, WIDTH), np.uint8)
        with torch.no_grad():
            expected = [value.numpy() for value in wrapped(torch.from_numpy(image))]
        actual = session.run(OUTPUTS, {"image": image})
        for scale, a, b in zip((1, WIDTH, WIDTH), expected, actual, strict=True):
            worst = max(worst, float(np.abs(a - b).max()) / scale)
    return worst


def main() -> None:
    """Export, compare, and print the number of parameters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    net = FaceNet()
    net.load_state_dict(kept_weights(arguments.checkpoint.parent))
    export(net, arguments.out)
    worst = difference(net, arguments.out)
    if worst > TOLERANCE:
        raise SystemExit(f"onnxruntime differs from torch by {worst:.2e}")
    count = sum(parameter.numel() for parameter in net.parameters())
    report = {"parameters": count, "difference": worst}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
