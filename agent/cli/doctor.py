"""`omokage doctor`: is everything as it should be, and if not, what is to be done?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from agent.cli.options import models_option, site_option

if TYPE_CHECKING:
    from pathlib import Path

UNWELL = 13
SIGNS = {"ok": "ok  ", "warn": "WARN", "bad": "BAD "}
EXIT_CODES = f"""\b
Exit codes:
  0   all is well, or there are warnings only
  {UNWELL}  something doesn't work or isn't safe"""


@click.command(epilog=EXIT_CODES)
@site_option
@models_option
@click.option("--no-camera", is_flag=True, help="Don't open a camera, even where no agent runs.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(
    context: click.Context, site: Path, models: Path, no_camera: bool, as_json: bool
) -> None:
    """Look at policy, files, models, keys, clock, data, disk, units, memory, agent and cameras.

    Nothing is changed. A camera is opened for a moment where no agent holds it; its frame is wiped.
    """
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.doctor.finding import Level, worst
    from agent.doctor.judge import overview
    from agent.doctor.look import Doctor

    findings = Doctor(Site(site), models, SystemClock(), cameras=not no_camera).examine()
    if as_json:
        click.echo(json.dumps([finding.to_dict() for finding in findings], indent=1))
    else:
        for finding in findings:
            click.echo(f"{SIGNS[finding.level]}  {finding.about:<8} {finding.says}")
            if finding.advice:
                click.echo(f"{'':15}{finding.advice}")
        click.echo(overview(findings))
    if worst(findings) is Level.BAD:
        context.exit(UNWELL)
