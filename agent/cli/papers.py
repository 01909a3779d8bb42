"""Let another process make a paper: what writes PDF is never loaded into the agent's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

LANGUAGES = ("ja", "en", "both")


def make_paper(name: str, /, *, facts: str = "", **options: object) -> None:
    """Run `python -m dashboard.documents NAME`; end with its exit code where it refuses.

    Args:
        name: which paper.
        facts: JSON for its standard input.
        options: what follows as `--name value`.
    """
    # -P keeps the folder where the command was started out of the module path: a folder
    # `dashboard` that happens to lie there would be run instead of ours.
    command = [sys.executable, "-P", "-m", "dashboard.documents", name]
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    done = subprocess.run(command, input=facts, text=True, encoding="utf-8", check=False)  # noqa: S603  # our own argv
    if done.returncode:
        click.get_current_context().exit(done.returncode)


def chosen_format(out: Path, form: str | None, among: tuple[str, ...]) -> str:
    """Return the format that was asked for, or that the file's name says.

    Raises:
        click.UsageError: neither says one.
    """
    named = {".htm": "html", ".html": "html", ".pdf": "pdf", ".md": "markdown"}
    found = form or named.get(out.suffix.lower())
    if found not in among:
        raise click.UsageError(f"say --format: one of {', '.join(among)}")
    return found
