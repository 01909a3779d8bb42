"""`omokage evaluate`: how good the shipped models are, beside a baseline, on data that you name."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import models_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.evaluation.report import Report
    from agent.evaluation.task import Setup

    Option = Callable[[Callable[..., Any]], Callable[..., Any]]

MEDIAPIPE = "mediapipe"

_FILE = click.Path(path_type=Path, dir_okay=False)

TASKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ferplus": ("Expression categories, calibration and AUs by class on FER+.", ()),
    "london": ("AU12 and AU6 on pairs of a neutral and a smiling face.", ()),
    "landmarks": (
        "Landmarks and head pose on crops of one face.", ("labels", "persons"),
    ),
    "detector": (
        "Faces found, missed and made up.", ("negatives", "persons"),
    ),
    "synthetic": ("AUs, landmarks and angles on renders.", ("persons",)),
    "clips": ("Faces lost or swapped, trembling, delay and speed on clips.", ()),
    "disfa": ("AU intensity on DISFA.", ("fold",)),
    "disfaplus": ("AU intensity on DISFA+.", ("fold",)),
    "bp4d": ("AU presence on BP4D.", ("fold",)),
    "affectnet": ("Expression categories, valence and arousal on AffectNet.",
                  ("part",)),
    "rafdb": ("Expression categories on RAF-DB.", ("part",)),
    "pictures": ("Expression categories on your own pictures, a folder per class.", ()),
    "codes": ("AU intensity on your own pictures, coded in a table.", ()),
}  # fmt: skip
"""Name: what it answers, and which options it has beside the common ones."""

PARTS = {"detector": "face detector", "encoder": "face encoder", "emotion": "emotion head"}
"""Models that a file may stand in for."""

CLASSIFIED = {"ferplus", "affectnet", "rafdb", "pictures"}
"""Tasks whose baseline file is an emotion classifier."""
UNNAMED = {"affectnet", "rafdb", "pictures"}
"""Tasks that are about categories alone, which MediaPipe doesn't name."""
BOXED = {"detector", "clips"}
"""Tasks whose baseline file is YuNet."""


def _choices(task: str) -> str:
    """Name what may stand after `--baseline`."""
    names = [] if task in UNNAMED else [MEDIAPIPE]
    return "|".join(names + ["FILE.onnx"] * (task in CLASSIFIED | BOXED))


def _baseline(task: str) -> str:
    if task in BOXED:
        return "`mediapipe` to score it beside Omokage; YuNet's file as the reference."
    if task in CLASSIFIED:
        return "Score this beside Omokage; a file is a mini-XCEPTION of 64 x 64. May be repeated."
    return "Score this beside Omokage."


@click.group()
def evaluate() -> None:
    """Score the shipped models on data of yours, beside a baseline.

    PATH is a file or folder in the layout that docs/evaluation.md describes. Nothing is trained or
    chosen here, and no picture is written.
    """
    from agent.cli.shelter import shelter

    shelter()


def _options(task: str) -> Iterator[Option]:
    """Yield the options of a task, the common ones last."""
    wanted = TASKS[task][1]
    yield click.option(
        "--baseline", "baselines", multiple=True, metavar=_choices(task), help=_baseline(task)
    )
    if task not in UNNAMED:
        yield click.option("--task-file", type=_FILE, help="MediaPipe's face_landmarker.task.")
    if "labels" in wanted:
        yield click.option("--labels", type=_FILE, help="What a reference said earlier, .npz.")
    if "negatives" in wanted:
        yield click.option(
            "--negatives", type=click.Path(path_type=Path, file_okay=False),
            help="More pictures without any face.",
        )  # fmt: skip
    if "persons" in wanted:
        yield click.option(
            "--persons", type=click.Choice(["auto", "held-out", "all"]), default="auto",
            show_default=True,
            help="Whom to score: those that training keeps out, or all. `auto` knows the files "
            "that were trained on.",
        )  # fmt: skip
    if "fold" in wanted:
        yield click.option(
            "--fold", type=click.IntRange(min=1), default=None,
            help="Score only the people whom this published fold tests.",
        )  # fmt: skip
    if "part" in wanted:
        yield click.option("--part", metavar="NAME", help="train, valid or test.")
    yield click.option(
        "--json", "json_file", type=_FILE, metavar="OUT", help="Write the scores here too."
    )
    for name, what in PARTS.items():
        if name == "emotion" and task not in CLASSIFIED | {"london"}:
            continue  # fmt: skip
        yield click.option(
            f"--{name}", type=_FILE, help=f"Another {what}: FILE.onnx with its card beside it."
        )
    yield click.option(
        "--threads", type=click.IntRange(min=1, max=64), default=1, show_default=True,
        help="Processor threads for the models.",
    )  # fmt: skip
    yield click.option("--progress/--no-progress", default=True, help="Say on stderr how far.")
    yield models_option


