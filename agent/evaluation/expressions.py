"""Sets whose pictures were given an expression: AffectNet, RAF-DB.

A picture is read as the product reads a still. Where no face is found there is no answer, and that
counts as wrong in the first accuracy; the other scores are over the faces that were found.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.capture.files import decode_picture
from agent.domain.derived import arousal, valence
from agent.domain.observation import EMOTIONS
from agent.evaluation import metrics
from agent.evaluation.datasets import affectnet, pictures, rafdb
from agent.evaluation.datasets.model import ExpressionSet
from agent.evaluation.reading import Image, to_gray
from agent.evaluation.report import MILLISECONDS, NUMBER, SHARE, Report, Row, Score
from agent.evaluation.scoring import Measure, Sample, own_units
from agent.evaluation.slices import (
    What,
    blur_axis,
    by_group,
    light_axis,
    pose_axis,
    sharpness,
    size_axis,
)
from agent.evaluation.task import Setup
from agent.evaluation.tools import OWN, box_side, read_face

AIR = 0.3
"""Share of a labelled box's side that is kept around it."""

Floats = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int64]

SETS: dict[str, tuple[Callable[[Path, str], ExpressionSet], str]] = {
    "affectnet": (affectnet.load, "valid"),
    "rafdb": (rafdb.load, "test"),
    "pictures": (pictures.load, ""),
}
"""Loader and the part that is scored unless another one is named."""


def evaluate(name: str, path: Path, setup: Setup) -> Report:
    """Score one part of a set.

    Raises:
        ConfigError: there is no such part.
        MediaError: the set is missing, damaged, or laid out differently.
    """
    loader, part = SETS[name]
    data = loader(path, setup.part or part)
    report = Report(
        name,
        " · ".join(
            filter(None, [data.name, path.name, setup.part or part, f"{len(data)} pictures"])
        ),
        {"name": path.name, "part": setup.part or part, "pictures": len(data)},
        f"whoever labelled {data.name}" if name == "pictures" else f"{data.name}'s annotators",
        {OWN: setup.own.models("detector", "encoder", "emotion")},
        notes=list(data.notes),
    )
    answers, pose, facts, taken = _read(data, setup)
    others = _baselines(data, setup, report)
    _rows(report, data, {OWN: answers, **others})
    spent = Score(1000 * float(np.median(taken)))
    label = "one picture, found and read, median"
    report.rows.append(Row("picture_ms", label, MILLISECONDS, "lower", {OWN: spent}))
    _affect_rows(report, data, answers)
    known = ~np.isnan(answers[:, 0])
    best = narrowed(answers[known], data.scheme).argmax(1)
    right = (best == data.classes[known]).astype(np.float64)
    what = What("accuracy", "accuracy", SHARE, lambda rows: float(right[rows].mean()))
    axes = [
        light_axis(facts[known, 0]), blur_axis(facts[known, 1]), size_axis(facts[known, 2]),
        pose_axis(pose[known]),
    ]  # fmt: skip
    report.slices.append(by_group(what, Sample(units_of(data)[known]), axes))
    return report


def _crop(path: Path, box: Floats) -> Image:
    """Decode a picture, gray; cut it around its labelled box where there is one."""
    gray = to_gray(decode_picture(path))
    if np.isnan(box).any():
        return gray
    air = AIR * float((box[2:] - box[:2]).max())
    x1, y1, x2, y2 = (int(v) for v in (*(box[:2] - air), *(box[2:] + air)))
    cut = gray[max(y1, 0) : max(y2, 1), max(x1, 0) : max(x2, 1)]
    return np.ascontiguousarray(cut) if min(cut.shape) >= 8 else gray


def _boxes(data: ExpressionSet) -> Floats:
    return data.boxes if len(data.boxes) else np.full((len(data), 4), np.nan, np.float32)


def _read(data: ExpressionSet, setup: Setup) -> tuple[Floats, Floats, Floats, list[float]]:
    """Return probabilities (N, 8), angles (N, 3), light, sharpness and size (N, 3), seconds."""
    taken = []
    answers = np.full((len(data), len(EMOTIONS)), np.nan, np.float32)
    pose = np.full((len(data), 3), np.nan, np.float32)
    facts = np.full((len(data), 3), np.nan, np.float32)
    backend = setup.own.stills(emotion=True)
    try:
        for row, (path, box) in enumerate(zip(data.pictures, _boxes(data), strict=True)):
            setup.progress(f"{OWN} reads {data.name}", row, len(data))
            gray = _crop(path, box)
            facts[row, :2] = gray.mean(), sharpness(gray)
            started = setup.clock.monotonic()
            one = read_face(backend, gray)
            taken.append(setup.clock.monotonic() - started)
            if one is not None and one.seen.emotion is not None:
                answers[row], pose[row] = one.seen.emotion, one.seen.pose
                low, high = one.landmarks.min(0), one.landmarks.max(0)
                facts[row, 2] = box_side(np.concatenate([low, high]))
    finally:
        backend.close()
    return answers, pose, facts, taken


