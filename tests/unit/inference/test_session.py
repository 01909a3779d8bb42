"""Sessions: only the file that its card describes is run, and only finite answers come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.errors import ModelContractError, ModelError, ModelHashMismatch
from agent.inference.session import load_model
from tests.onnx_bytes import card_fields, constant_net, write_model

INPUTS = {"face": ("float32", (1, 1, 4, 4))}
FACE = np.zeros((1, 1, 4, 4), np.float32)
LABELS = ("a", "b", "c")


def prepared(values: tuple[float, ...] = (1, 2, 3), **changes: Any) -> tuple[bytes, dict[str, Any]]:
    """Return a model that answers `values`, and its card with changes."""
    outputs = {"au": np.array([values], np.float32)}
    content = constant_net(INPUTS, outputs)
    fields = card_fields("tiny", content, INPUTS, outputs, {"au": LABELS})
    return content, fields | changes


def test_a_model_runs_as_its_card_says(tmp_path: Path) -> None:
    """A true card opens the model, and its outputs come in the card's order."""
    content, fields = prepared()
    write_model(tmp_path, fields, content)

    (answer,) = load_model(tmp_path, "tiny").run({"face": FACE})

    assert [[1, 2, 3]] == answer.tolist()


def test_outputs_come_in_the_cards_order(tmp_path: Path) -> None:
    """The card's order of outputs counts, not the file's."""
    outputs = {"first": np.ones((1, 1), np.float32), "second": np.full((1, 1), 2, np.float32)}
    content = constant_net(INPUTS, outputs)
    fields = card_fields("tiny", content, INPUTS, dict(reversed(outputs.items())))
    write_model(tmp_path, fields, content)

    answers = load_model(tmp_path, "tiny").run({"face": FACE})

    assert [2, 1] == [int(answer[0, 0]) for answer in answers]


@pytest.mark.parametrize("place", [0, 100, -1])
def test_an_altered_file_is_refused(tmp_path: Path, place: int) -> None:
    """One changed byte anywhere is enough for a refusal, before anything is run."""
    content, fields = prepared()
    altered = bytearray(content)
    altered[place] ^= 1
    write_model(tmp_path, fields, bytes(altered))

    with pytest.raises(ModelHashMismatch, match=r"tiny\.onnx"):
        load_model(tmp_path, "tiny")


def test_a_card_of_other_weights_is_refused(tmp_path: Path) -> None:
    """A card doesn't open another model, even one of the same form."""
    _, fields = prepared((1, 2, 3))
    content, _ = prepared((3, 2, 1))
    write_model(tmp_path, fields, content)

    with pytest.raises(ModelHashMismatch):
        load_model(tmp_path, "tiny")


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    """A card without its file is refused by the file's name."""
    content, fields = prepared()
    write_model(tmp_path, fields, content)
    (tmp_path / "tiny.onnx").unlink()

    with pytest.raises(ModelError, match=r"can't read the model tiny\.onnx"):
        load_model(tmp_path, "tiny")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """A card that describes rubbish truly doesn't make it a model."""
    _, fields = prepared()
    content = b"not a model at all"
    truthful = card_fields("tiny", content, INPUTS, {"au": np.zeros((1, 3), np.float32)})
    write_model(tmp_path, fields | {"sha256": truthful["sha256"]}, content)

    with pytest.raises(ModelError, match=r"can't load tiny\.onnx"):
        load_model(tmp_path, "tiny")


def tensor(**changes: Any) -> dict[str, Any]:
    """Return the tiny model's output as its card states it, with changes."""
    stated = {"name": "au", "dtype": "float32", "shape": [1, 3], "unit": "1", "labels": []}
    return stated | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": [tensor(name="aux")]},
        {"outputs": [tensor(shape=[1, 4])]},
        {"outputs": [tensor(shape=[3])]},
        {"outputs": [tensor(shape=[-1, 3])]},
        {"outputs": [tensor(dtype="int64")]},
        {"outputs": [tensor(labels=["a", "b"])]},
        {"outputs": [tensor(), tensor(name="more")]},
        {"inputs": [tensor(name="face", shape=[1, 1, 8, 8])]},
        {"inputs": [tensor(name="face", shape=[1, 1, 4, 4], dtype="uint8")]},
        {"inputs": [tensor(name="picture", shape=[1, 1, 4, 4])]},
    ],
    ids=["name", "size", "rank", "varying", "type", "labels", "number", "input size",
         "input type", "input name"],
)  # fmt: skip
def test_a_card_that_contradicts_its_model_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Names, types, shapes, number and labels of tensors must be those of the file."""
    content, fields = prepared(**changes)
    write_model(tmp_path, fields, content)

    with pytest.raises(ModelContractError, match="tiny"):
        load_model(tmp_path, "tiny")


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_is_refused(tmp_path: Path, broken: float) -> None:
    """One NaN or infinity among the outputs stops the model: it isn't a measurement."""
    content, fields = prepared((1, broken, 3))
    write_model(tmp_path, fields, content)
    model = load_model(tmp_path, "tiny")

    with pytest.raises(ModelContractError, match="non-finite au"):
        model.run({"face": FACE})


@pytest.mark.parametrize(
    "inputs",
    [{"face": np.zeros((1, 1, 5, 4), np.float32)}, {"face": FACE.astype(np.float64)}, {}],
    ids=["shape", "type", "missing"],
)
def test_a_wrong_input_is_refused(tmp_path: Path, inputs: dict[str, Any]) -> None:
    """A tensor of another shape or type, or none, is a broken contract and not a crash."""
    content, fields = prepared()
    write_model(tmp_path, fields, content)
    model = load_model(tmp_path, "tiny")

    with pytest.raises(ModelContractError, match="tiny failed"):
        model.run(inputs)
