"""`omokage report`: what a trial at one site found, for the people who decide about it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from agent.cli.options import models_option, site_option
from agent.cli.papers import LANGUAGES, chosen_format

FORMATS = ("html", "pdf")
DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@site_option
@models_option
@click.option("--since", type=DAY, metavar="DAY", help="First day; by default the oldest kept.")
@click.option("--until", type=DAY, metavar="DAY", help="Last day; by default the newest.")
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="both",
    show_default=True,
    help="Japanese, English, or one after the other.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    show_default="by the file's name",
    help="For a printer, or for a screen.",
)
@click.option("--no-measure", is_flag=True, help="Don't measure this PC's speed.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write."
)
def report(  # noqa: PLR0913  (one parameter an option)
    site: Path,
    models: Path,
    since: datetime | None,
    until: datetime | None,
    language: str,
    form: str | None,
    no_measure: bool,
    out: Path,
) -> None:
    """Write the report of a trial: what could be seen, how well, how fast, and the limits.

    It reads released numbers, the access log and the models' cards; no key is needed.
    """
    from agent.cli.report_speed import machine, measure

    form = chosen_format(out, form, FORMATS)
    if since and until and until < since:
        raise click.UsageError("--until lies before --since")
    facts: dict[str, Any] = machine() if no_measure else measure(models)
    facts["omokage"] = _version()
    command = [
        sys.executable, "-P", "-m", "dashboard.report", "--site", str(site.resolve()),
        "--models", str(models.resolve()), "--language", language, "--format", form,
        "--out", str(out),
    ]  # fmt: skip
    for name, day in (("since", since), ("until", until)):
        if day is not None:
            command += [f"--{name}", day.date().isoformat()]
    # A process of its own: what writes PDF is never loaded where pixels are.
    done = subprocess.run(  # noqa: S603  (our own argv)
        command, input=json.dumps(facts), text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        click.get_current_context().exit(done.returncode)
    click.echo(f"{out}: read the limits on its last pages before you hand it on.")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("omokage")
    except PackageNotFoundError:
        return "?"
