"""`omokage policy notice`: the notice that hangs where a camera looks."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.options import site_option
from agent.cli.papers import LANGUAGES, chosen_format, make_paper

FORMATS = ("html", "pdf")


@click.command()
@site_option
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="both",
    show_default=True,
    help="Japanese, English, or a sheet of each.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    show_default="by the file's name",
    help="For a printer, or for a website.",
)
@click.option(
    "--paper", type=click.Choice(["a4", "a3"]), default="a4", show_default=True, help="Size."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write."
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def notice(
    site: Path, language: str, form: str | None, paper: str, out: Path, file: Path | None
) -> None:
    """Draw the notice of a policy: the site's own, or FILE's."""
    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.config.site import Site
    from agent.domain.policy import local_day

    form = chosen_format(out, form, FORMATS)
    path = file or Site(site).policy
    today = local_day(load_policy(path), SystemClock().now())
    make_paper(
        "notice", policy=path, date=today, language=language, format=form, paper=paper, out=out
    )
    click.echo(f"{out}: read it before you hang it up; it says what the policy says.")
