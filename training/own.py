"""Fine-tune the shipped nets on a set of your own, and score them as LibreFace's two tasks are.

`python -m training.own au --set disfa --data DIR` trains on the people of each fold and tests the
others; scores are pooled over the tested people of all folds. `python -m training.own emotion --set
rafdb --data DIR` trains on the training part and tests the published test or validation part.

The nets start from the shipped ONNX files (`--fresh`: from nothing), and the report has their
scores on the same tested faces beside those of the trained ones. What the set says nothing about
(landmarks, pose, gaze, quality, Action Units without a code, for AU sets also the emotion) is held
where it was by the unchanged net's own answers on the same faces (Li & Hoiem 2016). The last epoch
is the model; nothing is chosen on a tested part.
Each fold's nets are exported with cards into `RUNS/SET/fold_N/models`, so that
`omokage evaluate disfa DIR --fold N --models ...` scores the very files through the product.
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agent.domain.facs import AU_LABELS, AU_SIDE_LABELS, SIDE_INDEX
from agent.domain.observation import EMOTIONS
from agent.evaluation import metrics
from agent.evaluation.datasets import affectnet, bp4d, disfa, disfaplus, rafdb
from agent.evaluation.datasets.folds import Fold, require_disjoint, within
from agent.evaluation.datasets.model import INTENSITY, AuSet, ExpressionSet
from agent.evaluation.tools import OwnTool, Weights
from training.augment import Jitter, affine, standardise
from training.cards import emotion_card, encoder_card
from training.export import export_pair
from training.nets.encoder import Encoded, FaceEncoder
from training.own_faces import OwnFaces, action_faces, expression_faces, kept_or_cut
from training.tasks.encoder import EncoderWithVotes
from training.train import Schedule, best_device, fit
from training.warm import load_exported

SIZE, CROP = 112, 128
GENTLE = Jitter(rotation_degrees=7.0, scale=0.08, shift=0.03)
PRESENT = 1.0
"""Intensity from which the product calls an AU present."""

AU_SETS: dict[str, tuple[Callable[[Path], AuSet], Callable[[int], list[Fold]]]] = {
    "disfa": (disfa.load, disfa.folds),
    "disfaplus": (disfaplus.load, disfaplus.folds),
    "bp4d": (bp4d.load, lambda _: bp4d.folds()),
}
EMOTION_SETS: dict[str, tuple[Callable[[Path, str], ExpressionSet], str]] = {
    "affectnet": (affectnet.load, "valid"),
    "rafdb": (rafdb.load, "test"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """One run.

    Attributes:
        models: folder of the shipped models.
        runs: where crops, checkpoints and results go.
        epochs: passes over the training faces.
        batch: faces in one step.
        rate: peak of the learning rate.
        fresh: start from random weights.
    """

    models: Path
    runs: Path
    epochs: int
    batch: int
    rate: float
    fresh: bool = False


class OwnTask:
    """Learn one kind of label on aligned faces, and keep everything else as it was."""

    holds_emotion = True

    def __init__(
        self, model: EncoderWithVotes, train: OwnFaces, test: OwnFaces, *, frozen: bool
    ) -> None:
        """Take the net, the faces, and whether the net as it is now shall hold the rest."""
        self.model: nn.Module = model
        self.train, self.test = train, test
        self.unlabelled = list(range(len(AU_SIDE_LABELS)))
        self._before = copy.deepcopy(model).eval() if frozen else None
        for parameter in self._before.parameters() if self._before is not None else ():
            parameter.requires_grad_(requires_grad=False)

    def steps_per_epoch(self, batch: int) -> int:
        """Count the batches, at least one."""
        return max(1, len(self.train) // batch)

    def batches(self, batch: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield (augmented faces (B, 1, 112, 112), labels); no label here knows left from right."""
        order = np.random.default_rng(seed).permutation(len(self.train))
        generator = torch.Generator().manual_seed(seed)
        for start in range(0, self.steps_per_epoch(batch) * batch, batch):
            rows = order[start : start + batch]
            pictures = torch.from_numpy(self.train.faces[rows]).float()[:, None]
            flip = torch.rand(len(rows), generator=generator) < 0.5
            pictures[flip] = pictures[flip].flip(-1)
            moved, _ = affine(pictures, GENTLE, generator)
            gamma = torch.exp((torch.rand(len(rows), 1, 1, 1, generator=generator) - 0.5) * 0.8)
            lit = 255 * (moved / 255).clamp(1e-3, 1) ** gamma
            yield standardise(inner(lit)), torch.from_numpy(self.train.labels[rows])

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Add the loss of the labels and that of what must not move."""
        faces, labels = batch
        encoded, logits = self.model(faces)
        loss = self.label_loss(encoded, logits, labels)
        if self._before is not None:
            with torch.no_grad():
                before, answer = self._before(faces)
            loss = loss + drift(encoded, before, self.unlabelled)
            if self.holds_emotion:
                loss = loss + F.smooth_l1_loss(logits.float(), answer.float())
        return loss

    def label_loss(self, encoded: Encoded, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of the labels; each task's own."""
        raise NotImplementedError

    def scores(self) -> dict[str, float]:
        """Nothing is scored between epochs: no epoch is chosen."""
        return {}


