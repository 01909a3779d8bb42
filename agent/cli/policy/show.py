"""`omokage policy show`: the policy as plain sentences."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import site_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.domain.policy import Policy
    from agent.domain.sentences import Section

_WIDEST = 96
"""Columns; longer lines are hard to read."""


def preferred_language() -> str:
    """Return the language that the terminal is set to: Japanese, or English for all others."""
    names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "ja" if next(filter(None, names), "").lower().startswith("ja") else "en"


@click.command()
@site_option
@click.option(
    "--language",
    type=click.Choice(["ja", "en"]),
    default=preferred_language,
    show_default="the terminal's",
    help="Language of the sentences.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="For the terminal, for a document, or for a program.",
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def show(site: Path, language: str, form: str, file: Path | None) -> None:
    """Say in plain sentences what a policy means: the site's own, or FILE."""
    from agent.config.policy_file import load_policy
    from agent.config.profiles import load_profile
    from agent.config.site import Site
    from agent.config.words import load_words
    from agent.domain.sentences import sentences

    policy = load_policy(file or Site(site).policy)
    profile = load_profile(policy.jurisdiction)
    sections = sentences(policy, profile, load_words(language))
    click.echo(_FORMS[form](policy, sections, language))


def _text(policy: Policy, sections: tuple[Section, ...], _language: str) -> str:
    from agent.cli.wide import width, wrap

    columns = min(_WIDEST, shutil.get_terminal_size((80, 24)).columns)
    title = wrap(policy.site, columns)
    lines = [*title, "=" * max(width(line) for line in title)]
    for section in sections:
        lines += ["", section.title, "-" * width(section.title)]
        for sentence in section.sentences:
            lines += wrap(sentence, columns, first="- ", rest="  ")
    return "\n".join(lines)


def _markdown(policy: Policy, sections: tuple[Section, ...], _language: str) -> str:
    from agent.cli.wide import printable

    lines = [f"# {_escaped(printable(policy.site))}"]
    for section in sections:
        lines += ["", f"## {section.title}", ""]
        lines += [f"- {_escaped(printable(sentence))}" for sentence in section.sentences]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    r"""Return a text in which nothing is markup: `<b>` and `*` stay what they are."""
    flat = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|" else c for c in flat)


def _json(policy: Policy, sections: tuple[Section, ...], language: str) -> str:
    told = [
        {"id": section.id, "title": section.title, "sentences": section.sentences}
        for section in sections
    ]
    whole = {"site": policy.site, "language": language, "digest": policy.digest, "sections": told}
    return json.dumps(whole, ensure_ascii=False, indent=2)


_FORMS: dict[str, Callable[[Policy, tuple[Section, ...], str], str]] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
}
