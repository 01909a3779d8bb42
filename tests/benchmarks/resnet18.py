"""A ResNet-18 for 224-pixel pictures with random weights: **for timing only**, it knows nothing.

Batch normalisation is folded into the convolutions, as deployed nets have it; 11.7 M parameters.

Source: He et al. 2016, *Deep Residual Learning for Image Recognition*, table 1.
"""

from __future__ import annotations

import numpy as np

from tests.onnx_bytes import Floats, net, node

SIDE = 224
WIDTHS = (64, 128, 256, 512)
CLASSES = 1000


class _Graph:
    """Collects operations and random weights."""

    def __init__(self) -> None:
        self.nodes: list[bytes] = []
        self.weights: dict[str, Floats] = {}
        self._random = np.random.default_rng(0)

    def add(self, operation: str, inputs: list[str], **attributes: int | tuple[int, ...]) -> str:
        """Append an operation; return its output's name."""
        output = f"t{len(self.nodes)}"
        self.nodes.append(node(operation, inputs, output, **attributes))
        return output

    def draw(self, *shape: int) -> str:
        """Draw a weight that keeps the signal's size; return its name."""
        name = f"w{len(self.weights)}"
        fan = max(int(np.prod(shape[1:])), 1)
        values = self._random.standard_normal(shape) * np.sqrt(2 / fan)
        self.weights[name] = values.astype(np.float32)
        return name

    def convolve(self, source: str, low: int, high: int, kernel: int, stride: int) -> str:
        """Append a convolution with bias."""
        return self.add(
            "Conv",
            [source, self.draw(high, low, kernel, kernel), self.draw(high)],
            kernel_shape=(kernel, kernel),
            strides=(stride, stride),
            pads=(kernel // 2,) * 4,
        )

    def block(self, source: str, low: int, high: int, stride: int) -> str:
        """Append a basic block: two 3x3 convolutions and a shortcut."""
        inner = self.add("Relu", [self.convolve(source, low, high, 3, stride)])
        inner = self.convolve(inner, high, high, 3, 1)
        same = stride == 1 and low == high
        shortcut = source if same else self.convolve(source, low, high, 1, stride)
        return self.add("Relu", [self.add("Add", [inner, shortcut])])


def resnet18() -> bytes:
    """Return the model; input `x` float32 (1, 3, 224, 224), output `y` float32 (1, 1000)."""
    graph = _Graph()
    x = graph.add("Relu", [graph.convolve("x", 3, WIDTHS[0], 7, 2)])
    x = graph.add("MaxPool", [x], kernel_shape=(3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
    low = WIDTHS[0]
    for high in WIDTHS:
        x = graph.block(x, low, high, 1 if high == low else 2)
        x = graph.block(x, high, high, 1)
        low = high
    x = graph.add("Flatten", [graph.add("GlobalAveragePool", [x])])
    weight, bias = graph.draw(low, CLASSES), graph.draw(CLASSES)
    graph.nodes.append(node("Gemm", [x, weight, bias], "y"))
    inputs = {"x": ("float32", (1, 3, SIDE, SIDE))}
    return net(graph.nodes, graph.weights, inputs, {"y": (1, CLASSES)})
