"""Start a net from exported weights: read them off the ONNX file, widen, find the batch norms.

The export folded each batch norm into its convolution. A folded convolution with bias `b` whose
output has mean m and deviation d over real faces is the same as one without bias, followed by a
batch norm with running statistics (m, d^2), scale d and shift m + b, in training mode too. A wider
target keeps its function: new channels start with random weights, and what reads them with zeros
(Chen, Goodfellow & Shlens 2016, Net2Net).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn


def exported_weights(path: Path, prefix: str) -> dict[str, tuple[Tensor, Tensor]]:
    """Read (weight, bias) of every convolution and linear layer, by the module's path."""
    graph = onnx.load(str(path)).graph
    stored = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            module = node.name.removeprefix(f"/{prefix}/" if prefix else "/").rsplit("/", 1)[0]
            # "trunk/trunk.1/conv1": each part repeats its parent's name.
            parts = module.split("/")
            name = parts[0] if len(parts) == 1 else ".".join([*_dotted(parts)])
            found[name] = (stored[node.input[1]], stored[node.input[2]])
    return found


def _dotted(parts: list[str]) -> list[str]:
    """Turn `trunk`, `trunk.0`, `trunk.0.0` or `trunk`, `trunk.1`, `conv1` into a module's path."""
    path: list[str] = []
    for part in parts:
        pieces = part.split(".")
        name = path[-1] if path else ""
        shared = len(pieces) > 1 and pieces[0] in path
        if shared:
            start = path.index(pieces[0])
            path = [*path[:start], *pieces]
        elif part != name:
            path.append(part)
    return path


def fill(target: Tensor, source: Tensor, *, new_inputs_zero: bool = True) -> Tensor:
    """Put a smaller weight into the corner of a larger one; what reads new channels is zero."""
    result = target.clone()
    rows = slice(0, source.shape[0])
    if new_inputs_zero and source.ndim > 1:
        result[rows] = 0.0
    result[tuple(slice(0, size) for size in source.shape)] = source
    return result


def load_exported(
    net: nn.Module, path: Path, prefix: str = "", faces: Tensor | None = None
) -> list[str]:
    """Give a net the weights of an export, then set its batch norms from real faces.

    Args:
        net: has the export's module names; may be wider.
        path: the ONNX file.
        prefix: name of the exported module's attribute, where it was wrapped in another.
        faces: float (B, 1, H, W), standardised real faces, some hundreds; None where the net has no
            batch norms.

    Returns:
        Names of the modules that were filled.
    """
    weights = exported_weights(path, prefix)
    modules = dict(net.named_modules())
    shifts: dict[str, Tensor] = {}
    filled = []
    for name, (weight, bias) in weights.items():
        module: Any = modules.get(name)
        if module is None or any(a < b for a, b in zip(module.weight.shape, weight.shape)):  # noqa: B905
            continue
        with torch.no_grad():
            module.weight.copy_(fill(module.weight, weight))
            if module.bias is not None:
                module.bias.copy_(fill(module.bias, bias))
            else:
                shifts[_norm_of(name)] = bias
        filled.append(name)
    if faces is not None:
        _settle_norms(net, shifts, faces)
    return filled


def _norm_of(convolution: str) -> str:
    """Name the batch norm that follows a convolution."""
    head, _, last = convolution.rpartition(".")
    after = last.replace("conv", "bn") if last.startswith("conv") else str(int(last) + 1)
    return f"{head}.{after}"


def _settle_norms(net: nn.Module, shifts: dict[str, Tensor], faces: Tensor) -> None:
    """Set every batch norm from the statistics of what reaches it."""

    def hook(shift: Tensor | None) -> Any:
        def settle(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
            seen = inputs[0].float()
            mean, variance = seen.mean((0, 2, 3)), seen.var((0, 2, 3), unbiased=False)
            norm.running_mean.copy_(mean)  # type: ignore[union-attr]
            norm.running_var.copy_(variance)  # type: ignore[union-attr]
            if shift is not None:
                count = len(shift)
                scale = (variance[:count] + norm.eps).sqrt()
                norm.weight[:count] = scale
                norm.bias[:count] = mean[:count] + shift

        return settle

    handles = [
        module.register_forward_pre_hook(hook(shifts.get(name)))
        for name, module in net.named_modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    net.eval()
    with torch.no_grad():
        net(faces)
    for handle in handles:
        handle.remove()
