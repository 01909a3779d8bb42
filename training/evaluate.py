"""Score the exported models on named validation parts, through the product's preprocessing.

`python -m training.evaluate --models DIR --data DIR --runs DIR --out FILE.json`. Nothing is
chosen here; every number goes into a card as it is, with a 95 % interval (bootstrap over persons
where persons are known). The detector has its own evaluation, `training.evaluate_detector`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from agent.domain.facs import AU_LABELS, SIDE_INDEX
from agent.domain.observation import EMOTIONS
from agent.inference.preprocess import ALIGNED_SIZE, standardise
from training.data import ferplus
from training.data.faces import MARGIN, FaceSet, from_renders, load_crops
from training.data.renders import load_renders
from training.export import ENCODER_OUTPUTS
from training.metrics import (
    area_under_roc,
    bootstrap_interval,
    calibration_error,
    intraclass,
    pearson,
)

Scores = dict[str, Any]

CLASS_AUS = {
    "happiness": ("AU12", "AU06"),
    "surprise": ("AU01", "AU02", "AU05", "AU26"),
    "anger": ("AU04",),
    "disgust": ("AU09", "AU10"),
    "sadness": ("AU15", "AU17", "AU04", "AU01"),
    "fear": ("AU20",),
}
"""AUs that FACS investigators expect with a FER+ class (EMFACS prototypes)."""


def run_encoder(path: Path, faces: np.ndarray) -> dict[str, np.ndarray]:
    """Encode uint8 faces (N, 128, 128) by their centres; output arrays by name."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inner = slice(MARGIN, MARGIN + ALIGNED_SIZE)
    rows = [session.run(None, {"face": standardise(face[inner, inner])}) for face in faces]
    return {
        name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(ENCODER_OUTPUTS)
    }


def stronger_sides(au_sides: np.ndarray) -> np.ndarray:
    """Reduce (N, 32) sides to (N, 19) AUs, clipped to 0-5."""
    clipped = np.clip(au_sides, 0, 5)
    return np.stack([clipped[:, list(index)].max(1) for index in SIDE_INDEX], 1)


def score_renders(outputs: dict[str, np.ndarray], faces: FaceSet, identity: np.ndarray) -> Scores:
    """Correlate AU intensities with the renders' exact labels, on identities kept out.

    All renders count: blurred, dark, masked and covered ones too.
    """
    predicted, truth = stronger_sides(outputs["au"]), stronger_sides(faces.au)
    per_au = {
        label: {
            "r": round(pearson(predicted[:, i], truth[:, i]), 3),
            "icc": round(intraclass(predicted[:, i], truth[:, i]), 3),
            "mae": round(float(np.abs(predicted[:, i] - truth[:, i]).mean()), 3),
        }
        for i, label in enumerate(AU_LABELS)
    }
    mean_r = float(np.mean([scores["r"] for scores in per_au.values()]))
    return {
        "pictures": len(faces),
        "identities": len(np.unique(identity)),
        "au_mean_r": round(mean_r, 3),
        "au_mean_r_95": _identity_interval(predicted, truth, identity),
        "au_mean_icc": round(float(np.mean([s["icc"] for s in per_au.values()])), 3),
        "pose_mae_degrees": _mae(outputs["pose"][:, :2], faces.pose),
        "gaze_mae_degrees": _mae(outputs["gaze"], faces.gaze),
        "landmarks_nme": _nme(outputs, faces)[0],
        "au": per_au,
    }


def _identity_interval(a: np.ndarray, b: np.ndarray, identity: np.ndarray) -> list[float]:
    """95 % interval of the mean correlation, resampling identities."""
    rng = np.random.default_rng(0)
    names = np.unique(identity)
    rows = {name: np.flatnonzero(identity == name) for name in names}
    draws = []
    for _ in range(200):
        picked = np.concatenate([rows[name] for name in rng.choice(names, len(names))])
        draws.append(np.mean([pearson(a[picked, i], b[picked, i]) for i in range(a.shape[1])]))
    return [round(float(v), 3) for v in np.percentile(draws, [2.5, 97.5])]


def _mae(predicted: np.ndarray, truth: np.ndarray) -> float:
    return round(float(np.abs(predicted - truth).mean()), 2)


def _nme(outputs: dict[str, np.ndarray], faces: FaceSet) -> tuple[float, np.ndarray]:
    """Mean landmark error over the distance between the outer eye corners."""
    truth = faces.landmarks - MARGIN
    error = np.linalg.norm(outputs["landmarks"].reshape(-1, 68, 2) - truth, axis=2).mean(1)
    between = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=1)
    each = error / between
    return round(float(each.mean()), 4), each


def score_lfw(outputs: dict[str, np.ndarray], faces: FaceSet, person: np.ndarray) -> Scores:
    """Compare landmarks and head pose with MediaPipe's on LFW persons kept out."""
    nme, each = _nme(outputs, faces)
    return {
        "pictures": len(faces),
        "persons": len(np.unique(person)),
        "landmarks_nme": nme,
        "landmarks_nme_95": [round(v, 4) for v in bootstrap_interval(each, person)],
        "pose_mae_degrees": _mae(outputs["pose"][:, :2], faces.pose),
    }


