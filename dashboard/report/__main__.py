"""`python -m dashboard.report`: write one report. Started by `omokage report`; see there.

What was measured on this PC comes as JSON on standard input; the rest is read from the site's
released numbers, its log and the models' cards. It writes the one file that it was told to.
"""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path

import click

from agent.clock import SystemClock
from agent.config.site import Site
from agent.domain.words import LANGUAGES
from agent.errors import AgentError, ConfigError
from dashboard import queries
from dashboard.documents.html import document_html
from dashboard.documents.page import Paper
from dashboard.report.build import build_report
from dashboard.report.facts import collect

_PATH = click.Path(path_type=Path)


def _day(_context: click.Context, _parameter: click.Parameter, text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


@click.command()
@click.option("--site", type=_PATH, required=True)
@click.option("--models", type=_PATH, required=True)
@click.option("--since", callback=_day)
@click.option("--until", callback=_day)
@click.option("--language", type=click.Choice([*LANGUAGES, "both"]), required=True)
@click.option("--format", "form", type=click.Choice(["html", "pdf"]), required=True)
@click.option("--out", type=_PATH, required=True)
def main(
    site: Path,
    models: Path,
    since: date | None,
    until: date | None,
    language: str,
    form: str,
    out: Path,
) -> None:
    """Write one report."""
    os.environ[queries.MODELS_VARIABLE] = str(models)
    facts = collect(Site(site), sys.stdin.read(), SystemClock().now(), since, until)
    languages = tuple(LANGUAGES) if language == "both" else (language,)
    documents = [build_report(facts, code) for code in languages]
    if form == "html":
        content = document_html(documents, Paper.A4).encode()
    else:
        from dashboard.documents.pdf import document_pdf  # noqa: PLC0415  (loads the typesetter)

        content = document_pdf(documents, Paper.A4)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise ConfigError(
            f"can't write {out.name}: {error.strerror}", advice="Choose another place for --out."
        ) from error


def run() -> int:
    """Run the program; say what was refused and what to do about it, and return the exit code."""
    try:
        main(standalone_mode=False)
    except AgentError as error:
        click.echo(f"error: {error}", err=True)
        click.echo(error.advice, err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(run())
