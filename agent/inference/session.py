"""Load a model by its card and run it: the one place that creates onnxruntime sessions.

Rules: the bytes that are hashed are the bytes that are run; inputs and outputs are compared with
the card before the first picture; onnxruntime gets no network, no profile file, no telemetry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from agent.errors import ModelContractError, ModelError, ModelHashMismatch
from agent.inference.card import Card, Tensor, load_card

LARGEST_MODEL = 1 << 28
"""Bytes; ours have at most a few million."""

_DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int64)": "int64"}


OUT_OF_MEMORY = ("std::bad_alloc", "Failed to allocate memory")
"""How onnxruntime says so; it has no exception of its own for it."""


class Model:
    """A checked model, ready to run on CPU."""

    def __init__(self, card: Card, session: Any) -> None:
        self.card = card
        self._session = session
        self._names = [output.name for output in card.outputs]

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[np.float32]]:
        """Run once; returns the outputs in the card's order.

        Raises:
            ModelContractError: the model broke its own contract, or gave NaN or infinity.
            MemoryError: there was no room to run it.
        """
        try:
            outputs = self._session.run(self._names, dict(inputs))
        except Exception as error:  # onnxruntime raises bare pybind exceptions
            if any(words in str(error) for words in OUT_OF_MEMORY):
                raise MemoryError from error
            raise ModelContractError(f"{self.card.name} failed: {error}") from error
        for name, value in zip(self._names, outputs, strict=True):
            if not np.isfinite(value).all():
                raise ModelContractError(f"{self.card.name} gave a non-finite {name}")
        return list(outputs)


def load_model(folder: Path, name: str, *, threads: int = 1) -> Model:
    """Load `NAME.onnx` as `NAME.card.toml` describes it, or the twin that the card names.

    A card's `settings.use` names another file of the same folder with a card of its own, such as
    an int8 twin; it must take and give what the card itself states.

    Args:
        folder: where both files lie.
        name: without suffix.
        threads: of onnxruntime, 1 or more.

    Raises:
        ModelError: a file is missing or can't be parsed.
        ModelHashMismatch: the file isn't the one that the card describes.
        ModelContractError: inputs or outputs differ from the card.
    """
    card = load_card(folder / f"{name}.card.toml")
    if isinstance(twin := card.settings.get("use"), str):
        name, card = twin, _twin(folder, card, twin)
    try:
        with (folder / f"{name}.onnx").open("rb") as file:
            content = file.read(LARGEST_MODEL + 1)
    except OSError as error:
        raise ModelError(f"can't read the model {name}.onnx: {error.strerror}") from error
    if len(content) > LARGEST_MODEL:
        raise ModelError(f"{name}.onnx is larger than {LARGEST_MODEL >> 20} MB")
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelHashMismatch(f"{name}.onnx isn't the file that its card describes")
    session = _session(content, name, threads)
    _compare(name, "input", card.inputs, session.get_inputs())
    _compare(name, "output", card.outputs, session.get_outputs())
    return Model(card, session)


def _twin(folder: Path, card: Card, name: str) -> Card:
    """Read the card of a twin and refuse one that isn't the same model in another form."""
    if Path(name).name != name:
        raise ModelContractError(f"{card.name}: settings.use must name a model of its own folder")
    twin = load_card(folder / f"{name}.card.toml")
    if "use" in twin.settings:
        raise ModelContractError(f"{name}: a twin can't name another twin")
    if (twin.inputs, twin.outputs) != (card.inputs, card.outputs):
        raise ModelContractError(f"{name} takes or gives something else than {card.name}")
    return twin


def _session(content: bytes, name: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning pool would burn a core of a shop's PC between two frames.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # An arena would keep the last face, and what the net made of it, until another one comes.
    # Without it each tensor goes back to the allocator, which overwrites it (ADR 0024).
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises bare pybind exceptions
        raise ModelError(f"onnxruntime can't load {name}.onnx: {error}") from error


def _compare(name: str, kind: str, declared: tuple[Tensor, ...], actual: list[Any]) -> None:
    found = {node.name: node for node in actual}
    if set(found) != {tensor.name for tensor in declared}:
        raise ModelContractError(f"{name}: {kind}s are {sorted(found)}, the card says otherwise")
    for tensor in declared:
        node = found[tensor.name]
        shape = tuple(size if isinstance(size, int) else -1 for size in node.shape)
        if shape != tensor.shape or _DTYPES.get(node.type) != tensor.dtype:
            raise ModelContractError(
                f"{name}: {kind} {tensor.name} is {node.type} {shape}, "
                f"the card says {tensor.dtype} {tensor.shape}"
            )
        if tensor.labels and len(tensor.labels) != tensor.shape[-1]:
            raise ModelContractError(f"{name}: {kind} {tensor.name} has a wrong number of labels")
