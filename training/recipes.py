"""The real training runs, each resumable: `python -m training.recipes RECIPE --data DIR ...`.

Order: `committee` (emotion nets on FER+ votes), `teacher` (a large encoder; needs renders and
labels), then `encoder` and `restart`, the student that ships, with the emotion head on its
embedding.
`ablation` shows what each part of the distillation brings, `clean` what a student loses that has
seen nothing but renders. The detector has a recipe of its own, `training.run_detector`. All run on
a GPU where there is one; its numbers of samples were chosen for one.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch

from training.cards import provisional_cards
from training.data import ferplus
from training.data.bank import Sources
from training.data.faces import (
    FaceSet,
    framed_crops,
    from_renders,
    join,
    load_backgrounds,
    load_crops,
)
from training.data.renders import load_renders
from training.export import export_pair
from training.nets.emotion import EmotionNet
from training.nets.encoder import TEACHER_SQUEEZE, FaceEncoder
from training.nets.encoder import teacher as large_encoder
from training.tasks.distil import DistilTask, TaughtEncoder
from training.tasks.emotion import EmotionTask
from training.tasks.encoder import EncoderWeights, EncoderWithVotes
from training.tasks.taught import Lessons, LessonWeights, ask
from training.train import Schedule, best_device, fit, kept_weights

Net = TypeVar("Net", bound=torch.nn.Module)

COMMITTEE_SEEDS = (1, 2, 3)
COMMITTEE_WIDTHS = (64, 96, 128, 192, 256, 320)

WEIGHTS = EncoderWeights(correlation=0.5, hint=0.10, ranking=0.12, votes=0.6)
RENDERS_ONLY = EncoderWeights(correlation=0.5)

TEACHER_LESSONS = LessonWeights(committee=0.3)
STUDENT_LESSONS = LessonWeights(committee=0.15, logits=0.5, au=0.2, features=1.0)

EPOCH = 262_144
"""Samples of an epoch of the encoders."""


def committee(data: Path, runs: Path, epochs: int, batch: int) -> dict[str, float]:
    """Train the emotion nets on FER+ votes, less the part that temperatures are fitted on."""
    train = ferplus.load(data / "ferplus" / "train.npz")
    kept_out = ferplus.calibration(train)
    scores: dict[str, float] = {}
    for seed in COMMITTEE_SEEDS:
        torch.manual_seed(seed)
        model = EmotionNet(COMMITTEE_WIDTHS).to(best_device(), memory_format=torch.channels_last)
        task = EmotionTask(model, ferplus.without_calibration(train), kept_out, regularised=True)
        schedule = Schedule(epochs, batch, 3e-3, weight_decay=5e-2, seed=seed, average=0.998)
        for key, value in fit(task, schedule, runs / f"committee_{seed}").items():
            scores[f"{seed}.{key}"] = value
    return scores


def teacher(data: Path, runs: Path, epochs: int, batch: int) -> dict[str, float]:
    """Train the large encoder on all labels, with the committee's answers on FER+ pictures."""
    torch.manual_seed(4)
    sources, valid = encoder_data(data, runs, renders=0.50, fer=0.34)
    task = DistilTask(
        _placed(EncoderWithVotes(large_encoder())), sources, valid,
        weights=WEIGHTS, parts=TEACHER_LESSONS, lessons=lessons_of(data, runs), length=EPOCH,
    )  # fmt: skip
    schedule = Schedule(epochs, batch, 2e-3, weight_decay=3e-2, rise=0.15, average=0.999)
    return fit(task, schedule, runs / "teacher")


def encoder(data: Path, runs: Path, epochs: int, batch: int) -> dict[str, float]:
    """Distil the student that ships."""
    torch.manual_seed(5)
    sources, valid = encoder_data(data, runs, renders=0.50, fer=0.34)
    model = _placed(taught(EncoderWithVotes(FaceEncoder())))
    task = DistilTask(
        model, sources, valid, weights=WEIGHTS, parts=STUDENT_LESSONS,
        lessons=lessons_of(data, runs), teacher=trained_teacher(runs), length=EPOCH,
    )  # fmt: skip
    schedule = Schedule(epochs, batch, 3e-3, weight_decay=2e-2, rise=0.15, average=0.999)
    return fit(task, schedule, runs / "encoder")


def restart(data: Path, runs: Path, epochs: int, batch: int) -> dict[str, float]:
    """Let the finished student learn on for a few epochs at a quarter of the rate.

    Source of warm restarts: Loshchilov & Hutter 2017.
    """
    torch.manual_seed(8)
    sources, valid = encoder_data(data, runs, renders=0.50, fer=0.34)
    model = taught(EncoderWithVotes(FaceEncoder()))
    model.load_state_dict(kept_weights(runs / "encoder"))
    task = DistilTask(
        _placed(model), sources, valid, weights=WEIGHTS, parts=STUDENT_LESSONS,
        lessons=lessons_of(data, runs), teacher=trained_teacher(runs), length=EPOCH,
    )  # fmt: skip
    schedule = Schedule(epochs, batch, 8e-4, weight_decay=2e-2, rise=0.10, average=0.998)
    return fit(task, schedule, runs / "encoder_restarted")