def _baselines(data: ExpressionSet, setup: Setup, report: Report) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for classifier in setup.classifiers:
        report.tools[classifier.name] = classifier.identity
        pairs = zip(data.pictures, _boxes(data), strict=True)
        parts = [classifier.probabilities(_crop(path, box)[None]) for path, box in pairs]
        found[classifier.name] = np.concatenate(parts)
    return found


def units_of(data: ExpressionSet) -> npt.NDArray[Any]:
    """Return what intervals resample: persons where they are known, else pictures."""
    return data.persons if len(data.persons) else own_units(len(data))


def narrowed(probability: Floats, scheme: tuple[str, ...]) -> Floats:
    """Leave only the classes that the annotators could name; (N, 8), rows sum to 1 again."""
    has = np.isin(EMOTIONS, scheme)
    kept = np.where(has, probability, 0)
    return np.asarray(kept / np.maximum(kept.sum(1, keepdims=True), 1e-9), np.float32)


def _rows(report: Report, data: ExpressionSet, answers: dict[str, Floats]) -> None:
    truth, units = data.classes, units_of(data)
    every = Sample(units)
    found = ~np.isnan(answers[OWN][:, 0])
    tools = {tool: narrowed(np.nan_to_num(a), data.scheme) for tool, a in answers.items()}
    best = {tool: values.argmax(1) for tool, values in tools.items()}
    report.rows.append(
        Row("face_found", "face found in the picture", SHARE, "higher",
            {OWN: every.mean(found.astype(np.float64))})
    )  # fmt: skip
    right = {t: (b == truth).astype(np.float64) for t, b in best.items()}
    right[OWN] *= found
    report.rows.append(
        Row("accuracy_all", "accuracy, no face counts as wrong", SHARE, "higher",
            {t: every.mean(r) for t, r in right.items()})
    )  # fmt: skip
    sample = Sample(units[found])
    shown = {t: (b[found], tools[t][found]) for t, b in best.items()}
    y = truth[found]
    for key, (label, better) in _MEASURES.items():
        scores = {t: sample.score(_measure(key, b, p, y)) for t, (b, p) in shown.items()}
        report.rows.append(Row(key, f"{label}, faces found", SHARE, better, scores))
    for index in np.unique(truth):
        scores = {
            t: sample.mean(np.where(y == index, (b == y).astype(np.float64), np.nan))
            for t, (b, _) in shown.items()
        }
        name = EMOTIONS[index]
        report.rows.append(Row(f"recall_{name}", f"recall {name}", SHARE, "higher", scores))
    table = metrics.confusion(best[OWN][found], y, len(EMOTIONS))
    report.curves["confusion"] = {
        name: [float(v) for v in table[index]] for index, name in enumerate(EMOTIONS)
    }
    report.rows.append(Row("compared", "faces found", NUMBER, "", {OWN: Score(float(found.sum()))}))


_MEASURES = {
    "accuracy": ("accuracy", "higher"),
    "mean_recall": ("mean recall of the classes", "higher"),
    "f1_macro": ("macro F1", "higher"),
    "kappa": ("Cohen's kappa", "higher"),
    "ece_15": ("calibration error, 15 bins", "lower"),
}


def _measure(key: str, best: Classes, probability: Floats, truth: Classes) -> Measure:
    """Return one of `_MEASURES` of some answers."""
    count = len(EMOTIONS)
    measures: dict[str, Measure] = {
        "accuracy": lambda r: metrics.accuracy(best[r], truth[r]),
        "mean_recall": lambda r: metrics.mean_recall(best[r], truth[r], count),
        "f1_macro": lambda r: metrics.f1_macro(best[r], truth[r], count),
        "kappa": lambda r: metrics.kappa(best[r], truth[r]),
        "ece_15": lambda r: metrics.calibration_error(probability[r], truth[r]),
    }
    return measures[key]


def _affect_rows(report: Report, data: ExpressionSet, answers: Floats) -> None:
    """Add valence and arousal, where the set has them; they are a formula over the classes."""
    if not len(data.affect) or np.isnan(data.affect).all():
        return
    for column, (name, formula) in enumerate((("valence", valence), ("arousal", arousal))):
        rows = np.flatnonzero(~np.isnan(answers[:, 0]) & ~np.isnan(data.affect[:, column]))
        said = np.array([formula(answers[row].tolist()) for row in rows], np.float64)
        truth = data.affect[rows, column].astype(np.float64)
        sample = Sample(own_units(len(rows)))
        score = sample.score(_pair(metrics.concordance, said, truth))
        report.rows.append(Row(f"{name}_ccc", f"{name}, CCC", SHARE, "higher", {OWN: score}))
        root = sample.score(_pair(_root_mean_square, said, truth))
        label = f"{name}, root of the mean squared error"
        report.rows.append(Row(f"{name}_rmse", label, SHARE, "lower", {OWN: root}))
        same = sample.mean((np.sign(said) == np.sign(truth)).astype(np.float64))
        report.rows.append(Row(f"{name}_sign", f"{name}, same sign", SHARE, "higher", {OWN: same}))


def _root_mean_square(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(metrics.mean_squared_error(a, b)))


def _pair(
    measure: Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], float],
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
) -> Measure:
    return lambda rows: measure(a[rows], b[rows])
