"""`python -m dashboard.documents`: make one paper. Started by `omokage`; see its commands there.

Everything that it needs comes in as arguments, or as JSON on standard input. It reads the policy
and its profile, writes the one file that it was told to, and opens no connection.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import click

from agent.config.policy_file import load_policy
from agent.config.profiles import load_profile
from agent.domain.words import LANGUAGES
from agent.errors import AgentError, ConfigError
from dashboard.documents.evidence import Kind, build_evidence
from dashboard.documents.html import document_html
from dashboard.documents.keyform import build_key_form, parse_facts
from dashboard.documents.markdown import document_markdown
from dashboard.documents.model import Document
from dashboard.documents.notice import build_notice
from dashboard.documents.notice_html import notice_html
from dashboard.documents.page import Paper

FORMATS = ("html", "pdf", "markdown")
_PATH = click.Path(dir_okay=False, path_type=Path)
_PAPERS = {paper.css.lower(): paper for paper in Paper}


def _common(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option("--out", type=_PATH, required=True)(command)
    command = click.option("--paper", type=click.Choice(list(_PAPERS)), default="a4")(command)
    command = click.option("--format", "form", type=click.Choice(FORMATS), required=True)(command)
    return click.option("--language", type=click.Choice([*LANGUAGES, "both"]), required=True)(
        command
    )


def _day(_context: click.Context, _parameter: click.Parameter, text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a day has no zone


def _languages(language: str) -> tuple[str, ...]:
    return tuple(LANGUAGES) if language == "both" else (language,)


def _write(out: Path, content: bytes) -> None:
    try:
        out.write_bytes(content)
    except OSError as error:
        raise ConfigError(
            f"can't write {out.name}: {error.strerror}", advice="Choose another place for --out."
        ) from error


def draw(documents: list[Document], form: str, paper: Paper) -> bytes:
    """Return documents in one of `FORMATS`."""
    if form == "html":
        return document_html(documents, paper).encode()
    if form == "markdown":
        return document_markdown(documents).encode()
    from dashboard.documents.pdf import document_pdf  # noqa: PLC0415  (loads the typesetter)

    return document_pdf(documents, paper)


@click.group()
def main() -> None:
    """Make one paper."""


@main.command()
@click.option("--policy", type=_PATH, required=True)
@click.option("--date", "issued", callback=_day, required=True)
@_common
def notice(policy: Path, issued: date, language: str, form: str, paper: str, out: Path) -> None:
    """Draw the notice."""
    rules = load_policy(policy)
    profile = load_profile(rules.jurisdiction)
    notices = [build_notice(rules, profile, code, issued) for code in _languages(language)]
    size = _PAPERS[paper]
    if form == "html":
        _write(out, notice_html(notices, size).encode())
        return
    from dashboard.documents.pdf import notice_pdf  # noqa: PLC0415  (loads the typesetter)

    _write(out, notice_pdf(notices, size, issued))


@main.command()
@click.option("--policy", type=_PATH, required=True)
@click.option("--date", "issued", callback=_day, required=True)
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), required=True)
@_common
def evidence(
    policy: Path, issued: date, kind: str, language: str, form: str, paper: str, out: Path
) -> None:
    """Write a checklist."""
    rules = load_policy(policy)
    profile = load_profile(rules.jurisdiction)
    documents = [
        build_evidence(rules, profile, Kind(kind), code, issued) for code in _languages(language)
    ]
    _write(out, draw(documents, form, _PAPERS[paper]))


@main.command()
@_common
def keyform(language: str, form: str, paper: str, out: Path) -> None:
    """Write the form of the key ceremony; its values come as JSON on standard input."""
    facts = parse_facts(sys.stdin.read())
    documents = [build_key_form(facts, code) for code in _languages(language)]
    _write(out, draw(documents, form, _PAPERS[paper]))


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
