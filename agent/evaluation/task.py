"""What every task is given: the weights, the baselines, what to score, whom to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agent.clock import Clock, SystemClock
from agent.evaluation.classifiers import MiniXception
from agent.evaluation.seen import AUTO
from agent.evaluation.tools import MediaPipeTool, OwnTool, Progress, silent


@dataclass(frozen=True, slots=True)
class Setup:
    """One run of one task.

    Attributes:
        own: the shipped weights.
        mediapipe: the baseline, where asked for.
        classifiers: emotion baselines.
        reference: YuNet's file, for sets without boxes.
        labels: a file of labels that isn't in the set's folder.
        negatives: more pictures without any face.
        persons: `auto`, `held-out` or `all`.
        fold: of a set with published folds; 0 takes all of it.
        part: of a set in parts; empty takes the one that is usually scored.
        progress: hears how far it is.
        clock: measures how long a look takes.
    """

    own: OwnTool
    mediapipe: MediaPipeTool | None = None
    classifiers: tuple[MiniXception, ...] = ()
    reference: Path | None = None
    labels: Path | None = None
    negatives: Path | None = None
    persons: str = AUTO
    fold: int = 0
    part: str = ""
    progress: Progress = silent
    clock: Clock = field(default_factory=SystemClock)
