"""The real training runs, each resumable: `python -m training.recipes RECIPE --data DIR ...`.

Order: emotion-teacher, encoder (needs renders and labels), then encoder-distil, which also trains
the emotion head that ships; `ablation` shows what each part of the distillation brings. The
detector has a recipe of its own, `training.run_detector`. All run on a GPU where there is one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.augment import standardise
from training.cards import provisional_cards
from training.data import ferplus
from training.data.faces import (
    MARGIN,
    FaceSet,
    framed_crops,
    from_renders,
    join,
    load_backgrounds,
    load_crops,
)
from training.data.renders import load_renders
from training.export import export_pair
from training.nets.emotion import (
    TEACHER_WIDTHS,
    EmbeddingEmotion,
    EmotionNet,
)
from training.nets.encoder import EMBEDDING, FaceEncoder
from training.tasks.emotion import EmotionTask
from training.tasks.encoder import SIZE, EncoderTask, EncoderWeights, EncoderWithVotes
from training.tasks.taught import Lessons, LessonWeights, ask
from training.train import Schedule, best_device, fit, kept_weights
from training.warm import load_exported

Sources = list[tuple[FaceSet, float]]


def emotion_teacher(data: Path, runs: Path, epochs: int, batch: int = 96) -> dict[str, float]:
    """Train the large emotion net on FER+ votes, less the part that temperatures are fitted on."""
    torch.manual_seed(1)
    model = EmotionNet(TEACHER_WIDTHS).to(best_device(), memory_format=torch.channels_last)
    train, valid = _ferplus(data)
    task = EmotionTask(model, ferplus.without_calibration(train), valid, regularised=True)
    schedule = Schedule(epochs, batch, 3e-3, average=0.998)
    return fit(task, schedule, runs / "emotion_teacher")


def encoder(data: Path, runs: Path, epochs: int, batch: int = 128) -> dict[str, float]:
    """First stage of the encoder: all sources, from exported weights where `runs/warm.onnx` is.

    Without that file it starts from nothing and wants about twice the epochs.
    """
    torch.manual_seed(3)
    train, valid = encoder_data(data, runs, renders=0.52, fer=0.33)
    model = EncoderWithVotes(FaceEncoder())
    warm = runs / "warm.onnx"
    if warm.exists():
        some = next(task_batches(train))
        print("warm:", len(load_exported(model.encoder, warm, "encoder", some)), "layers")
    model = model.to(best_device(), memory_format=torch.channels_last)
    task = EncoderTask(model, train, valid, weights=ENCODER_WEIGHTS)
    schedule = Schedule(epochs, batch, 2e-3, weight_decay=1e-2, rise=0.15, average=0.998)
    return fit(task, schedule, runs / "encoder_stage1")


def encoder_distil(data: Path, runs: Path, epochs: int, batch: int = 128) -> dict[str, float]:
    """Second stage: a warm restart, with the emotion teacher's logits and features.

    Source of warm restarts: Loshchilov & Hutter 2017.
    """
    torch.manual_seed(4)
    train, valid = encoder_data(data, runs, renders=0.58, fer=0.30)
    lessons = lessons_of(data, runs)
    model = EncoderWithVotes(FaceEncoder(), lessons.features.shape[2])
    model.load_state_dict(kept_weights(runs / "encoder_stage1"), strict=False)
    model = model.to(best_device(), memory_format=torch.channels_last)
    task = EncoderTask(model, train, valid, weights=ENCODER_WEIGHTS, lessons=lessons)
    schedule = Schedule(epochs, batch, 1.5e-3, weight_decay=1e-2, rise=0.15, average=0.998)
    return fit(task, schedule, runs / "encoder")


def ablation(data: Path, runs: Path, epochs: int, batch: int = 128) -> dict[str, float]:
    """Train the second stage three times, short and alike but for what the teacher gives.

    Same start, seed, samples and schedule: votes alone, with the teacher's logits, with its
    features as well. Epochs have 16,000 samples.
    """
    train, valid = encoder_data(data, runs, renders=0.40, fer=0.50)
    lessons = lessons_of(data, runs)
    kinds = {
        "alone": LessonWeights(0.0, 0.0),
        "logits": LessonWeights(features=0.0),
        "features": LessonWeights(),
    }
    scores: dict[str, float] = {}
    for kind, parts in kinds.items():
        torch.manual_seed(5)
        model = EncoderWithVotes(FaceEncoder(), lessons.features.shape[2])
        model.load_state_dict(kept_weights(runs / "encoder_stage1"), strict=False)
        # The head begins anew, so that what is compared is how it is taught.
        model.emotion = EmbeddingEmotion(EMBEDDING)
        model = model.to(best_device(), memory_format=torch.channels_last)
        weights = replace(ENCODER_WEIGHTS, lessons=parts)
        task = EncoderTask(model, train, valid, weights=weights, lessons=lessons, length=16_000)
        schedule = Schedule(epochs, batch, 1.5e-3, weight_decay=1e-2, rise=0.15, average=0.99)
        for key, value in fit(task, schedule, runs / f"ablation_{kind}").items():
            scores[f"{kind}.{key}"] = value
    (runs / "ablation.json").write_text(json.dumps(scores, indent=1), "utf-8")
    return scores


ENCODER_WEIGHTS = EncoderWeights(correlation=0.5, hint=0.10, ranking=0.12, votes=0.6)


def task_batches(train: Sources) -> Iterator[Tensor]:
    """Yield standardised real faces to find batch norms by, 512 at a time, never mirrored."""
    real = train[1][0].faces
    inner = slice(MARGIN, MARGIN + SIZE)
    for start in range(0, len(real) - 512, 512):
        faces = np.ascontiguousarray(real[start : start + 512, inner, inner])
        yield standardise(torch.from_numpy(faces).float()[:, None] / 255)


def lessons_of(data: Path, runs: Path) -> Lessons:
    """Let the trained emotion teacher look at the FER+ training part, as `encoder_data` has it."""
    teacher = EmotionNet(TEACHER_WIDTHS)
    teacher.load_state_dict(kept_weights(runs / "emotion_teacher"))
    train, _ = _ferplus(data)
    return ask(teacher, ferplus.without_calibration(train).images)


def encoder_data(
    data: Path, runs: Path, *, renders: float, fer: float
) -> tuple[Sources, dict[str, FaceSet]]:
    """Gather the encoder's sources with their shares, and its validation sets.

    Training and validation are disjoint in identity; the FER+ pictures that the temperature is
    fitted on are kept out.
    """
    labels = runs / "labels"
    fer_train, fer_valid = _ferplus(data)
    fer_train = ferplus.without_calibration(fer_train)
    voted = load_crops(labels / "fer_train_crops.npz", fer=fer_train)
    voted = voted.take(voted.key >= 0)
    faces = join([voted, framed_crops(fer_train, voted)])
    train = [
        (from_renders(load_renders(runs / "renders", held_out=False)), renders),
        (load_crops(labels / "lfw_crops.npz", persons="train"), 0.96 - renders - fer),
        (faces, fer),
        (load_backgrounds(data / "scenes", 3000, seed=5), 0.04),
    ]
    valid = {
        "renders": from_renders(load_renders(runs / "renders", held_out=True, limit=5)),
        "lfw": load_crops(labels / "lfw_crops.npz", persons="held_out"),
        "fer": load_crops(labels / "fer_valid_crops.npz", fer=fer_valid),
    }
    return train, valid


def _ferplus(data: Path) -> tuple[ferplus.FerPlus, ferplus.FerPlus]:
    folder = data / "ferplus"
    return ferplus.load(folder / "train.npz"), ferplus.load(folder / "valid.npz")


def export_all(runs: Path, models: Path) -> None:
    """Write the encoder and the emotion head as ONNX from their checkpoint, cards unscored."""
    weights = kept_weights(runs / "encoder")
    net = EncoderWithVotes(FaceEncoder())
    net.load_state_dict({k: v for k, v in weights.items() if not k.startswith("projector")})
    print(export_pair(net, models))
    provisional_cards(models)


RECIPES = {
    "emotion-teacher": emotion_teacher,
    "encoder": encoder,
    "encoder-distil": encoder_distil,
    "ablation": ablation,
}


def main() -> None:
    """Parse the command line and run one recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", choices=[*RECIPES, "export"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="labels, checkpoints")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--models", type=Path, default=Path("models"), help="where exports go")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.recipe == "export":
        export_all(arguments.runs, arguments.models)
        return
    print(RECIPES[arguments.recipe](arguments.data, arguments.runs, arguments.epochs))


if __name__ == "__main__":
    main()
