"""`omokage policy evidence`: checklists that a site fills in to show that it keeps to a norm."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.options import site_option
from agent.cli.papers import LANGUAGES, chosen_format, make_paper

FORMATS = ("html", "pdf", "markdown")
KINDS = ("guidebook", "dpia")


@click.command()
@site_option
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    required=True,
    help="Japanese guidebook for camera pictures, or GDPR impact assessment.",
)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="both",
    show_default=True,
    help="Japanese, English, or both one after the other.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    show_default="by the file's name",
    help="For a printer, a website or a wiki.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write."
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def evidence(
    site: Path, kind: str, language: str, form: str | None, out: Path, file: Path | None
) -> None:
    """Fill in a checklist as far as the policy knows: the site's own, or FILE. Not legal advice."""
    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.config.site import Site
    from agent.domain.policy import local_day

    form = chosen_format(out, form, FORMATS)
    path = file or Site(site).policy
    today = local_day(load_policy(path), SystemClock().now())
    make_paper(
        "evidence", policy=path, date=today, kind=kind, language=language, format=form, out=out
    )
    click.echo(f"{out}: filled in as far as the policy knows; the rest is for people.")
