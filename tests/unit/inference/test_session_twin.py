"""A card may name a twin of its model: another file, the same contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from agent.errors import ModelContractError, ModelError, ModelHashMismatch
from agent.inference.session import load_model
from tests.onnx_bytes import card_fields, constant_net, write_model

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = {"face": ("float32", (1, 1, 4, 4))}
FACE = {"face": np.zeros((1, 1, 4, 4), np.float32)}


def write(folder: Path, name: str, answer: float, **settings: Any) -> None:
    """Write a model that answers one number."""
    outputs = {"au": np.array([[answer]], np.float32)}
    content = constant_net(INPUTS, outputs)
    fields = card_fields(name, content, INPUTS, outputs)
    fields["settings"] = settings
    write_model(folder, fields, content)


def test_the_card_says_which_file_is_run(tmp_path: Path) -> None:
    """With `settings.use` the twin answers and is named; without it the model itself."""
    write(tmp_path, "net", 1.0, use="net.int8")
    write(tmp_path, "net.int8", 2.0)

    model = load_model(tmp_path, "net")

    assert model.run(FACE)[0].tolist() == [[2.0]]
    assert model.card.identifier.startswith("net.int8@")
    write(tmp_path, "net", 1.0)
    assert load_model(tmp_path, "net").run(FACE)[0].tolist() == [[1.0]]


def test_an_altered_twin_is_refused(tmp_path: Path) -> None:
    """The twin's bytes are checked against its own card."""
    write(tmp_path, "net", 1.0, use="net.int8")
    write(tmp_path, "net.int8", 2.0)
    (tmp_path / "net.int8.onnx").write_bytes((tmp_path / "net.onnx").read_bytes())

    with pytest.raises(ModelHashMismatch):
        load_model(tmp_path, "net")


def test_a_missing_twin_is_refused(tmp_path: Path) -> None:
    """The model itself isn't run in silence when its twin isn't there."""
    write(tmp_path, "net", 1.0, use="net.int8")

    with pytest.raises(ModelError):
        load_model(tmp_path, "net")


@pytest.mark.parametrize("name", ["../net", "/net", "other/net"])
def test_a_twin_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    """A card can't lead out of its folder."""
    write(tmp_path, "net", 1.0, use=name)

    with pytest.raises(ModelContractError, match="its own folder"):
        load_model(tmp_path, "net")


def test_a_twin_of_a_twin_is_refused(tmp_path: Path) -> None:
    """Twins don't form chains, so they can't form circles."""
    write(tmp_path, "net", 1.0, use="net.int8")
    write(tmp_path, "net.int8", 2.0, use="net")

    with pytest.raises(ModelContractError, match="another twin"):
        load_model(tmp_path, "net")


def test_a_twin_of_another_shape_is_refused(tmp_path: Path) -> None:
    """What takes or gives something else is no twin."""
    write(tmp_path, "net", 1.0, use="net.int8")
    outputs = {"au": np.zeros((1, 2), np.float32)}
    content = constant_net(INPUTS, outputs)
    write_model(tmp_path, card_fields("net.int8", content, INPUTS, outputs), content)

    with pytest.raises(ModelContractError, match="something else"):
        load_model(tmp_path, "net")
