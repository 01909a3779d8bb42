"""The whole chain on a tiny set, in minutes on a CPU: `python -m training.tiny --out DIR`.

Synthesise -> train -> distil -> export -> evaluate -> card, for all three models, with the code
of the real recipes. Faces come from a stand-in head that needs no download. The weights that come
out are useless; that the agent can load and run them is the point.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from agent.domain.facs import AU_SIDE_LABELS
from agent.domain.policy import Head
from training.cards import detector_card, emotion_card, encoder_card, provisional_cards
from training.data.detector_pasting import pasted_from
from training.data.faces import FaceSet, from_renders
from training.data.ferplus import FerPlus
from training.data.landmarks import five_points
from training.data.renders import Renders, load_renders
from training.data.scenes import Scene, Scenes
from training.evaluate import fit_temperature, run_encoder, score_ferplus
from training.export import export_pair
from training.export_detector import export as export_detector
from training.nets.detector import FaceNet
from training.nets.emotion import EmotionNet
from training.nets.encoder import FaceEncoder
from training.score_models import framed_logits, score_held_out
from training.synthesis.generate import generate
from training.synthesis.stand_in import make_model
from training.tasks.detector import DetectorTask, fitted
from training.tasks.distil import DistilTask, TaughtEncoder
from training.tasks.emotion import EmotionTask
from training.tasks.encoder import EncoderTask, EncoderWeights, EncoderWithVotes
from training.tasks.taught import LessonWeights, ask
from training.train import Schedule, fit

RENDERS = 200
SOURCE = {"trained_on": ["a stand-in head of simple shapes; for tests only"], "teachers": []}


def votes_from(faces: FaceSet) -> FerPlus:
    """Make up votes: happiness where AU12 is strong, surprise where AU1 is, else neutral."""
    smile = faces.au[:, AU_SIDE_LABELS.index("AU12_L")] > 2
    raised = faces.au[:, AU_SIDE_LABELS.index("AU01_L")] > 2
    chosen = np.where(smile, 1, np.where(raised, 2, 0))
    target = np.full((len(faces), 8), 0.02, np.float32)
    target[np.arange(len(faces)), chosen] = 0.86
    images = faces.faces[:, 16:112, 16:112].reshape(-1, 48, 2, 48, 2).mean((2, 4))
    return FerPlus(images.astype(np.uint8), target, chosen, np.arange(len(faces)))


def encoder_and_head(
    faces: FaceSet, held: FaceSet, renders: Renders, runs: Path, models: Path
) -> dict[str, object]:
    """Train teachers, then encoder and head with their lessons; export, score, describe."""
    votes = votes_from(faces)
    torch.manual_seed(1)
    teacher = EmotionNet((8, 12, 12, 16, 16, 24), squeeze=8)
    schedule = Schedule(2, 20, 3e-3, average=0.9)
    task = EmotionTask(teacher, votes, votes_from(held), regularised=True)
    fit(task, schedule, runs / "emotion_teacher")
    lessons = ask([teacher], votes.images)
    voted = replace(faces, emotion=votes.target, key=np.arange(len(faces)))
    weights = EncoderWeights(correlation=0.5, ranking=0.1)
    torch.manual_seed(2)
    large = EncoderWithVotes(FaceEncoder((8, 12, 24, 32), squeeze=12))
    first = EncoderTask(large, [(voted, 1.0)], {}, length=160, weights=weights)
    fit(first, Schedule(2, 20, 2e-3), runs / "teacher")
    model = TaughtEncoder(EncoderWithVotes(FaceEncoder((8, 8, 16, 24), squeeze=8)), 8, 12)
    both = DistilTask(
        model, [(voted, 1.0)], {"held": held}, length=160, weights=weights, lessons=lessons,
        parts=LessonWeights(logits=0.5, au=0.2, features=1.0), teacher=large,
    )  # fmt: skip
    fit(both, Schedule(2, 20, 2e-3), runs / "encoder")
    export_pair(model, models)
    provisional_cards(models, SOURCE)
    outputs = run_encoder(models / "face_encoder.onnx", held.faces)
    scores = score_held_out(outputs, renders)
    encoder_card(models, {"stand_in": scores}, SOURCE)
    logits = framed_logits(models, votes.images)
    temperature = fit_temperature(logits, votes.target)
    found = score_ferplus(framed_logits(models, votes_from(held).images), votes_from(held),
                          temperature)  # fmt: skip
    emotion_card(models, {"made_up_votes": found}, temperature, SOURCE)
    return {"encoder": scores, "emotion": found}


def detector(faces: FaceSet, runs: Path, models: Path) -> None:
    """Train the detector on pasted faces, export, describe."""
    torch.manual_seed(3)
    points = five_points(faces.landmarks)
    low, high = faces.landmarks.min(1), faces.landmarks.max(1)
    boxes = np.concatenate([low, high], 1).astype(np.float32)
    random = np.random.default_rng(3)
    people = tuple(
        Scene(face, box[None], point[None], np.ones(1, bool))
        for face, box, point in zip(faces.faces, boxes, points, strict=True)
    )
    nothing = np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, bool)
    empty = tuple(
        Scene(random.integers(0, 255, (160, 200), dtype=np.uint8), *nothing) for _ in range(8)
    )
    net = FaceNet()
    scenes = Scenes(people, empty)
    pasted = pasted_from(faces.faces, boxes, points)
    task = DetectorTask(net, scenes, [fitted(scene) for scene in people[:4]], pasted, length=16)
    fit(task, Schedule(1, 8, 2e-3), runs / "detector")
    export_detector(net, models / "face_detector.onnx")
    detector_card(models, {"stand_in": "not scored"}, {"score_threshold": 0.5})


def main() -> None:
    """Run the chain and load its models as the agent does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/tiny"))
    out = parser.parse_args().out
    started = time.monotonic()
    models, runs = out / "models", out / "runs"
    models.mkdir(parents=True, exist_ok=True)
    head = out / "stand_in.npz"
    np.savez(head, **make_model())
    generate(head, out / "renders", count=RENDERS, seed=1, workers=1)
    train, held = (load_renders(out / "renders", held_out=half) for half in (False, True))
    faces, others = from_renders(train), from_renders(held)
    report = encoder_and_head(faces, others, held, runs, models)
    detector(faces, runs, models)
    from agent.inference.backend import load_backend

    backend = load_backend(models, heads=frozenset(Head))
    (out / "report.json").write_text(json.dumps(report, indent=1), "utf-8")
    print(f"{', '.join(backend.models)}: loaded; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
