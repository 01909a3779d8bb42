"""The real training runs, each resumable: `python -m training.recipes RECIPE --data DIR ...`.

Order: emotion-teacher -> emotion-student (distilled); encoder (needs renders and labels). The
detector has its own recipe, `training.run_detector`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training.data import ferplus
from training.data.faces import FaceSet, from_renders, join, load_backgrounds, load_crops
from training.data.renders import load_renders
from training.nets.emotion import STUDENT_WIDTHS, TEACHER_WIDTHS, EmotionNet
from training.nets.encoder import FaceEncoder
from training.tasks.distill import EmotionDistillTask
from training.tasks.emotion import EmotionTask
from training.tasks.encoder import EncoderTask, EncoderWithVotes
from training.train import Schedule, fit


def emotion_teacher(data: Path, runs: Path, epochs: int, batch: int = 96) -> dict[str, float]:
    """Train the large emotion net on FER+ votes."""
    torch.manual_seed(1)
    model = EmotionNet(TEACHER_WIDTHS).to(memory_format=torch.channels_last)
    task = EmotionTask(model, *_ferplus(data))
    return fit(task, Schedule(epochs, batch, 3e-3), runs / "emotion_teacher")


def emotion_student(data: Path, runs: Path, epochs: int, batch: int = 96) -> dict[str, float]:
    """Distil the large emotion net into the one that ships."""
    torch.manual_seed(2)
    teacher = EmotionNet(TEACHER_WIDTHS)
    saved = torch.load(runs / "emotion_teacher" / "checkpoint.pt", weights_only=True)
    teacher.load_state_dict(saved["model"])
    student = EmotionNet(STUDENT_WIDTHS, dropout=0.2).to(memory_format=torch.channels_last)
    train, valid = _ferplus(data)
    base = EmotionTask(student, ferplus.without_calibration(train), valid)
    task = EmotionDistillTask(base, student, teacher.to(memory_format=torch.channels_last))
    return fit(task, Schedule(epochs, batch, 3e-3, weight_decay=1e-2), runs / "emotion_student")


def encoder(data: Path, runs: Path, epochs: int, batch: int = 128) -> dict[str, float]:
    """Train the face encoder on renders, MediaPipe-labelled real faces and backgrounds."""
    torch.manual_seed(3)
    train, valid = encoder_data(data, runs)
    model = EncoderWithVotes(FaceEncoder()).to(memory_format=torch.channels_last)
    task = EncoderTask(model, train, valid)
    return fit(task, Schedule(epochs, batch, 2e-3, weight_decay=1e-2), runs / "encoder")


def encoder_data(data: Path, runs: Path) -> tuple[FaceSet, dict[str, FaceSet]]:
    """Gather the encoder's training set and its validation sets, disjoint in identity."""
    labels = runs / "labels"
    fer_train, fer_valid = _ferplus(data)
    train = [
        from_renders(load_renders(runs / "renders", held_out=False)),
        load_crops(labels / "lfw_crops.npz", persons="train"),
        load_crops(labels / "fer_train_crops.npz", fer=fer_train),
        load_backgrounds(data / "scenes", 3000, seed=5),
    ]
    valid = {
        "renders": from_renders(load_renders(runs / "renders", held_out=True, limit=10)),
        "lfw": load_crops(labels / "lfw_crops.npz", persons="held_out"),
        "fer": load_crops(labels / "fer_valid_crops.npz", fer=fer_valid),
    }
    return join(train), valid


def _ferplus(data: Path) -> tuple[ferplus.FerPlus, ferplus.FerPlus]:
    folder = data / "ferplus"
    return ferplus.load(folder / "train.npz"), ferplus.load(folder / "valid.npz")


RECIPES = {
    "emotion-teacher": emotion_teacher,
    "emotion-student": emotion_student,
    "encoder": encoder,
}


def main() -> None:
    """Parse the command line and run one recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="labels, checkpoints")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(RECIPES[arguments.recipe](arguments.data, arguments.runs, arguments.epochs))


if __name__ == "__main__":
    main()
