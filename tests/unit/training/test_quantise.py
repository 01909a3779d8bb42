"""The int8 twin of a model: which layers stay in float, and what its card says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx lives in the training extra only")
pytest.importorskip("tomli_w", reason="tomli-w lives in the training extra only")

from agent.inference.card import load_card  # noqa: E402
from agent.inference.session import load_model  # noqa: E402
from tests.onnx_bytes import card_fields, net, node, write_model  # noqa: E402
from training import quantise  # noqa: E402

SHAPE = (1, 1, 16, 16)


def write_net(folder: Path) -> Path:
    """Write four convolutions in a row with a shortcut around the middle ones."""
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.normal(0, 0.4, (8, 1, 3, 3)).astype(np.float32),
        "w2": rng.normal(0, 0.2, (8, 8, 3, 3)).astype(np.float32),
        "w3": rng.normal(0, 0.2, (8, 8, 3, 3)).astype(np.float32),
        "w4": rng.normal(0, 0.2, (2, 8, 3, 3)).astype(np.float32),
    }
    pads = {"pads": (1, 1, 1, 1)}
    nodes = [
        node("Conv", ["face", "w1"], "a", **pads), node("Relu", ["a"], "b"),
        node("Conv", ["b", "w2"], "c", **pads), node("Relu", ["c"], "d"),
        node("Conv", ["d", "w3"], "e", **pads), node("Add", ["e", "b"], "f"),
        node("Conv", ["f", "w4"], "out", **pads),
    ]  # fmt: skip
    inputs = {"face": ("float32", SHAPE)}
    outputs = {"out": np.zeros((1, 2, 16, 16), np.float32)}
    content = net(nodes, weights, inputs, {"out": (1, 2, 16, 16)})
    model = onnx.load_model_from_string(content)
    for number, one in enumerate(model.graph.node):
        one.name = f"{one.op_type}{number}"
    content = model.SerializeToString()
    fields = card_fields("net", content, inputs, outputs)
    fields["settings"] = {"temperature": 2.0}
    write_model(folder, fields, content)
    return folder / "net.onnx"


def feed() -> quantise.Feed:
    """Noise to calibrate with, other noise to compare on."""
    rng = np.random.default_rng(1)
    pictures = [rng.normal(0, 1, SHAPE).astype(np.float32) for _ in range(60)]
    return quantise.Feed("face", pictures[:40], pictures[40:])


def test_the_first_and_the_last_convolution_stay_in_float(tmp_path: Path) -> None:
    """Found by what comes before and after, not by name; the shortcut changes nothing."""
    model = onnx.load(str(write_net(tmp_path)))

    assert quantise.kept_in_float(model) == ["Conv0", "Conv6"]


def test_the_twin_answers_nearly_the_same(tmp_path: Path) -> None:
    """The twin loads with its own card, differs little, and the cost stands in the card."""
    source, target = write_net(tmp_path), tmp_path / "net.int8.onnx"

    quantise.quantise(source, target, feed(), "Percentile")
    scores = quantise.compare(source, target, feed())
    quantise.write_card(source, target, scores)

    assert 0 < scores["out_difference_of_deviation"] < 0.1
    card = load_model(tmp_path, "net.int8").card
    assert card.scores["against_fp32"]["pictures"] == 20
    assert card.settings["temperature"] == 2.0
    assert "Quantised from net.onnx" in card.limits[0]


def test_the_twin_is_loaded_only_when_chosen(tmp_path: Path) -> None:
    """The original runs until its card says otherwise."""
    source, target = write_net(tmp_path), tmp_path / "net.int8.onnx"
    quantise.quantise(source, target, feed(), "Percentile")
    quantise.write_card(source, target, {"pictures": 0})

    before = load_model(tmp_path, "net").card.name
    quantise.choose(source, target)

    assert before == "net"
    assert load_model(tmp_path, "net").card.name == "net.int8"
    quantise.write_card(source, target, {"pictures": 0})
    assert "use" not in load_card(tmp_path / "net.int8.card.toml").settings


def test_dense_weights_are_kept_in_half_precision(tmp_path: Path) -> None:
    """The file shrinks, the answers hardly move, and what isn't dense stays as it is."""
    rng = np.random.default_rng(2)
    weights = {
        "w": rng.normal(0, 0.1, (256, 64)).astype(np.float32),
        "b": rng.normal(0, 1, (64,)).astype(np.float32),
    }
    nodes = [node("Gemm", ["face", "w", "b"], "out")]
    content = net(nodes, weights, {"face": ("float32", (1, 256))}, {"out": (1, 64)})
    path = tmp_path / "dense.onnx"
    path.write_bytes(content)
    given = {"face": rng.normal(0, 1, (1, 256)).astype(np.float32)}
    before = quantise.session_of(path).run(None, given)[0]

    quantise.halve_dense(path)
    after = quantise.session_of(path).run(None, given)[0]

    assert path.stat().st_size < 0.6 * len(content)
    np.testing.assert_allclose(after, before, atol=2e-3)
    assert not np.array_equal(after, before)
    kept = {i.name: i for i in onnx.load(str(path)).graph.initializer}
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(kept["b"]), weights["b"])
