"""Train the face detector: `python -m training.run_detector --pack DIR --out DIR`.

`training.pack_detector` makes the folder that it reads. On a GPU the net learns there while
`--workers` processes draw samples. With `--minutes` the number of samples is what fits into that
time, measured at the start; it is written to `plan.json`, so that a run that was killed goes on
with the same plan. The last epoch's averaged weights are the model.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from dataclasses import replace
from pathlib import Path

import cv2
import torch

from training.data import scenes
from training.data.crew import shared
from training.nets.detector import FaceNet
from training.pack_detector import packed_faces
from training.tasks.detector import DetectorTask, crew_of, fitted
from training.train import Schedule, best_device, fit, prefetched

TRIAL_SECONDS, KEPT_WARM = 10.0, 8
"""How long a trial measures what a step costs, after twice so many steps to warm up."""

SCORING_SHARE = 0.08
"""Of the time, left for scoring and for epochs' starts."""


def measured(task: DetectorTask, batch: int) -> float:
    """Learn for a moment, forget it, and return how many steps a second that were."""
    device = next(task.model.parameters()).device
    state = {key: value.clone() for key, value in task.model.state_dict().items()}
    optimiser = torch.optim.SGD(task.model.parameters(), 0.0)
    task.model.train()
    task.length = batch * 100_000
    begun, counted = time.monotonic(), 0
    for number, arrays in enumerate(prefetched(task.batches(batch, seed=0))):
        with torch.autocast(device.type, torch.bfloat16):
            loss = task.loss(tuple(part.to(device) for part in arrays))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if number < 2 * KEPT_WARM:
            begun = time.monotonic()  # the first steps wait for processes and kernels
            continue
        counted += 1
        if time.monotonic() - begun > TRIAL_SECONDS:
            break
    task.model.load_state_dict(state)
    return counted / (time.monotonic() - begun)


def samples_in(minutes: float, task: DetectorTask, epochs: int, batch: int, out: Path) -> int:
    """Say how many samples an epoch may have so that all epochs take `minutes`."""
    plan = out / "plan.json"
    if plan.exists():
        return int(json.loads(plan.read_text("utf-8"))["samples"])
    rate = measured(task, batch)
    seconds = 60 * minutes * (1 - SCORING_SHARE) / epochs
    samples = max(batch, math.floor(rate * seconds) * batch)
    out.mkdir(parents=True, exist_ok=True)
    plan.write_text(json.dumps({"samples": samples, "steps_a_second": rate}), "utf-8")
    return samples


def main() -> None:
    """Train with the given length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--samples", type=int, default=6400, help="samples per epoch")
    parser.add_argument("--minutes", type=float, help="instead of --samples: for all epochs")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--reuse", type=int, default=1, help="how often a sample is learned")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    train, held = scenes.load(arguments.pack / "scenes")
    train = replace(train, odds=shared((len(train.empty),), "float64"))
    train.odds[:] = 1
    faces = packed_faces(arguments.pack)
    with crew_of(train, faces, arguments.batch, arguments.workers) as crew:
        valid = [fitted(scene) for scene in (*held.people, *held.empty)]
        torch.manual_seed(1)
        net = FaceNet().to(best_device(), memory_format=torch.channels_last)
        task = DetectorTask(
            net, train, valid, faces, arguments.samples, crew=crew, reuse=arguments.reuse
        )
        if arguments.minutes:
            task.length = samples_in(
                arguments.minutes, task, arguments.epochs, arguments.batch, arguments.out
            )
        print(f"{arguments.epochs} epochs of {task.length} samples", flush=True)
        schedule = Schedule(arguments.epochs, arguments.batch, arguments.rate, average=0.999)
        print(fit(task, schedule, arguments.out), flush=True)


if __name__ == "__main__":
    main()
