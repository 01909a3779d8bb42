"""`omokage analyze`: pictures, videos and folders to one table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from agent.cli.options import models_option

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from click._termui_impl import ProgressBar

    from agent.analyze import BackendFactory, Progress, Report
    from agent.domain.observation import FaceBackend
    from agent.export.compare import Agreement, Comparison

OWN, MEDIAPIPE = "own", "mediapipe"
BACKENDS = (OWN, MEDIAPIPE)
STEPS = 1000
"""Of the progress bar, per file."""


@click.command(
    epilog="A frame without a face has a row too (success 0). Missing values are empty, never 0. "
    "An interrupted run continues when the same command is given again; files that are done are "
    "skipped. Angles in the table are radians with OpenFace's signs.",
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Table to write: .csv, .parquet or .jsonl.",
)  # fmt: skip
@click.option(
    "--every", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="Look at each N-th frame of a video only.",
)  # fmt: skip
@click.option(
    "--backend", type=click.Choice(BACKENDS), default=OWN, show_default=True,
    help="Who looks at the faces.",
)  # fmt: skip
@click.option(
    "--compare", type=click.Choice(BACKENDS),
    help="Let a second backend look at the same frames and print how the two differ.",
)  # fmt: skip
@click.option(
    "--task-file", type=click.Path(path_type=Path, dir_okay=False),
    help="MediaPipe's face_landmarker.task, for the mediapipe backend.",
)  # fmt: skip
@click.option(
    "--threads", type=click.IntRange(min=1, max=64), default=1, show_default=True,
    help="Processor threads for decoding and for the models.",
)  # fmt: skip
@click.option("--progress/--no-progress", default=True, help="Show a progress bar on stderr.")
@models_option
def analyze(  # noqa: PLR0913  # click hands over one argument per option
    *,
    paths: tuple[Path, ...],
    out: Path,
    every: int,
    backend: str,
    compare: str | None,
    task_file: Path | None,
    threads: int,
    progress: bool,
    models: Path,
) -> None:
    """Turn pictures, videos and folders (PATHS) into a table in OpenFace's column convention."""
    from agent.analyze import Analysis
    from agent.cli.shelter import shelter
    from agent.clock import SystemClock

    shelter()
    names = [backend] if compare in {None, backend} else [backend, str(compare)]
    factories = {name: _factory(name, models, task_file, threads) for name in names}
    with _Display(shown=progress) as display:
        batch = Analysis(
            factories, clock=SystemClock(), every=every, threads=threads, progress=display.show
        )
        report = batch.run(paths, out, settings=_identity(names, models, task_file))
    _print_report(report)
    report.require_complete()


def _factory(name: str, models: Path, task_file: Path | None, threads: int) -> BackendFactory:
    """Return what loads a backend, once the first file needs it."""
    from agent.errors import ConfigError

    if name == MEDIAPIPE and task_file is None:
        raise ConfigError(
            "the mediapipe backend needs its model file",
            advice="Name it with --task-file face_landmarker.task; its wheels carry none.",
        )

    def load(*, still: bool) -> FaceBackend:
        if task_file is not None and name == MEDIAPIPE:
            from agent.inference.mediapipe import load_mediapipe

            return load_mediapipe(task_file, still=still)
        from agent.domain.policy import Head
        from agent.inference.backend import load_backend

        return load_backend(models, heads=frozenset(Head), still=still, threads=threads)

    return load


def _identity(names: list[str], models: Path, task_file: Path | None) -> Mapping[str, str]:
    """Name what the rows depend on, so that a changed model begins the table anew."""
    import hashlib

    files = sorted(models.glob("*.card.toml")) if OWN in names else []
    if MEDIAPIPE in names and task_file is not None and task_file.is_file():
        files.append(task_file)
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return {"models": digest.hexdigest()}


class _Display:
    """A bar over all files on stderr, with the file and its frames beside it."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._bar: ProgressBar[str] | None = None
        self._drawn = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.render_finish()

    def show(self, progress: Progress) -> None:
        """Move on, and say what was wrong with a file that ended in trouble."""
        if progress.outcome is not None and progress.outcome.message:
            start = "\r\033[K" if self._bar is not None else ""
            click.echo(f"{start}error: {progress.outcome.message}", err=True)
        if not self._shown:
            return
        if self._bar is None:
            self._bar = click.progressbar(
                length=progress.files * STEPS,
                item_show_func=lambda text: text,
                show_percent=True,
                file=sys.stderr,
            )
        done = STEPS
        if progress.outcome is None:
            expected = progress.expected or progress.frames
            done = min(STEPS, STEPS * progress.frames // max(1, expected))
        place = progress.index * STEPS + done
        if place == self._drawn:
            return
        self._bar.update(place - self._drawn, _caption(progress))
        self._drawn = place


def _caption(progress: Progress) -> str:
    frames = f"{progress.frames}/{progress.expected}" if progress.expected else progress.frames
    return f"{progress.index + 1}/{progress.files} {progress.source[-40:]} frame {frames}"


def _print_report(report: Report) -> None:
    done = sum(outcome.complete for outcome in report.outcomes)
    frames = sum(outcome.frames for outcome in report.outcomes)
    faces = sum(outcome.faces for outcome in report.outcomes)
    click.echo(f"{done} of {len(report.outcomes)} files, {frames} frames, {faces} faces", err=True)
    if report.resumed:
        click.echo(f"done before and kept: {report.resumed}", err=True)
    if report.resumed == len(report.outcomes):
        again = f"{report.out.name}.manifest.jsonl"
        click.echo(f"nothing was left to do; remove {again} to begin anew", err=True)
    if report.frames and report.seconds > 0:
        rate = report.frames / report.seconds
        click.echo(f"{report.seconds:.1f} s, {rate:.0f} frames a second", err=True)
    click.echo(str(report.out))
    if report.comparison is not None:
        _print_comparison(report.comparison)


def _print_comparison(comparison: Comparison) -> None:
    first, second = comparison.first, comparison.second
    click.echo(
        f"\n{first} against {second} (agreement, not accuracy)\n"
        f"faces: {comparison.both} by both, {comparison.only_first} by {first} alone, "
        f"{comparison.only_second} by {second} alone\n"
        f"{'':8}{'pairs':>8}{'correlation':>13}{'mean abs. difference':>22}"
    )
    for label, agreement in comparison.au.items():
        click.echo(_line(label, agreement, "of 5"))
    for angle, agreement in comparison.pose.items():
        click.echo(_line(angle, agreement, "degrees"))


def _line(name: str, agreement: Agreement, unit: str) -> str:
    r = "-" if agreement.correlation is None else f"{agreement.correlation:.2f}"
    gap = "-" if agreement.mean_abs_diff is None else f"{agreement.mean_abs_diff:.2f} {unit}"
    return f"{name:8}{agreement.pairs:>8}{r:>13}{gap:>22}"
