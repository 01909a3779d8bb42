"""`omokage calibrate apply`, `undo`, `reset`: logged first, then written, and never for good."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.calibrate.show import describe, read_reviews, sentence
from agent.cli.options import site_option
from agent.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from agent.config.site import Site
    from agent.domain.calibration import Step
    from agent.evaluation.proposal import Change

EXIT_CODES = """\b
Exit codes:
  0  done, or there was nothing to do
  2  an option is wrong, nobody agreed, or the calibration's file can't be understood
  7  the reviews, the access log or the disk refuse; nothing was changed"""
LONGEST_REASON = 200

reason_option = click.option("--reason", required=True, help="Why; written into the access log.")
yes_option = click.option("--yes", is_flag=True, help="Agree without being asked.")


@click.command(epilog=EXIT_CODES)
@site_option
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Take over this change alone: an AU's label, or class. Repeat it for several.",
)
@reason_option
@yes_option
def apply(site: Path, only: tuple[str, ...], reason: str, yes: bool) -> None:
    """Take over what the reviews propose now; a person reads it and agrees first."""
    from agent.cli.pause import existing_site
    from agent.clock import SystemClock
    from agent.config.calibration_file import read_steps
    from agent.config.site import Site
    from agent.domain.calibration import Step, present
    from agent.evaluation.proposal import applied, newest_models, propose

    place = existing_site(Site(site))
    steps = read_steps(place.calibration)
    reviews = read_reviews(place)
    changes = _chosen(propose(reviews, steps), only)
    if not changes:
        click.echo("The reviews propose nothing; nothing was changed.")
        return
    for change in changes:
        click.echo(describe(change))
    _agree(yes)
    wanted = applied(present(steps), changes, newest_models(reviews))
    clips = max(change.clips for change in changes)
    step = Step(SystemClock().now().replace(microsecond=0), wanted, clips)
    put_in_force(place, [*steps, step], "apply", reason)


@click.command(epilog=EXIT_CODES)
@site_option
@reason_option
def undo(site: Path, reason: str) -> None:
    """Take the last step back: what held before it holds again."""
    from agent.cli.pause import existing_site
    from agent.config.calibration_file import read_steps
    from agent.config.site import Site

    place = existing_site(Site(site))
    steps = read_steps(place.calibration)
    if not steps:
        click.echo("Nothing was ever changed; there is nothing to take back.")
        return
    put_in_force(place, steps[:-1], "undo", reason)


@click.command(epilog=EXIT_CODES)
@site_option
@reason_option
def reset(site: Path, reason: str) -> None:
    """Go back to the models' own thresholds; works on a damaged file, too."""
    from agent.cli.pause import existing_site
    from agent.clock import SystemClock
    from agent.config.calibration_file import read_steps
    from agent.config.site import Site
    from agent.domain.calibration import SHIPPED, Step

    place = existing_site(Site(site))
    try:
        steps = read_steps(place.calibration)
    except ConfigError:
        steps = []
    now = SystemClock().now().replace(microsecond=0)
    put_in_force(place, [*steps, Step(now, SHIPPED, 0)], "reset", reason)


def _chosen(changes: Sequence[Change], only: tuple[str, ...]) -> list[Change]:
    names = {change.name for change in changes}
    if missing := [name for name in only if name not in names]:
        raise ConfigError(
            f"the reviews propose no change of {missing[0]}",
            advice=f"They propose: {', '.join(sorted(names)) or 'nothing'}.",
        )
    return [change for change in changes if not only or change.name in only]


def _agree(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("nobody is here to agree", advice="If it is meant, add --yes.")
    click.confirm("Numbers before and after can't be compared. Put this in force?", abort=True)


def put_in_force(place: Site, steps: Sequence[Step], purpose: str, reason: str) -> None:
    """Write down what will hold, then let it hold.

    Raises:
        ConfigError: the reason is missing or too long.
        StoreError: the log or the disk refuses; nothing was changed.
    """
    from agent.cli.who import operator
    from agent.clock import SystemClock
    from agent.config.calibration_file import write_steps
    from agent.domain.access import AccessEvent, Action, Decision, Role
    from agent.domain.calibration import present
    from agent.store.access_log import AccessLog

    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise ConfigError(f"--reason holds 1 to {LONGEST_REASON} characters")
    wanted = present(steps)
    event = AccessEvent(
        SystemClock().now(), operator(), Role.OPERATOR, Action.CALIBRATED, purpose,
        (wanted.name,), counts={"steps": len(steps), "thresholds": len(wanted.thresholds)},
        note=reason,
    )  # fmt: skip
    with closing(AccessLog(place.access_log)) as log:
        log.record(event)
        try:
            write_steps(place.calibration, steps)
        except StoreError:
            log.record(replace(event, decision=Decision.REFUSED))
            raise
    click.echo(f"in force  {sentence(wanted)}")
    click.echo("A running agent takes it up when the next time bucket begins.")
