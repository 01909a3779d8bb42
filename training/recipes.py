"""The real training runs, each resumable: `python -m training.recipes RECIPE --data DIR ...`.

Order: emotion-teacher -> emotion-student (distilled); encoder-geometry -> encoder ->
encoder-restart (need renders and labels). The detector has a recipe of its own,
`training.run_detector`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from training.data import ferplus
from training.data.faces import FaceSet, from_renders, load_backgrounds, load_crops
from training.data.renders import load_renders
from training.export import ENCODER_OUTPUTS, ExportedEmotion, ExportedEncoder, export
from training.nets.emotion import STUDENT_WIDTHS, TEACHER_WIDTHS, EmotionNet
from training.nets.encoder import FaceEncoder
from training.tasks.distill import EmotionDistillTask
from training.tasks.emotion import EmotionTask
from training.tasks.encoder import EncoderTask, EncoderWithVotes
from training.train import Schedule, best_device, fit, kept_weights


def emotion_teacher(data: Path, runs: Path, epochs: int, batch: int = 96) -> dict[str, float]:
    """Train the large emotion net on FER+ votes, less the part that temperatures are fitted on."""
    torch.manual_seed(1)
    model = EmotionNet(TEACHER_WIDTHS).to(best_device(), memory_format=torch.channels_last)
    train, valid = _ferplus(data)
    task = EmotionTask(model, ferplus.without_calibration(train), valid, regularised=True)
    schedule = Schedule(epochs, batch, 3e-3, average=0.998)
    return fit(task, schedule, runs / "emotion_teacher")


def emotion_student(data: Path, runs: Path, epochs: int, batch: int = 96) -> dict[str, float]:
    """Distil the large emotion net into the one that ships."""
    torch.manual_seed(2)
    teacher = EmotionNet(TEACHER_WIDTHS)
    teacher.load_state_dict(kept_weights(runs / "emotion_teacher"))
    student = EmotionNet(STUDENT_WIDTHS, dropout=0.2).to(memory_format=torch.channels_last)
    train, valid = _ferplus(data)
    base = EmotionTask(student, ferplus.without_calibration(train), valid)
    task = EmotionDistillTask(base, student, teacher.to(memory_format=torch.channels_last))
    return fit(task, Schedule(epochs, batch, 3e-3, weight_decay=1e-2), runs / "emotion_student")


def encoder_geometry(data: Path, runs: Path, epochs: int, batch: int = 128) -> dict[str, float]:
    """First stage of the face encoder: mostly landmarks, pose and what real faces can teach."""
    torch.manual_seed(3)
    train, valid = encoder_data(data, runs, renders=0.50)
    model = EncoderWithVotes(FaceEncoder()).to(memory_format=torch.channels_last)
    task = EncoderTask(model, train, valid)
    return fit(task, Schedule(epochs, batch, 2e-3, weight_decay=1e-2), runs / "encoder_stage1")


def encoder(data: Path, runs: Path, epochs: int, batch: int = 128) -> dict[str, float]:
    """Second stage: more renders, and a loss in which each Action Unit counts the same."""
    return _continue(
        data, runs, ("encoder_stage1", "encoder_stage2"), Schedule(epochs, batch, 2e-3)
    )


def encoder_restart(data: Path, runs: Path, epochs: int, batch: int = 128) -> dict[str, float]:
    """Third stage: the second one again, warm, with whatever renders were added meanwhile.

    Source of warm restarts: Loshchilov & Hutter 2017.
    """
    return _continue(data, runs, ("encoder_stage2", "encoder"), Schedule(epochs, batch, 1.5e-3))


def _continue(
    data: Path, runs: Path, stages: tuple[str, str], schedule: Schedule
) -> dict[str, float]:
    """Train from one stage's weights into the next stage's folder."""
    torch.manual_seed(4)
    train, valid = encoder_data(data, runs, renders=0.70)
    model = EncoderWithVotes(FaceEncoder()).to(memory_format=torch.channels_last)
    model.load_state_dict(kept_weights(runs / stages[0]), strict=False)
    task = EncoderTask(model, train, valid, correlation=0.5)
    schedule = replace(schedule, weight_decay=1e-2, rise=0.15)
    return fit(task, schedule, runs / stages[1])


Sources = list[tuple[FaceSet, float]]


def encoder_data(data: Path, runs: Path, *, renders: float) -> tuple[Sources, dict[str, FaceSet]]:
    """Gather the encoder's sources with their shares, and its validation sets.

    Training and validation are disjoint in identity.
    """
    labels = runs / "labels"
    fer_train, fer_valid = _ferplus(data)
    train = [
        (from_renders(load_renders(runs / "renders", held_out=False)), renders),
        (load_crops(labels / "lfw_crops.npz", persons="train"), 0.5 * (0.95 - renders)),
        (load_crops(labels / "fer_train_crops.npz", fer=fer_train), 0.5 * (0.95 - renders)),
        (load_backgrounds(data / "scenes", 3000, seed=5), 0.05),
    ]
    valid = {
        "renders": from_renders(load_renders(runs / "renders", held_out=True, limit=10)),
        "lfw": load_crops(labels / "lfw_crops.npz", persons="held_out"),
        "fer": load_crops(labels / "fer_valid_crops.npz", fer=fer_valid),
    }
    return train, valid


def _ferplus(data: Path) -> tuple[ferplus.FerPlus, ferplus.FerPlus]:
    folder = data / "ferplus"
    return ferplus.load(folder / "train.npz"), ferplus.load(folder / "valid.npz")


def export_all(runs: Path, models: Path) -> None:
    """Write the encoder and the emotion head as ONNX from their checkpoints."""
    encoder_net = EncoderWithVotes(FaceEncoder())
    encoder_net.load_state_dict(kept_weights(runs / "encoder"))
    path = models / "face_encoder.onnx"
    print(path.name, export(ExportedEncoder(encoder_net.encoder), 112, ENCODER_OUTPUTS, path))
    student = EmotionNet(STUDENT_WIDTHS)
    distilled = kept_weights(runs / "emotion_student")
    kept = {k.removeprefix("student."): v for k, v in distilled.items() if "projector" not in k}
    student.load_state_dict(kept)
    path = models / "emotion_head.onnx"
    print(path.name, export(ExportedEmotion(student), 48, ("logits",), path))


RECIPES = {
    "emotion-teacher": emotion_teacher,
    "emotion-student": emotion_student,
    "encoder-geometry": encoder_geometry,
    "encoder": encoder,
    "encoder-restart": encoder_restart,
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
