"""Score the exported detector: photographs, held-out scenes, empty pictures, clips, speed.

YuNet is the reference on photographs and clips: its faces of score >= 0.7 and at least 32 px
count, weaker or smaller ones are ignored. The operating threshold is chosen on the held-out
tenth of the scenes alone.

`python -m training.evaluate_detector --model F.onnx --data DIR --labels DIR --log F --out F.json`
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from agent.evaluation.detections import false_scores
from agent.inference.detector import FaceDetector
from training.data import lfw, photos, scenes
from training.data.lfw import held_out
from training.metrics_detection import (
    Picture,
    average_precision,
    best_threshold,
    counted,
    counts,
    interval,
    recall_at,
    total,
)

Image = npt.NDArray[np.uint8]

REFERENCE_SCORE, DOUBTFUL_SCORE = 0.7, 0.3
SMALLEST_FACE = 32
"""Geometric mean of a reference box's sides, pixels of the original picture."""

WEAKEST = 0.05
"""Detections kept for curves."""

FALSE_PER_100 = 1.0
"""False faces in 100 held-out pictures without people, at the operating threshold."""


class Reference:
    """YuNet at a picture's own size."""

    def __init__(self, model: Path) -> None:
        self._detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), DOUBTFUL_SCORE)

    def __call__(self, image: Image) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Return boxes float32 (M, 4) and which of them count, bool (M,), of BGR (H, W, 3)."""
        self._detector.setInputSize((image.shape[1], image.shape[0]))
        _, found = self._detector.detect(image)
        rows = np.zeros((0, 15), np.float32) if found is None else np.asarray(found, np.float32)
        boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], 1)
        large = np.sqrt(rows[:, 2] * rows[:, 3]) >= SMALLEST_FACE
        return boxes, large & (rows[:, 14] >= REFERENCE_SCORE)


def runner(path: Path) -> Callable[[dict[str, Any]], list[Any]]:
    """Open the model on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda inputs: list(session.run(None, inputs))


def input_size(path: Path) -> tuple[int, int]:
    """Read the net's input size, (height, width)."""
    sides = onnx.load(path, load_external_data=False).graph.input[0].type.tensor_type.shape.dim
    return sides[2].dim_value, sides[3].dim_value


def judged(
    detector: FaceDetector, gray: Image, truth: Any, real: Any, *, thorough: bool
) -> Picture:
    """Detect in one picture and put the result beside its reference, both cut to the frame."""
    faces = detector.detect(gray, thorough=thorough)
    boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
    scores = np.array([face.score for face in faces], np.float32)
    limit = np.array([gray.shape[1], gray.shape[0]] * 2, np.float32)
    return Picture(np.clip(boxes, 0, limit), scores, np.clip(truth, 0, limit), real)


def summary(pictures: Sequence[Picture], threshold: float) -> dict[str, Any]:
    """Recall and precision with 95 % intervals over pictures."""
    parts = [counted(picture, threshold) for picture in pictures]
    summed = total(parts)
    return {
        "pictures": len(pictures),
        "faces": summed.faces,
        "found": summed.right,
        "false": summed.wrong,
        "recall": round(summed.recall, 4),
        "recall_95": interval(parts, lambda some: some.recall),
        "precision": round(summed.precision, 4),
        "precision_95": interval(parts, lambda some: some.precision),
        "average_precision": round(average_precision(pictures), 4),
        # Read off this part's own curve: comparable with others, not what the agent runs at.
        "recall_at_precision_90": round(recall_at(pictures, best_threshold(pictures, 0.90)), 4),
    }


def quiet_threshold(empty: Sequence[Picture]) -> float:
    """Find the lowest threshold with at most `FALSE_PER_100` on pictures without people."""
    wrong = np.sort(false_scores(empty))[::-1]
    allowed = int(len(empty) * FALSE_PER_100 / 100)
    return float(wrong[allowed]) + 1e-3 if len(wrong) > allowed else WEAKEST


def on_photos(
    detector: FaceDetector, reference: Reference, folder: Path
) -> tuple[list[Picture], list[Picture]]:
    """Judge all photographs, live and thorough."""
    live, still = [], []
    for _, image in photos.load(folder):
        truth, real = reference(image)
        gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        live.append(judged(detector, gray, truth, real, thorough=False))
        still.append(judged(detector, gray, truth, real, thorough=True))
    return live, still


def frames(path: Path, step: int) -> Iterator[Image]:
    """Yield every `step`-th frame of a clip, BGR."""
    clip = cv2.VideoCapture(str(path))
    number = 0
    while True:
        there, image = clip.read()
        if not there:
            clip.release()
            return
        if number % step == 0:
            yield np.asarray(image, np.uint8)
        number += 1