class AuTask(OwnTask):
    """AU codes: intensity 0-5, or presence 0 / 1."""

    def __init__(  # what is learned from whom
        self, model: EncoderWithVotes, train: OwnFaces, test: OwnFaces, *,
        labels: tuple[str, ...], kind: str, frozen: bool,
    ) -> None:  # fmt: skip
        super().__init__(model, train, test, frozen=frozen)
        self._sides = [SIDE_INDEX[AU_LABELS.index(label)] for label in labels]
        coded = {side for sides in self._sides for side in sides}
        self.unlabelled = [side for side in self.unlabelled if side not in coded]
        self._intensity = kind == INTENSITY

    def label_loss(self, encoded: Encoded, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG002
        """Squared error with strong actions counting more; cross-entropy around the threshold."""
        predicted = stronger(encoded.au.float(), self._sides)
        known = ~torch.isnan(labels)
        target = torch.nan_to_num(labels)
        if self._intensity:
            error = (predicted - target).square() * (1 + 0.5 * target)
        else:
            error = F.binary_cross_entropy_with_logits(
                2 * (predicted - PRESENT), target, reduction="none"
            )
        return (error * known).sum() / known.sum().clamp(min=1)


class EmotionTask(OwnTask):
    """Expression classes, on the encoder's embedding."""

    holds_emotion = False

    def label_loss(self, encoded: Encoded, logits: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG002
        """Cross-entropy with a little smoothing: annotators err."""
        return F.cross_entropy(logits.float(), labels, label_smoothing=0.1)


def inner(pictures: Tensor) -> Tensor:
    """Cut the aligned face out of crops (B, 1, 128, 128)."""
    margin = (CROP - SIZE) // 2
    return pictures[..., margin : margin + SIZE, margin : margin + SIZE]


def stronger(sides: Tensor, index: list[tuple[int, ...]]) -> Tensor:
    """Reduce (B, 32) sides to the stronger one of each AU, as coders score."""
    return torch.stack([sides[:, list(one)].max(1).values for one in index], 1)


def drift(now: Encoded, before: Encoded, sides: list[int]) -> Tensor:
    """Measure how far the answers that have no label moved, the AU `sides` named among them."""
    pairs = [
        (now.landmarks, before.landmarks, 10.0), (now.pose, before.pose, 10.0),
        (now.gaze, before.gaze, 10.0), (now.quality, before.quality, 0.2),
    ]  # fmt: skip
    if sides:
        pairs.append((now.au[:, sides], before.au[:, sides], 1.0))
    return sum(
        (F.smooth_l1_loss(a.float() / unit, b.float() / unit) for a, b, unit in pairs),
        now.landmarks.new_zeros((), dtype=torch.float32),
    )


def predict(model: nn.Module, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sided intensities (N, 32), clipped to 0-5, and logits (N, 8)."""
    model.eval()
    device = next(model.parameters()).device
    au, logits = [], []
    with torch.no_grad():
        for start in range(0, len(faces), 256):
            batch = torch.from_numpy(faces[start : start + 256]).float()[:, None]
            encoded, answer = model(standardise(inner(batch)).to(device))
            au.append(encoded.au.float().clamp(0, 5).cpu().numpy())
            logits.append(answer.float().cpu().numpy())
    return np.concatenate(au), np.concatenate(logits)


def start(settings: Settings, faces: np.ndarray) -> EncoderWithVotes:
    """Make the net, from the shipped weights unless told otherwise."""
    torch.manual_seed(1)
    model = EncoderWithVotes(FaceEncoder())
    if not settings.fresh:
        batch = standardise(inner(torch.from_numpy(faces[:512]).float()[:, None]))
        load_exported(model.encoder, settings.models / "face_encoder.onnx", "encoder", batch)
        load_exported(model.emotion, settings.models / "emotion_head.onnx")
    return model.to(best_device())


def schedule(settings: Settings) -> Schedule:
    """Return how long and how fast to learn."""
    return Schedule(settings.epochs, settings.batch, settings.rate, weight_decay=1e-2)


def au_fold(
    data: AuSet, faces: OwnFaces, fold: Fold, settings: Settings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Train on a fold's people; return (before, trained, coded) of the others, (n, A) each."""
    require_disjoint(fold.train, fold.test)
    train, test = faces.of(fold.train), faces.of(fold.test)
    require_disjoint(set(train.subjects), set(test.subjects))
    folder = settings.runs / f"fold_{fold.number}"
    model = start(settings, train.faces)
    before = answers(model, test.faces, data.labels)
    task = AuTask(model, train, test, labels=data.labels, kind=data.kind, frozen=not settings.fresh)
    fit(task, schedule(settings), folder)
    export(model, folder / "models", settings, f"{data.name}, people of fold {fold.number}")
    return before, answers(model, test.faces, data.labels), test.labels


def answers(model: EncoderWithVotes, faces: np.ndarray, labels: tuple[str, ...]) -> np.ndarray:
    """Return the intensities (n, A) of the labelled AUs, the stronger side of each."""
    sides, _ = predict(model, faces)
    index = [list(SIDE_INDEX[AU_LABELS.index(label)]) for label in labels]
    return np.stack([sides[:, one].max(1) for one in index], 1)


def au_scores(predicted: np.ndarray, coded: np.ndarray, data: AuSet) -> dict[str, Any]:
    """Score each AU over all tested frames, and the mean over AUs."""
    least = disfa.POSITIVE if data.kind == INTENSITY else 1.0
    claimed = least if data.kind == INTENSITY else PRESENT
    table: dict[str, dict[str, float | None]] = {}
    for column, label in enumerate(data.labels):
        known = ~np.isnan(coded[:, column])
        a, b = predicted[known, column], coded[known, column]
        found = {
            "f1": metrics.f1_binary(a >= claimed, b >= least),
            "auc": metrics.area_under_roc(a, b >= least),
            "base_rate": float((b >= least).mean()) if len(b) else float("nan"),
        }
        if data.kind == INTENSITY:
            found |= {
                "pcc": metrics.pearson(a, b),
                "icc": metrics.intraclass(a, b),
                "mae": metrics.mean_absolute_error(a, b),
                "mse": metrics.mean_squared_error(a, b),
            }
        table[label] = {k: None if np.isnan(v) else round(v, 4) for k, v in found.items()}
    return {"frames": len(coded), "mean": means(table), "au": table}


def means(table: dict[str, dict[str, float | None]]) -> dict[str, float | None]:
    """Average each measure over the AUs that define it."""
    names = dict.fromkeys(name for row in table.values() for name in row)
    result: dict[str, float | None] = {}
    for name in names:
        known = [v for row in table.values() if (v := row[name]) is not None]
        result[name] = round(float(np.mean(known)), 4) if known else None
    return result


def export(model: EncoderWithVotes, folder: Path, settings: Settings, seen: str) -> None:
    """Write encoder and head with cards that say what they have seen, beside the same detector."""
    cpu = copy.deepcopy(model).cpu().eval()
    folder.mkdir(parents=True, exist_ok=True)
    export_pair(cpu, folder)
    data = {"trained_on": [seen, "the shipped weights' own data"], "teachers": []}
    encoder_card(folder, {"renders_held_out": {"au": {}}}, data)
    emotion_card(folder, {}, 1.0, data)
    for name in ("face_detector.onnx", "face_detector.card.toml"):
        shutil.copyfile(settings.models / name, folder / name)


def run_au(name: str, data_folder: Path, settings: Settings, *, count: int, only: int | None,
           every: int) -> dict[str, Any]:  # fmt: skip
    """Train and test every fold, or one; scores are pooled over the tested people."""
    loader, folds_of = AU_SETS[name]
    data = loader(data_folder)
    tool = OwnTool(Weights(settings.models))
    faces = kept_or_cut(settings.runs / "faces.npz", action_faces(data, tool, every))
    folds = folds_of(count)
    numbers = [only] if only else range(1, len(folds) + 1)
    pairs = [
        au_fold(data, faces, within(folds, number, data.subjects), settings) for number in numbers
    ]
    before, trained, coded = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    report: dict[str, Any] = {"set": data.name, "folds": list(numbers)}
    if not settings.fresh:
        report["before"] = au_scores(before, coded, data)
    return report | {"pooled": au_scores(trained, coded, data)}


def run_emotion(name: str, data_folder: Path, settings: Settings) -> dict[str, Any]:
    """Train on the training part, test the published other part."""
    loader, part = EMOTION_SETS[name]
    tool = OwnTool(Weights(settings.models))
    train, test = (
        kept_or_cut(settings.runs / f"{one}.npz", expression_faces(loader(data_folder, one), tool))
        for one in ("train", part)
    )
    model = start(settings, train.faces)
    before = emotion_scores(model, test)
    fit(EmotionTask(model, train, test, frozen=not settings.fresh), schedule(settings),
        settings.runs / "all")  # fmt: skip
    export(model, settings.runs / "all" / "models", settings, f"{name}, training part")
    report: dict[str, Any] = {"set": name, "part": part, "pictures": len(test)}
    if not settings.fresh:
        report["before"] = before
    return report | emotion_scores(model, test)


def emotion_scores(model: EncoderWithVotes, test: OwnFaces) -> dict[str, float]:
    """Score the best of the classes that the tested part has."""
    _, logits = predict(model, test.faces)
    has = np.isin(np.arange(len(EMOTIONS)), np.unique(test.labels))
    best = np.where(has, logits, -np.inf).argmax(1)
    return {
        "accuracy": round(metrics.accuracy(best, test.labels), 4),
        "mean_recall": round(metrics.mean_recall(best, test.labels, len(EMOTIONS)), 4),
        "f1_macro": round(metrics.f1_macro(best, test.labels, len(EMOTIONS)), 4),
    }


def main() -> None:
    """Parse the command line, run, write `report.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["au", "emotion"])
    parser.add_argument("--set", required=True, choices=[*AU_SETS, *EMOTION_SETS])
    parser.add_argument("--data", type=Path, required=True, help="the set's own top folder")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--runs", type=Path, default=Path("runs/own"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--folds", type=int, default=3, help="of DISFA: 3 published, or 5")
    parser.add_argument("--fold", type=int, help="only this one")
    parser.add_argument("--every", type=int, default=1, help="take each n-th coded frame")
    parser.add_argument("--fresh", action="store_true", help="start from random weights")
    given = parser.parse_args()
    if (given.set in AU_SETS) != (given.task == "au"):
        parser.error(f"{given.set} isn't a set for the task {given.task}")
    settings = Settings(given.models, given.runs / given.set, given.epochs, given.batch,
                        given.rate, given.fresh)  # fmt: skip
    if given.task == "au":
        report = run_au(given.set, given.data, settings, count=given.folds, only=given.fold,
                        every=given.every)  # fmt: skip
    else:
        report = run_emotion(given.set, given.data, settings)
    (settings.runs / "report.json").write_text(json.dumps(report, indent=1), "utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
