"""The one training loop: AdamW, one-cycle rate, bfloat16, a checkpoint per epoch.

A run can be killed at any time: it continues from `checkpoint.pt` in its folder, with the
schedule, the optimiser and the epoch's random seed as they were. Selection by validation score
is *not* done here: the last epoch is the model, so that a reported part is never chosen on.

With `Schedule.average` the model that is scored and kept is a running average of the weights
(Polyak & Juditsky 1992); the raw weights go on learning beside it. The loop runs on the device
that the model's weights are on.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

Batch = tuple[Tensor, ...]


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
    average: float = 0.0
    """How much of the averaged weights a step keeps, e.g. 0.999; 0 keeps no average."""


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
    average = Average(task.model, schedule.average) if schedule.average else None
    run = Run(task.model, optimiser, rate, average)
    first, scores = _resume(folder, run)
    for epoch in range(first, schedule.epochs):
        started = time.monotonic()
        mean_loss = _epoch(task, schedule, epoch, run)
        with averaged(task.model, average):
            scores = task.scores()
        line = {"epoch": epoch + 1, "loss": mean_loss, "seconds": time.monotonic() - started}
        rounded = {key: round(float(value), 4) for key, value in {**line, **scores}.items()}
        print(json.dumps(rounded), flush=True)
        _save(folder, run, epoch + 1, scores)
    return scores


def _epoch(task: Task, schedule: Schedule, epoch: int, run: Run) -> float:
    task.model.train()
    seed = schedule.seed * 1000 + epoch
    torch.manual_seed(seed)
    device = device_of(task.model)
    batches = task.batches(schedule.batch, seed)
    # A GPU makes its own batches; a thread that launches beside this one would only get in its way.
    ready = prefetched(batches) if device.type == "cpu" else batches
    total, count = torch.zeros((), device=device), 0
    for batch in ready:
        with torch.autocast(device.type, torch.bfloat16):
            loss = task.loss(tuple(part.to(device) for part in batch))
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(task.model.parameters(), 5.0)
        run.optimiser.step()
        run.rate.step()
        if run.average is not None:
            run.average.follow(task.model)
        # Not read before the epoch's end: that would make a GPU wait at each step.
        total, count = total + loss.detach(), count + 1
    return float(total) / max(count, 1)


def prefetched(batches: Iterator[Batch], depth: int = 3) -> Iterator[Batch]:
    """Yield the same batches, made ahead in a thread: augmentation runs beside the training step.

    What the maker raises is raised here; a consumer that stops early ends the thread.
    """
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: Batch | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.5)
            except queue.Full:
                continue
            return

    def make() -> None:
        try:
            for batch in batches:
                put(batch)
                if stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - handed on to the consumer, whatever it is
            put(error)
        put(None)

    maker = threading.Thread(target=make, daemon=True)
    maker.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        maker.join()


def device_of(model: nn.Module) -> torch.device:
    """Tell where a model's weights are."""
    return next(model.parameters()).device


def best_device() -> torch.device:
    """Choose the first GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Average:
    """A running average of a model's weights and of its batch norms' statistics."""

    def __init__(self, model: nn.Module, keep: float) -> None:
        self._keep = keep
        self._steps = 0
        self.state = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def follow(self, model: nn.Module) -> None:
        """Move the average towards the model; early on faster, so that the start is forgotten."""
        self._steps += 1
        keep = min(self._keep, self._steps / (self._steps + 10.0))
        state = model.state_dict()
        floats = [key for key, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_(  # the optimisers' own primitive; a loop is slow
            [self.state[key] for key in floats], [state[key] for key in floats], 1.0 - keep
        )
        for key in state.keys() - set(floats):
            self.state[key].copy_(state[key])

    def saved(self) -> dict[str, object]:
        """Return what a checkpoint needs."""
        return {"state": self.state, "steps": self._steps}

    def load(self, saved: dict[str, object]) -> None:
        """Continue from `saved`."""
        self.state = dict(saved["state"])  # type: ignore[call-overload]
        self._steps = int(saved["steps"])  # type: ignore[call-overload]


@contextmanager
def averaged(model: nn.Module, average: Average | None) -> Iterator[None]:
    """Let a model carry its averaged weights for a while."""
    if average is None:
        yield
        return
    raw = {k: v.detach().clone() for k, v in model.state_dict().items()}
    model.load_state_dict(average.state)
    try:
        yield
    finally:
        model.load_state_dict(raw)


@dataclass(frozen=True, slots=True)
class Run:
    """What a checkpoint holds."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    rate: torch.optim.lr_scheduler.LRScheduler
    average: Average | None


def _resume(folder: Path, run: Run) -> tuple[int, dict[str, float]]:
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0, {}
    saved = torch.load(path, weights_only=True, map_location=device_of(run.model))
    run.model.load_state_dict(saved["model"])
    run.optimiser.load_state_dict(saved["optimiser"])
    run.rate.load_state_dict(saved["rate"])
    if run.average is not None:
        run.average.load(saved["average"])
    return int(saved["epoch"]), dict(saved["scores"])


def _save(folder: Path, run: Run, epoch: int, scores: dict[str, float]) -> None:
    state = {
        "model": run.model.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "rate": run.rate.state_dict(),
        "epoch": epoch,
        "scores": scores,
    }
    if run.average is not None:
        state["average"] = run.average.saved()
    partial = folder / "checkpoint.part"
    torch.save(state, partial)
    partial.replace(folder / "checkpoint.pt")  # a kill never leaves half a checkpoint


def kept_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Read a finished run's model: the averaged weights where the run kept them."""
    saved = torch.load(folder / "checkpoint.pt", weights_only=True, map_location="cpu")
    return dict(saved["average"]["state"] if "average" in saved else saved["model"])