def on_clips(
    detector: FaceDetector, reference: Reference, folder: Path, step: int
) -> dict[str, dict[str, int]]:
    """Count frames in which the live detector sees exactly the faces that YuNet sees."""
    result: dict[str, dict[str, int]] = {}
    for path in sorted(folder.iterdir()):
        agreeing = looked = 0
        for image in frames(path, step):
            truth, real = reference(image)
            gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
            one = counts([judged(detector, gray, truth, real, thorough=False)])
            agreeing += one.right == one.faces and one.wrong == 0
            looked += 1
        result[path.name] = {"frames": looked, "agree": agreeing}
    return result


def speed(model: Path, rounds: int = 400) -> dict[str, float]:
    """Time the net alone, and `detect` on a 640x480 frame; milliseconds."""
    run = runner(model)
    random = np.random.default_rng(1)
    height, width = input_size(model)
    image = random.integers(0, 256, (1, 1, height, width), np.uint8)
    frame = random.integers(0, 256, (480, 640), np.uint8)
    detector = FaceDetector(run, width, height, 0.5)
    result = {}
    for name, call in {
        "net": lambda: run({"image": image}),
        "detect_640x480": lambda: detector.detect(frame),
    }.items():
        taken = []
        for _ in range(rounds):
            started = time.perf_counter()
            call()
            taken.append((time.perf_counter() - started) * 1e3)
        result[f"{name}_p50"], result[f"{name}_p95"] = (
            round(float(v), 3) for v in np.percentile(taken, [50, 95])
        )
    return result


def parameters(model: Path) -> int:
    """Count the weights and biases of all convolutions, batch norms folded in."""
    graph = onnx.load(model).graph
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    return sum(sizes[name] for node in convolutions for name in node.input[1:])


def training_facts(data: Path, labels: Path, logs: list[Path]) -> dict[str, Any]:
    """Count what was trained on, and for how long."""
    train, held = scenes.load(data / "scenes")
    persons = lfw.load(data / "lfw_crops").persons
    with np.load(labels / "lfw_boxes.npz") as file, np.load(labels / "lfw.npz") as teacher:
        pasted = int((file["usable"] & teacher["found"] & ~held_out(persons)).sum())
    runs = [
        [json.loads(line)["seconds"] for line in lines if line.startswith('{"epoch"')]
        for lines in (log.read_text(encoding="utf-8").splitlines() for log in logs)
    ]
    return {
        "scenes_with_people": len(train.people),
        "scenes_without": len(train.empty),
        "held_out_scenes": len(held.people) + len(held.empty),
        "pasted_faces": pasted,
        "epochs": [len(run) for run in runs],
        # The median epoch times their number: a run that was paused for a while took no longer.
        "minutes": round(sum(float(np.median(run)) * len(run) for run in runs) / 60, 1),
    }


def evaluate(model: Path, data: Path, step: int) -> dict[str, Any]:
    """Run every part; returns what the report holds."""
    run = runner(model)
    height, width = input_size(model)
    detector = FaceDetector(run, width, height, WEAKEST)
    reference = Reference(data / "teachers" / "yunet_s_640_640.onnx")
    _, held = scenes.load(data / "scenes")
    scored = (*held.people, *held.empty)
    seen, searched = (
        [judged(detector, s.image, s.boxes, s.real, thorough=mode) for s in scored]
        for mode in (False, True)
    )
    threshold = max(quiet_threshold(part[len(held.people) :]) for part in (seen, searched))
    live, still = on_photos(detector, reference, data / "photos")
    empty = seen[len(held.people) :]
    bare = [one for one in still if not len(one.truth)]
    return {
        "threshold": round(threshold, 4),
        "threshold_chosen": f"lowest with at most {FALSE_PER_100:.0f} false face in 100 of the "
        "held-out tenth of the pictures without people, live and thorough",
        "photos_live": summary(live, threshold),
        "photos_thorough": summary(still, threshold),
        "held_out_scenes": summary(seen, threshold),
        "false_faces_on_empty": {
            "held_out_pictures": len(empty),
            "held_out_live": counts(empty, threshold).wrong,
            "photos_without_reference": len(bare),
            "photos_thorough": counts(bare, threshold).wrong,
        },
        "clips": on_clips(
            FaceDetector(run, width, height, threshold), reference, data / "videos", step
        ),
        "milliseconds": speed(model),
        "parameters": parameters(model),
    }


def main() -> None:
    """Write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--log", type=Path, nargs="+", required=True, help="of the training runs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--step", type=int, default=3, help="take every n-th frame of a clip")
    arguments = parser.parse_args()
    report = evaluate(arguments.model, arguments.data, arguments.step)
    report["training"] = training_facts(arguments.data, arguments.labels, arguments.log)
    text = json.dumps(report, indent=2)
    arguments.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
