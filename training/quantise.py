"""Write a model's int8 twin: `python -m training.quantise --data DIR --labels DIR`.

For each model `NAME.int8.onnx` and its card are written beside the original: QDQ static
quantisation (weights int8 per channel, activations uint8 by calibration) of the convolutions
between the first and the last; those two stay in float, and so do the dense layers behind them,
which the file holds in half precision.
Measured on the encoder: with all convolutions quantised its landmarks move by 0.40 px and its
pitch by 0.56 degrees, with the last one kept 0.11 and 0.18, with the first one kept too 0.10 and
0.15, and it is a fifth faster. Calibration pictures come from training data, never from a part that
is reported. What it costs and gains is measured here on other pictures and written into the card;
scores on real sets come from
`omokage evaluate TASK PATH --encoder models/face_encoder.int8.onnx`.

The agent loads what the card of `NAME.onnx` says: with `--choose` its `settings.use` names the
twin, without it (or after the card was written anew) the original is used. The gain is that of a
processor with int8 dot products (AVX-512 VNNI and the like); an older one may gain nothing. Weights
keep to 7 bits, so that older processors, whose sums would overflow, compute the same.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tomli_w
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from agent.inference.card import load_card
from agent.inference.preprocess import ALIGNED_SIZE, letterbox, standardise
from training.data import ferplus, scenes
from training.data.faces import MARGIN

CALIBRATION, COMPARED, ROUNDS = 400, 300, 300
QUANTISED = ["Conv"]


@dataclass(frozen=True, slots=True)
class Feed:
    """Inputs of one model: what it is calibrated with, and other ones to compare on."""

    name: str
    calibration: list[np.ndarray]
    compared: list[np.ndarray]


class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
    """Gives the calibration pictures one by one."""

    def __init__(self, name: str, pictures: list[np.ndarray]) -> None:
        self._name = name
        self._left = iter(pictures)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next input, or None after the last."""
        picture = next(self._left, None)
        return None if picture is None else {self._name: picture}