def ablation(data: Path, runs: Path, epochs: int, batch: int) -> dict[str, float]:
    """Train the student three times, short and alike but for what its teachers give.

    Same start, seed, samples and schedule: labels alone, with the teachers' logits and Action
    Units, with the large encoder's features as well.
    """
    sources, valid = encoder_data(data, runs, renders=0.50, fer=0.34)
    kinds = {
        "alone": LessonWeights(committee=0.0),
        "logits": replace(STUDENT_LESSONS, features=0.0),
        "features": STUDENT_LESSONS,
    }
    lessons, large = lessons_of(data, runs), trained_teacher(runs)
    scores: dict[str, float] = {}
    for kind, parts in kinds.items():
        torch.manual_seed(6)
        task = DistilTask(
            _placed(taught(EncoderWithVotes(FaceEncoder()))), sources, valid, weights=WEIGHTS,
            parts=parts, lessons=lessons, teacher=None if kind == "alone" else large, length=EPOCH,
        )  # fmt: skip
        schedule = Schedule(epochs, batch, 3e-3, weight_decay=2e-2, rise=0.15, average=0.998)
        for key, value in fit(task, schedule, runs / f"ablation_{kind}").items():
            scores[f"{kind}.{key}"] = value
    (runs / "ablation.json").write_text(json.dumps(scores, indent=1), "utf-8")
    return scores


def clean(data: Path, runs: Path, epochs: int, batch: int) -> dict[str, float]:
    """Train the student on renders alone: no picture of anybody, no teacher, no votes."""
    torch.manual_seed(7)
    _, valid = encoder_data(data, runs, renders=0.0, fer=0.5)
    renders = from_renders(load_renders(runs / "renders", held_out=False))
    task = DistilTask(
        _placed(EncoderWithVotes(FaceEncoder())), [(renders, 1.0)], valid,
        weights=RENDERS_ONLY, parts=LessonWeights(committee=0.0), length=EPOCH,
    )  # fmt: skip
    schedule = Schedule(epochs, batch, 3e-3, weight_decay=2e-2, rise=0.15, average=0.998)
    return fit(task, schedule, runs / "clean")


def taught(student: EncoderWithVotes) -> TaughtEncoder:
    """Give a student the projector to the large encoder's map."""
    return TaughtEncoder(student, student.encoder.squeeze[0].out_channels, TEACHER_SQUEEZE)


def trained_teacher(runs: Path) -> EncoderWithVotes:
    """Read the large encoder."""
    model = EncoderWithVotes(large_encoder())
    model.load_state_dict(kept_weights(runs / "teacher"))
    return _placed(model)


def lessons_of(data: Path, runs: Path) -> Lessons:
    """Let the committee look at the FER+ training part, in the order that the faces' keys have."""
    nets = []
    for seed in COMMITTEE_SEEDS:
        net = EmotionNet(COMMITTEE_WIDTHS)
        net.load_state_dict(kept_weights(runs / f"committee_{seed}"))
        nets.append(_placed(net))
    train = ferplus.load(data / "ferplus" / "train.npz")
    return ask(nets, ferplus.without_calibration(train).images)


def _placed(model: Net) -> Net:
    return model.to(best_device(), memory_format=torch.channels_last)


def encoder_data(
    data: Path, runs: Path, *, renders: float, fer: float
) -> tuple[Sources, dict[str, FaceSet]]:
    """Gather the encoder's sources with their shares, and what is watched while it learns.

    What is watched is kept out of training: every tenth rendered or LFW person, and the twentieth
    of the FER+ training part that the temperature is fitted on. Nothing is chosen by it, and the
    FER+ and London parts that are reported aren't read here.
    """
    labels = runs / "labels"
    whole = ferplus.load(data / "ferplus" / "train.npz")
    train, kept_out = ferplus.without_calibration(whole), ferplus.calibration(whole)
    voted = load_crops(labels / "fer_train_crops.npz", fer=train)
    voted = voted.take(voted.key >= 0)
    watched = load_crops(labels / "fer_train_crops.npz", fer=kept_out)
    faces = join([voted, framed_crops(train, voted)])
    sources = [
        (load_crops(labels / "lfw_crops.npz", persons="train"), 0.96 - renders - fer),
        (faces, fer),
        (load_backgrounds(data / "scenes", 3000, seed=5), 0.04),
    ]
    if renders:
        sources.insert(0, (from_renders(load_renders(runs / "renders", held_out=False)), renders))
    valid = {
        "lfw": load_crops(labels / "lfw_crops.npz", persons="held_out"),
        "fer": watched.take(watched.key >= 0),
    }
    held = runs / "renders_held"
    if held.exists():
        valid["renders"] = from_renders(load_renders(held, held_out=True))
    return sources, valid


def export_all(runs: Path, models: Path) -> None:
    """Write the encoder and the emotion head as ONNX from their checkpoint, cards unscored."""
    weights = kept_weights(runs / "encoder_restarted")
    net = EncoderWithVotes(FaceEncoder())
    net.load_state_dict({k: v for k, v in weights.items() if not k.startswith("projector")})
    print(export_pair(net, models))
    provisional_cards(models)


RECIPES = {
    "committee": committee,
    "teacher": teacher,
    "encoder": encoder,
    "restart": restart,
    "ablation": ablation,
    "clean": clean,
}


def main() -> None:
    """Parse the command line and run one recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", choices=[*RECIPES, "export"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="labels, checkpoints")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--models", type=Path, default=Path("models"), help="where exports go")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.benchmark = True
    if arguments.recipe == "export":
        export_all(arguments.runs, arguments.models)
        return
    recipe = RECIPES[arguments.recipe]
    print(recipe(arguments.data, arguments.runs, arguments.epochs, arguments.batch))


if __name__ == "__main__":
    main()