def score_london(outputs: dict[str, np.ndarray], names: list[str]) -> Scores:
    """Ask for how many persons smiling shows more AU12 and AU6 than neutral."""
    au = stronger_sides(outputs["au"])
    neutral = {n.split("_")[0]: i for i, n in enumerate(names) if "neutral" in n}
    smiling = {n.split("_")[0]: i for i, n in enumerate(names) if "smiling" in n}
    persons = sorted(set(neutral) & set(smiling))
    result: Scores = {"persons": len(persons)}
    for label in ("AU12", "AU06"):
        column = AU_LABELS.index(label)
        more = np.array([au[smiling[p], column] > au[neutral[p], column] for p in persons])
        result[label] = round(float(more.mean()), 3)
        result[f"{label}_95"] = [round(v, 3) for v in bootstrap_interval(more.astype(float))]
    return result


def score_fer_au(outputs: dict[str, np.ndarray], votes: np.ndarray) -> Scores:
    """Area under ROC of an AU for a FER+ class (60 % of the votes) against neutral."""
    au = stronger_sides(outputs["au"])
    sure = votes.max(1) >= 0.6
    best = votes.argmax(1)
    result: Scores = {}
    for name, labels in CLASS_AUS.items():
        rows = sure & ((best == EMOTIONS.index(name)) | (best == 0))
        for label in labels:
            score = au[rows, AU_LABELS.index(label)]
            value = area_under_roc(score, best[rows] != 0)
            result[f"{label}_{name}"] = round(value, 3)
    return result


def run_emotion(path: Path, images: np.ndarray) -> np.ndarray:
    """Return logits (N, 8) of uint8 pictures (N, 48, 48)."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rows = [session.run(None, {"face": standardise(image)})[0] for image in images]
    return np.concatenate(rows)


def softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Turn logits (N, 8) into probabilities at a temperature."""
    scaled = logits / temperature
    odds = np.exp(scaled - scaled.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def fit_temperature(logits: np.ndarray, votes: np.ndarray) -> float:
    """Find the temperature with the least cross-entropy against votes, on pictures kept out."""
    grid = np.exp(np.linspace(np.log(0.5), np.log(3), 61))
    costs = [-(votes * np.log(softmax(logits, t) + 1e-9)).sum(1).mean() for t in grid]
    return round(float(grid[int(np.argmin(costs))]), 3)


def score_ferplus(logits: np.ndarray, fer: ferplus.FerPlus, temperature: float) -> Scores:
    """Accuracy on majority pictures (single view, no mirror averaging), recall, calibration."""
    known = fer.majority >= 0
    truth = fer.majority[known]
    probability = softmax(logits[known], temperature)
    right = (probability.argmax(1) == truth).astype(float)
    recall = {
        name: round(float(right[truth == i].mean()), 3)
        for i, name in enumerate(EMOTIONS)
        if (truth == i).any()
    }
    return {
        "pictures": int(known.sum()),
        "accuracy": round(float(right.mean()), 4),
        "accuracy_95": [round(v, 4) for v in bootstrap_interval(right)],
        "mean_recall": round(float(np.mean(list(recall.values()))), 4),
        "ece_15": round(calibration_error(probability, truth), 4),
        "recall": recall,
    }


def evaluate(models: Path, data: Path, runs: Path) -> dict[str, Scores]:
    """Score encoder and emotion head on every validation part that is there."""
    labels = runs / "labels"
    result: dict[str, Scores] = {}
    renders = load_renders(runs / "renders", held_out=True)
    encoder = models / "face_encoder.onnx"
    result["renders_held_out"] = score_renders(
        run_encoder(encoder, renders.faces), from_renders(renders), renders.identity
    )
    lfw = load_crops(labels / "lfw_crops.npz", persons="held_out")
    result["lfw_held_out"] = score_lfw(
        run_encoder(encoder, lfw.faces), lfw, persons_of(labels / "lfw_crops.npz")
    )
    london = load_crops(labels / "london_crops.npz")
    names = sorted(p.stem for p in (data / "london").glob("*.jpg"))
    with np.load(labels / "london_crops.npz") as file:
        names = [names[row] for row in file["row"]]
    result["london"] = score_london(run_encoder(encoder, london.faces), names)
    valid = ferplus.load(data / "ferplus" / "valid.npz")
    crops = load_crops(labels / "fer_valid_crops.npz", fer=valid)
    result["ferplus_valid_au"] = score_fer_au(run_encoder(encoder, crops.faces), crops.emotion)
    kept_out = ferplus.calibration(ferplus.load(data / "ferplus" / "train.npz"))
    head = models / "emotion_head.onnx"
    temperature = fit_temperature(run_emotion(head, kept_out.images), kept_out.target)
    result["ferplus_valid"] = {
        "temperature": temperature,
        **score_ferplus(run_emotion(head, valid.images), valid, temperature),
    }
    return result


def persons_of(path: Path) -> np.ndarray:
    """Return the held-out rows' persons of a crops file."""
    from training.data.lfw import held_out

    with np.load(path) as file:
        names = file["person"]
        return names[held_out(str(name) for name in names)]


def main() -> None:
    """Parse the command line, score, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    result = evaluate(arguments.models, arguments.data, arguments.runs)
    arguments.out.write_text(json.dumps(result, indent=1), "utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
