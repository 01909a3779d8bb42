"""A model of another kind is refused when it is loaded, not when the first face comes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.errors import ModelContractError, ModelError
from agent.inference import session
from agent.inference.card import Card, load_card
from agent.inference.detector import load_detector
from agent.inference.emotion import EmotionHead
from agent.inference.encoder import FaceEncoder
from agent.inference.session import load_model

MODELS = Path(__file__).resolve().parents[3] / "models"
BUILD = {
    "face_detector": load_detector, "face_encoder": FaceEncoder, "emotion_head": EmotionHead,
}  # fmt: skip


def reshaped(name: str, side: str, place: int, **changes: object) -> SimpleNamespace:
    """Return a shipped model whose card states another tensor."""
    card = load_card(MODELS / f"{name}.card.toml").model_dump()
    tensors = list(card[side])
    tensors[place] |= changes
    card[side] = tensors
    return SimpleNamespace(card=Card.model_validate(card), run=None)


@pytest.mark.parametrize("name", BUILD)
def test_the_shipped_models_are_of_their_kind(name: str) -> None:
    """The three cards as they are shipped are accepted."""
    BUILD[name](SimpleNamespace(card=load_card(MODELS / f"{name}.card.toml"), run=None))


@pytest.mark.parametrize(
    ("name", "side", "place", "changes"),
    [
        ("face_detector", "inputs", 0, {"shape": [1, 3, 312, 416]}),
        ("face_detector", "inputs", 0, {"shape": [1, 1, -1, -1]}),
        ("face_detector", "inputs", 0, {"dtype": "float32"}),
        ("face_detector", "outputs", 0, {"shape": []}),
        ("face_detector", "outputs", 1, {"shape": [1, 7, 4]}),
        ("face_detector", "outputs", 2, {"shape": [1, 2678, 8]}),
        ("face_encoder", "inputs", 0, {"shape": [1, 1, 96, 96]}),
        ("face_encoder", "outputs", 0, {"shape": [1, 134]}),
        ("face_encoder", "outputs", 1, {"shape": [3]}),
        ("face_encoder", "outputs", 4, {"shape": [1, 0]}),
        ("face_encoder", "outputs", 5, {"dtype": "int64"}),
        ("emotion_head", "inputs", 0, {"shape": [1, 1, 48, 48]}),
        ("emotion_head", "outputs", 0, {"shape": [8]}),
    ],
)
def test_another_form_is_refused(
    name: str, side: str, place: int, changes: dict[str, object]
) -> None:
    """Other sizes, ranks and types than the code handles are refused by the tensor's name."""
    with pytest.raises(ModelContractError, match=name):
        BUILD[name](reshaped(name, side, place, **changes))


def test_a_missing_output_is_refused() -> None:
    """A detector with two outputs isn't one."""
    model = reshaped("face_detector", "outputs", 0)
    model.card = model.card.model_copy(update={"outputs": model.card.outputs[:2]})

    with pytest.raises(ModelContractError, match="3 outputs are needed"):
        load_detector(model)


def test_a_huge_model_file_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file beyond the limit isn't hashed and not loaded, whatever its card says."""
    monkeypatch.setattr(session, "LARGEST_MODEL", 1000)
    card = (MODELS / "emotion_head.card.toml").read_text("utf-8")
    (tmp_path / "emotion_head.card.toml").write_text(card, "utf-8")
    with (tmp_path / "emotion_head.onnx").open("wb") as file:
        file.truncate(1 << 33)

    with pytest.raises(ModelError, match="larger than"):
        load_model(tmp_path, "emotion_head")
