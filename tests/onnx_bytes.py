"""Tiny ONNX models made of bytes, with the cards that describe them; no `onnx` package is needed.

Most nets here answer constants whatever they are shown: enough for contracts, hashes, refusals.

Source: `onnx.proto3` of ONNX (field numbers), Protocol Buffers encoding.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_SIDE_LABELS
from agent.domain.observation import EMOTIONS

ELEMENT_TYPES = {"float32": 1, "uint8": 2, "int64": 7}
FACE_SHAPE = (1, 1, 112, 112)
DETECTOR_SHAPE = (1, 1, 240, 320)

Floats = npt.NDArray[np.float32]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _value(name: str, dtype: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_bytes(1, _number(1, size)) for size in shape)
    tensor = _number(1, ELEMENT_TYPES[dtype]) + _bytes(2, sizes)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


def _initializer(name: str, value: Floats) -> bytes:
    dims = b"".join(_number(1, size) for size in value.shape)
    return dims + _number(2, 1) + _bytes(8, name) + _bytes(9, value.tobytes())


def _attribute(name: str, value: int | tuple[int, ...]) -> bytes:
    if isinstance(value, int):
        return _bytes(1, name) + _number(3, value) + _number(20, 2)
    return _bytes(1, name) + b"".join(_number(8, v) for v in value) + _number(20, 7)


def node(
    operation: str, inputs: list[str], output: str, **attributes: int | tuple[int, ...]
) -> bytes:
    """Return one operation of a graph."""
    fed = b"".join(_bytes(1, name) for name in inputs)
    stated = b"".join(_bytes(5, _attribute(name, value)) for name, value in attributes.items())
    return fed + _bytes(2, output) + _bytes(4, operation) + stated


def net(
    nodes: list[bytes],
    weights: dict[str, Floats],
    inputs: dict[str, tuple[str, tuple[int, ...]]],
    outputs: dict[str, tuple[int, ...]],
) -> bytes:
    """Return an ONNX model: operations, weights, inputs (dtype, shape), float32 outputs."""
    graph = [_bytes(1, content) for content in nodes] + [_bytes(2, "graph")]
    graph += [_bytes(5, _initializer(n, v.astype(np.float32))) for n, v in weights.items()]
    graph += [_bytes(11, _value(n, dtype, shape)) for n, (dtype, shape) in inputs.items()]
    graph += [_bytes(12, _value(n, "float32", shape)) for n, shape in outputs.items()]
    return _number(1, 8) + _bytes(8, _number(2, 17)) + _bytes(7, b"".join(graph))


def constant_net(
    inputs: dict[str, tuple[str, tuple[int, ...]]], outputs: dict[str, Floats]
) -> bytes:
    """Return an ONNX model that takes `inputs` (dtype, shape) and answers `outputs`."""
    nodes = [node("Identity", [f"{name}_value"], name) for name in outputs]
    weights = {f"{name}_value": value for name, value in outputs.items()}
    return net(nodes, weights, inputs, {name: value.shape for name, value in outputs.items()})


def card_fields(
    name: str,
    content: bytes,
    inputs: dict[str, tuple[str, tuple[int, ...]]],
    outputs: dict[str, Floats],
    labels: dict[str, tuple[str, ...]] | None = None,
) -> dict[str, Any]:
    """Return a card that tells the truth about a model, to be altered by a test."""
    named = labels or {}
    return {
        "name": name,
        "version": "0",
        "summary": "Answers constants.",
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "Apache-2.0",
        "parameters": 1,
        "limits": ["sees nothing"],
        "settings": {},
        "data": {"source": "none"},
        "scores": {"none": 0},
        "inputs": [
            {"name": n, "dtype": dtype, "shape": list(shape), "unit": "1"}
            for n, (dtype, shape) in inputs.items()
        ],
        "outputs": [
            {
                "name": n,
                "dtype": "float32",
                "shape": list(value.shape),
                "unit": "1",
                "labels": list(named.get(n, ())),
            }
            for n, value in outputs.items()
        ],
    }


def to_toml(fields: dict[str, Any]) -> str:
    """Write a card; inline tables, so that order doesn't matter."""
    return "".join(f"{key} = {_toml(value)}\n" for key, value in fields.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return json.dumps(value)


def write_model(folder: Path, fields: dict[str, Any], content: bytes) -> None:
    """Put `NAME.onnx` and `NAME.card.toml` into a folder."""
    (folder / f"{fields['name']}.onnx").write_bytes(content)
    (folder / f"{fields['name']}.card.toml").write_text(to_toml(fields), "utf-8")


def encoder_outputs(landmarks: Floats) -> dict[str, Floats]:
    """Return what an encoder answers: landmarks float32 (68, 2), everything else mild."""
    return {
        "landmarks": landmarks.reshape(1, 136).astype(np.float32),
        "pose": np.array([[1, 2, 3]], np.float32),
        "gaze": np.array([[4, 5]], np.float32),
        "au": np.full((1, len(AU_SIDE_LABELS)), 0.5, np.float32),
        "quality": np.array([[0.9]], np.float32),
        "embedding": np.zeros((1, 64), np.float32),
    }


def encoder_fields(content: bytes, landmarks: Floats) -> dict[str, Any]:
    """Return the card of an encoder that answers `encoder_outputs`."""
    return card_fields(
        "face_encoder",
        content,
        {"face": ("float32", FACE_SHAPE)},
        encoder_outputs(landmarks),
        {"au": AU_SIDE_LABELS},
    )


def write_encoder(folder: Path, landmarks: Floats) -> None:
    """Write an encoder that sees the same landmarks, aligned pixels, in every face."""
    content = constant_net({"face": ("float32", FACE_SHAPE)}, encoder_outputs(landmarks))
    write_model(folder, encoder_fields(content, landmarks), content)


def write_detector(folder: Path, box: Floats, points: Floats) -> None:
    """Write a detector that sees one face, in pixels of its 320 x 240 input."""
    outputs = {
        "scores": np.array([[0.9]], np.float32),
        "boxes": box.reshape(1, 1, 4).astype(np.float32),
        "points": points.reshape(1, 1, 10).astype(np.float32),
    }
    inputs = {"image": ("uint8", DETECTOR_SHAPE)}
    content = constant_net(inputs, outputs)
    fields = card_fields("face_detector", content, inputs, outputs)
    fields["settings"] = {"input_width": 320, "input_height": 240, "score_threshold": 0.5}
    write_model(folder, fields, content)


def emotion_fields(content: bytes, logits: Floats) -> dict[str, Any]:
    """Return the card of an emotion head that answers `logits`, float32 (8,)."""
    fields = card_fields(
        "emotion_head",
        content,
        {"face": ("float32", (1, 1, 48, 48))},
        {"logits": logits.reshape(1, 8)},
        {"logits": EMOTIONS},
    )
    fields["settings"] = {"temperature": 2.0, "crop_left": 16, "crop_top": 16, "crop_side": 80}
    return fields


def write_emotion(folder: Path, logits: Floats) -> None:
    """Write an emotion head that answers the same logits, float32 (8,)."""
    inputs = {"face": ("float32", (1, 1, 48, 48))}
    content = constant_net(inputs, {"logits": logits.reshape(1, 8)})
    write_model(folder, emotion_fields(content, logits), content)