def _command(task: str) -> click.Command:
    """Build one subcommand."""

    @click.argument("path", type=click.Path(path_type=Path))
    def run(**options: Any) -> None:
        _run(task, **options)

    decorated: Callable[..., Any] = run
    for option in reversed(list(_options(task))):
        decorated = option(decorated)
    return click.command(task, help=TASKS[task][0])(decorated)


for _name in TASKS:
    evaluate.add_command(_command(_name))


def _run(task: str, **options: Any) -> None:
    """Score, print, write."""
    from agent.errors import MediaError
    from agent.evaluation.report import check_writable, write_json

    json_file: Path | None = options["json_file"]
    if json_file is not None:
        check_writable(json_file)
    progress = _Progress(shown=bool(options["progress"]))
    try:
        # `.` has no name of its own, and every message names the set.
        path = Path(os.path.normpath(options["path"].absolute()))
        report = _evaluate(task, path, _setup(task, options, progress.show))
    except MediaError as error:
        if error.advice == MediaError.advice:
            error.advice = "docs/evaluation.md describes the layout that each task expects."
        raise
    finally:
        progress.end()
    for line in report.lines():
        click.echo(line)
    if json_file is not None:
        write_json(report.table(_version()), json_file)
        click.echo(f"written: {json_file}", err=True)


def _evaluate(task: str, path: Path, setup: Setup) -> Report:
    from agent.evaluation import (
        actions,
        clips,
        detector,
        expressions,
        ferplus,
        landmarks,
        london,
        synthetic,
    )

    single = {
        "ferplus": ferplus, "london": london, "landmarks": landmarks, "detector": detector,
        "synthetic": synthetic, "clips": clips,
    }  # fmt: skip
    if task in single:
        report: Report = single[task].evaluate(path, setup)
        return report
    if task in actions.SETS:
        return actions.evaluate(task, path, setup)
    return expressions.evaluate(task, path, setup)


def _setup(task: str, options: dict[str, Any], progress: Callable[[str, int, int], None]) -> Setup:
    """Gather what a task needs; baselines are loaded before the first picture."""
    from agent.evaluation.classifiers import MiniXception
    from agent.evaluation.task import Setup
    from agent.evaluation.tools import MediaPipeTool, OwnTool, Weights

    names: tuple[str, ...] = options.get("baselines") or ()
    files = [Path(name) for name in names if name != MEDIAPIPE]
    _check_baselines(task, names, files)
    mediapipe = MediaPipeTool(_task_file(options)) if MEDIAPIPE in names else None
    threads = int(options["threads"])
    weights = Weights(
        options["models"], options["detector"], options["encoder"], options.get("emotion"), threads
    )
    classifiers = [MiniXception(f, threads=threads) for f in files] if task in CLASSIFIED else []
    own = OwnTool(weights)
    own.models("encoder")  # refused now rather than after a minute of reading
    return Setup(
        own,
        mediapipe,
        tuple(classifiers),
        reference=files[0] if task in BOXED and files else None,
        labels=options.get("labels"),
        negatives=options.get("negatives"),
        persons=options.get("persons") or "auto",
        fold=options.get("fold") or 0,
        part=options.get("part") or "",
        progress=progress,
    )


def _task_file(options: dict[str, Any]) -> Path:
    from agent.errors import ConfigError

    found: Path | None = options["task_file"]
    if found is None:
        raise ConfigError(
            "the mediapipe baseline needs its model file",
            advice="Name it with --task-file face_landmarker.task; its wheels carry none.",
        )
    return found


def _check_baselines(task: str, names: tuple[str, ...], files: list[Path]) -> None:
    """Refuse a baseline that the task can't use.

    Raises:
        ConfigError: MediaPipe where categories are asked for, or a file where none is.
    """
    from agent.errors import ConfigError

    if MEDIAPIPE in names and task in UNNAMED:
        raise ConfigError("mediapipe names no expressions, so it is no baseline here")
    if files and task not in CLASSIFIED | BOXED:
        raise ConfigError(f"{task} has one baseline, mediapipe; {files[0].name} can't be used")
    if task in BOXED and len(files) > 1:
        raise ConfigError("only one reference detector can be used")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("omokage")
    except PackageNotFoundError:
        return "(not installed)"


class _Progress:
    """One line on a terminal's stderr, redrawn in place."""

    _STEP = 25
    """Calls between two drawings."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._drawn = False
        self._what = ""

    def show(self, what: str, done: int, of: int) -> None:
        """Say what is being done and how much of it."""
        if not self._shown or (what == self._what and done % self._STEP):
            return
        self._what, self._drawn = what, True
        click.echo(f"\r\033[K{what}: {done} of {of}", nl=False, err=True)

    def end(self) -> None:
        """Clear the line."""
        if self._drawn:
            click.echo("\r\033[K", nl=False, err=True)
