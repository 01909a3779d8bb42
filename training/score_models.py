"""Score the encoder and the emotion head for their cards: `python -m training.score_models`.

What counts is what can be seen: a smile under a mask is labelled and can't be read, so renders are
scored on visible units, once overall, once where nothing spoils the picture, once where something
does; `everything` counts the hidden ones too, as the first generation's card did. FER+ pictures go
through the product's own code (`EmotionHead.classify_framed`). Nothing is chosen here but the
temperature, on pictures kept out of training for that.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

from agent.domain.facs import AU_LABELS, SIDE_INDEX
from agent.inference.emotion import EmotionHead
from agent.inference.encoder import FaceEncoder
from agent.inference.session import load_model
from training.data import ferplus
from training.data.faces import FaceSet, from_renders, load_crops
from training.data.renders import FLAG_GLASSES, FLAG_MASK, FLAG_OCCLUDER, Renders, load_renders
from training.evaluate import (
    Scores,
    fit_temperature,
    persons_of,
    run_encoder,
    score_fer_au,
    score_ferplus,
    score_lfw,
    score_london,
)
from training.export import export_pair
from training.metrics import intraclass, pearson
from training.nets.encoder import FaceEncoder as EncoderNet
from training.tasks.encoder import EncoderWithVotes
from training.train import kept_weights

CLEAN_QUALITY = 0.7
"""Quality from which a render counts as clean."""

FEWEST = 30
"""Least renders for which a correlation is given."""


def seen_by_both(predicted: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reduce (N, 32) sides to (N, 19): the stronger of the sides that can be seen.

    Args:
        predicted: intensities.
        truth: labels, NaN where hidden.

    Returns:
        Both, clipped to 0-5; NaN where both sides are hidden.
    """
    hidden = np.isnan(truth)
    pair = []
    for values in (np.clip(predicted, 0, 5), truth):
        shown = np.where(hidden, -1.0, values)
        strongest = np.stack([shown[:, list(index)].max(1) for index in SIDE_INDEX], 1)
        pair.append(np.where(strongest < 0, np.nan, strongest))
    return pair[0], pair[1]


def agreement(a: np.ndarray, b: np.ndarray) -> dict[str, dict[str, float]]:
    """Compare AU intensities (N, 19), unit by unit, where both are known."""
    table = {}
    for i, label in enumerate(AU_LABELS):
        known = ~np.isnan(b[:, i])
        if known.sum() >= FEWEST:
            x, y = a[known, i], b[known, i]
            table[label] = {
                "r": round(pearson(x, y), 3),
                "icc": round(intraclass(x, y), 3),
                "mae": round(float(np.abs(x - y).mean()), 3),
            }
    return table


def means(table: dict[str, dict[str, float]], count: int) -> Scores:
    """Summarise `agreement`."""
    return {
        "pictures": count,
        "au_mean_r": round(float(np.mean([row["r"] for row in table.values()])), 3),
        "au_mean_icc": round(float(np.mean([row["icc"] for row in table.values()])), 3),
    }


def interval(a: np.ndarray, b: np.ndarray, identity: np.ndarray) -> list[float]:
    """95 % interval of the mean correlation, resampling identities."""
    rng = np.random.default_rng(0)
    names = np.unique(identity)
    rows = {name: np.flatnonzero(identity == name) for name in names}
    draws = []
    for _ in range(200):
        picked = np.concatenate([rows[name] for name in rng.choice(names, len(names))])
        each = []
        for i in range(a.shape[1]):
            known = picked[~np.isnan(b[picked, i])]
            each.append(pearson(a[known, i], b[known, i]))
        draws.append(float(np.nanmean(each)))
    return [round(float(v), 3) for v in np.percentile(draws, [2.5, 97.5])]


