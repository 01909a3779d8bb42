"""Cards: what isn't stated, or isn't known, is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.errors import ModelError
from agent.inference.card import load_card
from tests.onnx_bytes import encoder_fields, to_toml
from tests.unit.inference.squares import mean_face


@pytest.fixture
def fields() -> dict[str, Any]:
    """Return a whole card."""
    return encoder_fields(b"weights", mean_face())


def written(folder: Path, fields: dict[str, Any]) -> Path:
    """Write a card and return its place."""
    path = folder / "face_encoder.card.toml"
    path.write_text(to_toml(fields), "utf-8")
    return path


def test_a_whole_card_is_read(tmp_path: Path, fields: dict[str, Any]) -> None:
    """A card that states everything is read, and names its weights by their hash."""
    card = load_card(written(tmp_path, fields))

    assert f"face_encoder@{fields['sha256'][:8]}" == card.identifier


@pytest.mark.parametrize(
    "missing",
    ["name", "version", "summary", "sha256", "licence", "parameters", "inputs", "outputs", "data",
     "scores", "limits"],
)  # fmt: skip
def test_a_missing_field_is_refused(tmp_path: Path, fields: dict[str, Any], missing: str) -> None:
    """A card without a required field is refused by the field's name."""
    del fields[missing]

    with pytest.raises(ModelError, match=f"face_encoder.card.toml: {missing}"):
        load_card(written(tmp_path, fields))


def test_an_unknown_key_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    """A key that the agent doesn't know is refused: it may be a misspelt one."""
    fields["licens"] = "MIT"

    with pytest.raises(ModelError, match="licens"):
        load_card(written(tmp_path, fields))


def test_an_unknown_key_of_a_tensor_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    """Unknown keys are refused also inside an input or output."""
    fields["inputs"][0]["scale"] = 2

    with pytest.raises(ModelError, match=r"inputs\.0\.scale"):
        load_card(written(tmp_path, fields))


@pytest.mark.parametrize("digest", ["", "abc", "g" * 64, "A" * 64, "a" * 63])
def test_a_hash_that_is_none_is_refused(
    tmp_path: Path, fields: dict[str, Any], digest: str
) -> None:
    """Only 64 lower-case hexadecimal digits are a SHA-256."""
    fields["sha256"] = digest

    with pytest.raises(ModelError, match="sha256"):
        load_card(written(tmp_path, fields))


@pytest.mark.parametrize(("key", "value"), [("parameters", 0), ("limits", []), ("inputs", [])])
def test_an_empty_statement_is_refused(
    tmp_path: Path, fields: dict[str, Any], key: str, value: object
) -> None:
    """A model without parameters, inputs or stated limits isn't one."""
    fields[key] = value

    with pytest.raises(ModelError, match=key):
        load_card(written(tmp_path, fields))


def test_a_missing_card_is_refused(tmp_path: Path) -> None:
    """Without a card there is no model."""
    with pytest.raises(ModelError, match=r"can't read the card nobody\.card\.toml"):
        load_card(tmp_path / "nobody.card.toml")


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe"])
def test_a_card_that_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    """A damaged card is refused as such."""
    path = tmp_path / "face_encoder.card.toml"
    path.write_bytes(content)

    with pytest.raises(ModelError, match="isn't valid TOML"):
        load_card(path)


def test_a_message_names_no_folder(tmp_path: Path, fields: dict[str, Any]) -> None:
    """A refusal names the card, not where on the computer it lies."""
    fields["sha256"] = "none"

    with pytest.raises(ModelError) as caught:
        load_card(written(tmp_path, fields))

    assert str(tmp_path) not in str(caught.value)


def test_a_setting_is_a_number(tmp_path: Path, fields: dict[str, Any]) -> None:
    """Settings give numbers, whole or not."""
    fields["settings"] = {"crop_left": 16, "temperature": 1.5}
    card = load_card(written(tmp_path, fields))

    assert (16.0, 1.5) == (card.setting("crop_left"), card.setting("temperature"))


@pytest.mark.parametrize("settings", [{}, {"temperature": "warm"}, {"temperature": True}])
def test_a_setting_that_is_no_number_is_refused(
    tmp_path: Path, fields: dict[str, Any], settings: dict[str, Any]
) -> None:
    """A setting that is missing, a word or a truth value is refused when it is asked for."""
    fields["settings"] = settings
    card = load_card(written(tmp_path, fields))

    with pytest.raises(ModelError, match=r"settings\.temperature"):
        card.setting("temperature")