def face_feed(labels: Path) -> Feed:
    """Take aligned faces of LFW persons and FER+ pictures that were trained on."""
    faces = []
    for name in ("lfw_crops", "fer_train_crops"):
        with np.load(labels / f"{name}.npz") as file:
            people = [str(person) for person in file["person"]]
            kept = np.flatnonzero(~scenes.held_out(people))
            faces.append(file["faces"][kept])
    inner = slice(MARGIN, MARGIN + ALIGNED_SIZE)
    rows = np.random.default_rng(0)
    chosen = [
        standardise(face[inner, inner])
        for part in faces
        for face in part[rows.permutation(len(part))[: (CALIBRATION + COMPARED) // 2]]
    ]
    order = rows.permutation(len(chosen))
    return Feed("face", *_split([chosen[i] for i in order]))


def emotion_feed(data: Path) -> Feed:
    """Take FER+ training pictures."""
    images = ferplus.load(data / "ferplus" / "train.npz").images
    rows = np.random.default_rng(0).permutation(len(images))[: CALIBRATION + COMPARED]
    return Feed("face", *_split([standardise(images[row]) for row in rows]))


def detector_feed(data: Path, height: int, width: int) -> Feed:
    """Take training scenes, letterboxed as the product does."""
    train, _ = scenes.load(data / "scenes")
    images = [scene.image for scene in (*train.people, *train.empty)]
    rows = np.random.default_rng(0).permutation(len(images))[: CALIBRATION + COMPARED]
    fed = []
    for row in rows:
        picture = np.zeros((1, 1, height, width), np.uint8)
        letterbox(images[row], width, height, picture[0, 0])
        fed.append(picture)
    return Feed("image", *_split(fed))


def _split(pictures: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return pictures[:CALIBRATION], pictures[CALIBRATION:]


def kept_in_float(model: onnx.ModelProto) -> list[str]:
    """Name the convolutions that no convolution comes before, or none after."""
    maker = {output: node for node in model.graph.node for output in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    before: dict[str, set[str]] = {}
    for conv in convolutions:
        found: set[str] = set()
        waiting, seen = list(conv.input), set()
        while waiting:
            node = maker.get(waiting.pop())
            if node is None or node.name in seen:
                continue
            seen.add(node.name)
            if node.op_type == "Conv":
                found.add(node.name)
            waiting += node.input
        before[conv.name] = found
    followed = set().union(*before.values())
    return [name for name, found in before.items() if not found or name not in followed]


def quantise(source: Path, target: Path, feed: Feed, method: str) -> None:
    """Write the int8 twin of a model."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # Shapes are known and fixed; symbolic inference would need one more package.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(target),
            Reader(feed.name, feed.calibration),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTISED,
            nodes_to_exclude=kept_in_float(onnx.load(prepared)),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod[method],
        )


def halve_dense(path: Path) -> None:
    """Store the dense layers' weights in half precision; they are widened when the file is loaded.

    A dense layer in float is most of an int8 file's size. onnxruntime folds the widening away, so
    that it costs nothing at run time.
    """
    model = onnx.load(path)
    weights = {node.input[1] for node in model.graph.node if node.op_type in {"Gemm", "MatMul"}}
    for tensor in model.graph.initializer:
        if tensor.name not in weights or tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        wide, narrow = tensor.name, f"{tensor.name}_half"
        values = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(values, narrow))
        cast = helper.make_node("Cast", [narrow], [wide], to=onnx.TensorProto.FLOAT)
        model.graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def session_of(path: Path) -> onnxruntime.InferenceSession:
    """Open a model on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def compare(source: Path, target: Path, feed: Feed) -> dict[str, Any]:
    """Measure how far the twin's outputs are, and how long both take, in turns."""
    pair = [session_of(path) for path in (source, target)]
    names = [output.name for output in pair[0].get_outputs()]
    answers = [
        [session.run(names, {feed.name: picture}) for picture in feed.compared] for session in pair
    ]
    table: dict[str, Any] = {}
    for index, name in enumerate(names):
        first, second = (np.concatenate([row[index] for row in rows]) for rows in answers)
        spread = float(first.std()) or 1.0
        table[f"{name}_mean_difference"] = round(float(np.abs(first - second).mean()), 4)
        table[f"{name}_difference_of_deviation"] = round(
            float(np.abs(first - second).mean()) / spread, 4
        )
    fp32, int8 = (float(np.median(taken)) for taken in _times(pair, feed))
    table |= {
        "milliseconds_fp32": round(fp32, 3),
        "milliseconds_int8": round(int8, 3),
        "times_faster": round(fp32 / int8, 2),
        "bytes_fp32": source.stat().st_size,
        "bytes_int8": target.stat().st_size,
        "pictures": len(feed.compared),
    }
    return table


def _times(pair: list[onnxruntime.InferenceSession], feed: Feed) -> list[list[float]]:
    """Run both in turns, so that a busy machine slows both; milliseconds."""
    taken: list[list[float]] = [[], []]
    for number in range(ROUNDS):
        picture = feed.compared[number % len(feed.compared)]
        for session, times in zip(pair, taken, strict=True):
            started = time.perf_counter()
            session.run(None, {feed.name: picture})
            times.append(1e3 * (time.perf_counter() - started))
    return taken


def write_card(source: Path, target: Path, scores: dict[str, Any]) -> None:
    """Describe the twin: the original's card with its own hash, size and cost."""
    name = target.name.removesuffix(".onnx")
    original = source.with_name(f"{source.stem}.card.toml")
    card = tomllib.loads(original.read_text("utf-8"))
    content = target.read_bytes()
    card |= {
        "name": name,
        "summary": f"{card['summary']} (int8)",
        "sha256": hashlib.sha256(content).hexdigest(),
        "parameters": _parameters(content),
        "scores": {"against_fp32": scores},
        "limits": [
            (
                f"Quantised from {source.name} ({card['sha256'][:8]}); its scores are in that "
                "card, and this file's differ by what is stated here."
            ),
            *card["limits"],
        ],
    }
    card["settings"] = {k: v for k, v in card["settings"].items() if k != "use"}
    card["data"] = {**card["data"], "calibrated_on": f"{CALIBRATION} training pictures"}
    path = target.with_name(f"{name}.card.toml")
    path.write_text(tomli_w.dumps(card), "utf-8")
    load_card(path)


def choose(source: Path, target: Path) -> None:
    """Let the card of a model name its twin as what the agent loads."""
    path = source.with_name(f"{source.stem}.card.toml")
    card = tomllib.loads(path.read_text("utf-8"))
    card["settings"]["use"] = target.name.removesuffix(".onnx")
    path.write_text(tomli_w.dumps(card), "utf-8")
    load_card(path)


def _parameters(content: bytes) -> int:
    graph = onnx.load_model_from_string(content).graph
    return max(1, sum(int(np.prod(tensor.dims)) for tensor in graph.initializer))


def main() -> None:
    """Quantise all three models, or the named ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"), help="where originals lie")
    parser.add_argument("--out", type=Path, help="where the twins go; beside the originals")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--labels", type=Path, default=Path("runs/labels"))
    parser.add_argument("--only", nargs="+", default=["face_encoder", "emotion_head",
                                                       "face_detector"])  # fmt: skip
    parser.add_argument("--choose", action="store_true", help="let the agent load the twins")
    parser.add_argument(
        "--method", choices=["MinMax", "Entropy", "Percentile"], default="Percentile"
    )
    arguments = parser.parse_args()
    out = arguments.out or arguments.models
    out.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        source = arguments.models / f"{name}.onnx"
        model = load_card(source.with_name(f"{name}.card.toml"))
        if model.inputs[0].name == "embedding":
            print(f"{name}: reads an embedding and has no convolution; left as it is")
            continue
        if name == "face_detector":
            height, width = model.inputs[0].shape[-2:]
            feed = detector_feed(arguments.data, height, width)
        elif name == "emotion_head":
            feed = emotion_feed(arguments.data)
        else:
            feed = face_feed(arguments.labels)
        target = out / f"{name}.int8.onnx"
        quantise(source, target, feed, arguments.method)
        halve_dense(target)
        scores = compare(source, target, feed)
        write_card(source, target, scores)
        if arguments.choose and out == arguments.models:
            choose(source, target)
        print(f"{target.name}: {scores}")


if __name__ == "__main__":
    main()
