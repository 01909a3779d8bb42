"""`omokage keys form`: the paper of the key ceremony."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.keys.asking import vault_option
from agent.cli.options import site_option
from agent.cli.papers import LANGUAGES, chosen_format, make_paper

if TYPE_CHECKING:
    from agent.crypto.paper import PaperForm

FORMATS = ("html", "pdf")


@click.command()
@site_option
@vault_option
@click.option(
    "--persons",
    type=click.IntRange(1, 2),
    show_default="what the vault says",
    help="How many are needed to open records.",
)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="both",
    show_default=True,
    help="Japanese, English, or both one after the other.",
)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), show_default="by the file's name", help="Kind."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write."
)
def form(
    site: Path, vault: Path | None, persons: int | None, language: str, form: str | None, out: Path
) -> None:
    """Print the form on which people write who was there and where the passphrases are.

    It holds public values only; nothing on it opens anything.
    """
    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.config.site import Site
    from agent.crypto.change import KeyPaths
    from agent.crypto.keys import load_public
    from agent.crypto.paper import paper_form

    kind = chosen_format(out, form, FORMATS)
    folder = Site(site)
    paths = KeyPaths.of(folder, vault)
    public = load_public(paths.public)
    needed = persons or _persons(paths.vault)
    values = paper_form(public, persons=needed, now=SystemClock().now())
    name = load_policy(folder.policy).site
    make_paper("keyform", facts=as_json(values, name), language=language, format=kind, out=out)
    click.echo(f"{out}: print it, fill it in by hand, and keep it away from the machine.")


def as_json(values: PaperForm, site: str) -> str:
    """Return the form's printed values as the paper's maker reads them."""
    return json.dumps({"site": site, **asdict(values)}, default=lambda instant: instant.isoformat())


def _persons(vault: Path) -> int:
    from agent.crypto.vault import load_vault
    from agent.errors import ConfigError

    try:
        return load_vault(vault).persons
    except (ConfigError, OSError) as error:
        raise ConfigError(
            "the vault isn't here, so it can't say how many persons are needed",
            advice="Add --persons 1 or --persons 2.",
        ) from error