def score_held_out(outputs: dict[str, np.ndarray], renders: Renders) -> Scores:
    """Compare with the exact labels of renders of people kept out."""
    faces: FaceSet = from_renders(renders)
    a, b = seen_by_both(outputs["au"], faces.au)
    table = agreement(a, b)
    margin_free = faces.landmarks - 8
    error = np.linalg.norm(outputs["landmarks"].reshape(-1, 68, 2) - margin_free, axis=2).mean(1)
    between = np.linalg.norm(margin_free[:, 36] - margin_free[:, 45], axis=1)
    every = agreement(*seen_by_both(outputs["au"], renders.au.astype(np.float32)))
    result: Scores = {
        **means(table, len(faces)),
        "identities": len(np.unique(renders.identity)),
        "au_mean_r_95": interval(a, b, renders.identity),
        "pose_mae_degrees": round(float(np.abs(outputs["pose"][:, :2] - faces.pose).mean()), 2),
        "gaze_mae_degrees": round(float(np.abs(outputs["gaze"] - faces.gaze).mean()), 2),
        "landmarks_nme": round(float((error / between).mean()), 4),
        "au": table,
        "parts": {"everything": means(every, len(faces))},
    }
    for name, rows in parts_of(renders).items():
        if rows.sum() >= FEWEST:
            result["parts"][name] = means(agreement(a[rows], b[rows]), int(rows.sum()))
    return result


def parts_of(renders: Renders) -> dict[str, np.ndarray]:
    """Name bool (N,) parts of the renders that are compared with each other."""
    quality, skin = renders.quality.astype(np.float32), renders.skin.astype(np.float32)
    turned = np.abs(renders.pose[:, 1].astype(np.float32))
    worn = renders.flags & (FLAG_GLASSES | FLAG_MASK | FLAG_OCCLUDER)
    clean = (quality >= CLEAN_QUALITY) & (worn == 0)
    dark, light = np.quantile(skin, [1 / 3, 2 / 3])
    return {
        "clean": clean,
        "degraded": ~clean,
        "glasses": (renders.flags & FLAG_GLASSES) > 0,
        "mask": (renders.flags & FLAG_MASK) > 0,
        "occluder": (renders.flags & FLAG_OCCLUDER) > 0,
        "turned 0-15 degrees": turned < 15,
        "turned 15-30 degrees": (turned >= 15) & (turned < 30),
        "turned over 30 degrees": turned >= 30,
        "skin, darkest third": skin <= dark,
        "skin, middle third": (skin > dark) & (skin <= light),
        "skin, lightest third": skin > light,
    }


def fer_au_intervals(
    outputs: dict[str, np.ndarray], votes: np.ndarray, draws: int = 300
) -> dict[str, list[float]]:
    """95 % intervals of `score_fer_au`, resampling pictures (persons aren't known)."""
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(draws):
        rows = rng.integers(0, len(votes), len(votes))
        drawn.append(score_fer_au({"au": outputs["au"][rows]}, votes[rows]))
    return {
        key: [round(float(v), 3) for v in np.percentile([d[key] for d in drawn], [2.5, 97.5])]
        for key in drawn[0]
    }


def framed_logits(models: Path, images: np.ndarray) -> np.ndarray:
    """Return logits (N, 8), up to a constant each, of FER2013 pictures by the product's code."""
    head = EmotionHead(load_model(models, "emotion_head"))
    encoder = FaceEncoder(load_model(models, "face_encoder"))
    temperature = load_model(models, "emotion_head").card.setting("temperature")
    rows = [head.classify_framed(image, encoder) for image in images]
    return temperature * np.log(np.maximum(np.stack(rows), 1e-12))


def majority_temperature(logits: np.ndarray, kept_out: ferplus.FerPlus) -> float:
    """Find the temperature with the least cross-entropy against the majority's class.

    A net that learned the vote distribution states the share of votes, which is less than the
    chance that the majority agrees: at its own temperature it is unsure by design.
    """
    known = kept_out.majority >= 0
    certain = np.eye(logits.shape[1], dtype=np.float32)[kept_out.majority[known]]
    return fit_temperature(logits[known], certain)


def score_encoder(encoder: Path, data: Path, runs: Path) -> Scores:
    """Score an encoder's file on renders, LFW, London pairs and FER+ classes."""
    labels = runs / "labels"
    result: Scores = {}
    renders = load_renders(runs / "renders_held", held_out=True)
    result["renders_held_out"] = score_held_out(run_encoder(encoder, renders.faces), renders)
    lfw = load_crops(labels / "lfw_crops.npz", persons="held_out")
    people = persons_of(labels / "lfw_crops.npz")
    result["lfw_held_out"] = score_lfw(run_encoder(encoder, lfw.faces), lfw, people)
    london = load_crops(labels / "london_crops.npz")
    names = sorted(p.stem for p in (data / "london").glob("*.jpg"))
    with np.load(labels / "london_crops.npz") as file:
        names = [names[row] for row in file["row"]]
    result["london"] = score_london(run_encoder(encoder, london.faces), names)
    voted = voted_crops(data, runs)
    outputs = run_encoder(encoder, voted.faces)
    result["ferplus_valid_au"] = score_fer_au(outputs, voted.emotion)
    result["ferplus_valid_au_95"] = fer_au_intervals(outputs, voted.emotion)
    return result


