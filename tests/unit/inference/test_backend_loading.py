"""Loading the own backend: the models that a policy needs, and no other file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agent.domain.frame import FrameStatus
from agent.domain.policy import Head
from agent.errors import ModelError
from agent.inference.backend import load_backend
from agent.inference.preprocess import FIVE_POINT_TEMPLATE
from tests.onnx_bytes import write_detector, write_emotion, write_encoder
from tests.unit.inference.squares import Square, draw, mean_face


def write_models(folder: Path, *, emotion: bool) -> None:
    """Write tiny models that see one face in the middle of any frame."""
    square = Square(160, 120, 72)
    write_encoder(folder, mean_face())
    write_detector(
        folder, np.array([124, 84, 196, 156], np.float32), square.carry(FIVE_POINT_TEMPLATE)
    )
    if emotion:
        write_emotion(folder, np.arange(8, dtype=np.float32))


def test_models_of_a_folder_are_loaded_and_run(tmp_path: Path) -> None:
    """Real sessions made from cards give an observation, and the models are named by hash."""
    write_models(tmp_path, emotion=True)

    with_all = load_backend(tmp_path, heads=frozenset(Head))

    (seen,) = with_all.look(draw(Square(320, 240, 144))).observations
    assert ["face_detector", "face_encoder", "emotion_head"] == [
        model.split("@")[0] for model in with_all.models
    ]
    assert [1, 2, 3] == pytest.approx(seen.pose.tolist(), abs=0.1)
    assert 1 == pytest.approx(float(seen.emotion.sum()), abs=1e-5)


def test_a_head_that_is_not_allowed_is_not_even_opened(tmp_path: Path) -> None:
    """Where a policy leaves emotion out, its files may be absent: nobody asks for them."""
    write_models(tmp_path, emotion=False)

    backend = load_backend(tmp_path, heads=frozenset({Head.AU}))

    (seen,) = backend.look(draw(Square(320, 240, 144))).observations
    assert seen.emotion is None
    assert np.isnan(seen.gaze).all()
    assert not any(model.startswith("emotion") for model in backend.models)


def test_an_unreadable_head_does_not_matter_where_it_is_not_allowed(tmp_path: Path) -> None:
    """Even a damaged emotion head is no trouble to a site that may not use it."""
    write_models(tmp_path, emotion=True)
    (tmp_path / "emotion_head.onnx").write_bytes(b"damaged")
    (tmp_path / "emotion_head.card.toml").write_text("damaged", "utf-8")

    backend = load_backend(tmp_path, heads=frozenset({Head.AU, Head.GAZE}))

    assert FrameStatus.OK == backend.look(draw(Square(320, 240, 144))).status


@pytest.mark.parametrize("missing", ["face_detector", "face_encoder", "emotion_head"])
def test_a_head_that_is_asked_for_must_be_there(tmp_path: Path, missing: str) -> None:
    """A missing model is a refusal to start, not a silent lack."""
    write_models(tmp_path, emotion=True)
    (tmp_path / f"{missing}.onnx").unlink()

    with pytest.raises(ModelError, match=missing):
        load_backend(tmp_path, heads=frozenset(Head))
