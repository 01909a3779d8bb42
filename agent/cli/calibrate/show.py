"""`omokage calibrate show`: what holds at a site, and what its reviews propose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import site_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.config.site import Site
    from agent.domain.calibration import Calibration, Step
    from agent.domain.review import Review
    from agent.evaluation.proposal import Change

EXIT_CODES = """\b
Exit codes:
  0  said
  2  the folder isn't a site, or the calibration's file can't be understood
  7  the reviews can't be read"""


@click.command(epilog=EXIT_CODES)
@site_option
def show(site: Path) -> None:
    """Say which thresholds hold, since when, and which changes the reviews speak for."""
    from agent.cli.pause import existing_site
    from agent.config.calibration_file import read_steps
    from agent.config.site import Site
    from agent.evaluation.proposal import FEWEST_CLIPS, propose

    place = existing_site(Site(site))
    steps = read_steps(place.calibration)
    click.echo("\n".join(describe_steps(steps)))
    changes = propose(read_reviews(place), steps)
    if not changes:
        click.echo(
            "proposed  nothing: the reviews speak for no change "
            f"(at least {FEWEST_CLIPS} random clips are needed)"
        )
        return
    for change in changes:
        click.echo(f"proposed  {describe(change)}")
    click.echo("To take them over: omokage calibrate apply --reason WHY")


def read_reviews(place: Site) -> list[Review]:
    """Return every stored review.

    Raises:
        StoreError: they can't be read.
    """
    from contextlib import closing

    from agent.store.reviews import ReviewReader

    with closing(ReviewReader(place.reviews)) as reader:
        return [stored.review for stored in reader.reviews()]


def describe_steps(steps: Sequence[Step]) -> list[str]:
    """Say what holds, and how it came to that."""
    from agent.domain.calibration import present

    lines = [f"in force  {sentence(present(steps))}"]
    for number, step in enumerate(steps, 1):
        basis = f", {step.clips} clips" if step.clips else ""
        lines.append(
            f"step {number:<4} {step.at:%Y-%m-%d %H:%M} UTC{basis}: {sentence(step.calibration)}"
        )
    return lines


def sentence(calibration: Calibration) -> str:
    """Put a calibration into words."""
    if not calibration.changes:
        return "as shipped"
    parts = [f"{label} from {value:g}" for label, value in sorted(calibration.thresholds.items())]
    if calibration.temperature != 1.0:
        parts.append(f"temperature x {calibration.temperature:g}")
    return f"{', '.join(parts)} ({calibration.name})"


def describe(change: Change) -> str:
    """Put one proposal and its effect into words."""
    from agent.evaluation.proposal import CLASS

    if change.name == CLASS:
        return (
            f"class: temperature x {change.proposed:g} instead of {change.now:g}; mean surprise "
            f"{change.before:.2f} -> {change.after:.2f} nats ({change.clips} clips)"
        )
    return (
        f"{change.name}: present from {change.proposed:g} instead of {change.now:g}; same answer "
        f"as the reviewers {100 * change.before:.0f} % -> {100 * change.after:.0f} % "
        f"({change.clips} clips)"
    )
