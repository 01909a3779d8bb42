"""The one training loop: AdamW, one-cycle rate, bfloat16, a checkpoint per epoch.

A run can be killed at any time: it continues from `checkpoint.pt` in its folder, with the
schedule, the optimiser and the epoch's random seed as they were. Selection by validation score
is *not* done here: the last epoch is the model, so that a reported part is never chosen on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to learn."""

    epochs: int
    batch: int
    peak_rate: float
    weight_decay: float = 2e-2
    seed: int = 1
    rise: float = 0.3
    """Share of the run in which the rate rises to its peak."""


class Task(Protocol):
    """What the loop needs to know of a task."""

    model: nn.Module

    def steps_per_epoch(self, batch: int) -> int:
        """Count the batches of one epoch."""

    def batches(self, batch: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield one epoch of batches, shuffled by `seed`."""

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Return the scalar to descend."""

    def scores(self) -> dict[str, float]:
        """Score the model on validation data."""


def fit(task: Task, schedule: Schedule, folder: Path) -> dict[str, float]:
    """Train to the schedule's end, resuming if the folder holds a checkpoint.

    Returns:
        The scores after the last epoch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    decayed = [p for p in task.model.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in task.model.parameters() if p.requires_grad and p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": schedule.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ],
        lr=schedule.peak_rate,
    )
    steps = task.steps_per_epoch(schedule.batch)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        schedule.peak_rate,
        total_steps=steps * schedule.epochs + 1,
        pct_start=schedule.rise,
    )
    first, scores = _resume(folder, task.model, optimiser, rate)
    for epoch in range(first, schedule.epochs):
        started = time.monotonic()
        mean_loss = _epoch(task, schedule, epoch, optimiser, rate)
        scores = task.scores()
        line = {"epoch": epoch + 1, "loss": mean_loss, "seconds": time.monotonic() - started}
        rounded = {key: round(float(value), 4) for key, value in {**line, **scores}.items()}
        print(json.dumps(rounded), flush=True)
        _save(folder, task.model, optimiser, rate, epoch + 1, scores)
    return scores


def _epoch(
    task: Task,
    schedule: Schedule,
    epoch: int,
    optimiser: torch.optim.Optimizer,
    rate: torch.optim.lr_scheduler.LRScheduler,
) -> float:
    task.model.train()
    total, count = 0.0, 0
    torch.manual_seed(schedule.seed * 1000 + epoch)
    for batch in task.batches(schedule.batch, schedule.seed * 1000 + epoch):
        with torch.autocast("cpu", torch.bfloat16):
            loss = task.loss(batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(task.model.parameters(), 5.0)
        optimiser.step()
        rate.step()
        total, count = total + float(loss.detach()), count + 1
    return total / max(count, 1)


def _resume(
    folder: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    rate: torch.optim.lr_scheduler.LRScheduler,
) -> tuple[int, dict[str, float]]:
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0, {}
    saved = torch.load(path, weights_only=True)
    model.load_state_dict(saved["model"])
    optimiser.load_state_dict(saved["optimiser"])
    rate.load_state_dict(saved["rate"])
    return int(saved["epoch"]), dict(saved["scores"])


def _save(
    folder: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    rate: torch.optim.lr_scheduler.LRScheduler,
    epoch: int,
    scores: dict[str, float],
) -> None:
    state = {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "rate": rate.state_dict(),
        "epoch": epoch,
        "scores": scores,
    }
    partial = folder / "checkpoint.part"
    torch.save(state, partial)
    partial.replace(folder / "checkpoint.pt")  # a kill never leaves half a checkpoint