def voted_crops(data: Path, runs: Path) -> FaceSet:
    """Read the aligned faces of FER+ valid, with their votes."""
    valid = ferplus.load(data / "ferplus" / "valid.npz")
    return load_crops(runs / "labels" / "fer_valid_crops.npz", fer=valid)


def score_all(models: Path, data: Path, runs: Path) -> Scores:
    """Score both models on every validation part."""
    encoder = models / "face_encoder.onnx"
    result = score_encoder(encoder, data, runs)
    valid = ferplus.load(data / "ferplus" / "valid.npz")
    kept_out = ferplus.calibration(ferplus.load(data / "ferplus" / "train.npz"))
    temperature = majority_temperature(framed_logits(models, kept_out.images), kept_out)
    found = score_ferplus(framed_logits(models, valid.images), valid, temperature)
    result["ferplus_valid"] = {"temperature": temperature, **found}
    voted = voted_crops(data, runs)
    embedding = run_encoder(encoder, voted.faces)["embedding"]
    result["ferplus_valid"]["accuracy_aligned"] = aligned_accuracy(models, embedding, voted.emotion)
    ablation = runs / "ablation.json"
    if ablation.exists():
        result["ablation"] = ablation_table(json.loads(ablation.read_text("utf-8")))
    clean = runs / "clean"
    if clean.exists():
        result["without_real_faces"] = score_clean(clean, data, runs)
    return result


def aligned_accuracy(models: Path, embedding: np.ndarray, votes: np.ndarray) -> float:
    """Score the head on faces that MediaPipe's landmarks aligned, where a majority agrees."""
    session = onnxruntime.InferenceSession(str(models / "emotion_head.onnx"))
    logits = np.concatenate([session.run(None, {"embedding": row[None]})[0] for row in embedding])
    clear = votes.max(1) > 0.5
    right = logits[clear].argmax(1) == votes[clear].argmax(1)
    return round(float(right.mean()), 4)


def score_clean(checkpoint: Path, data: Path, runs: Path) -> Scores:
    """Score the student that has seen renders alone: what a variant without real faces loses."""
    net = EncoderWithVotes(EncoderNet())
    net.load_state_dict(kept_weights(checkpoint))
    with tempfile.TemporaryDirectory() as folder:
        export_pair(net, Path(folder))
        encoder = Path(folder) / "face_encoder.onnx"
        scores = score_encoder(encoder, data, runs)
    return {
        "renders_au_mean_r": scores["renders_held_out"]["au_mean_r"],
        "lfw_landmarks_nme": scores["lfw_held_out"]["landmarks_nme"],
        "london": {label: scores["london"][label] for label in ("AU12", "AU06")},
        "ferplus_valid_au": scores["ferplus_valid_au"],
    }


def ablation_table(scores: dict[str, float]) -> Scores:
    """Put the ablation's scores into one row for each way of teaching."""
    shown = {
        "accuracy_aligned": "fer.votes_majority",
        "au_r_renders": "renders.au_r",
        "landmarks_nme_lfw": "lfw.landmarks_nme",
    }
    kinds = dict.fromkeys(key.split(".")[0] for key in scores)
    return {
        "scale": "same start, seed and samples, 4 epochs of 262,144 samples each, one seed",
        "scored_on": "faces kept out of training, not the reported parts",
        "taught_by": {
            kind: {name: round(scores[f"{kind}.{key}"], 4) for name, key in shown.items()}
            for kind in kinds
        },
    }


def main() -> None:
    """Parse the command line, score, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    result = score_all(arguments.models, arguments.data, arguments.runs)
    arguments.out.write_text(json.dumps(result, indent=1), "utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
