"""What the commands on keys ask and say. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agent.cli.options import HomePath
from agent.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = TypeVar("Command", bound=Callable[..., Any])

_PERSONS = ("First person's passphrase", "Second person's passphrase")
LOSS = (
    "If a passphrase is lost, nobody can recover it, and no record can be opened any more.\n"
    "There is no second key, no back door, and no support that could help."
)


def vault_option(command: Command) -> Command:
    """Add `--vault`: where the private halves lie, if not below the site."""
    return click.option(
        "--vault",
        type=HomePath(),
        envvar="OMOKAGE_VAULT",
        show_envvar=True,
        help="The vault's file; without it, vault/epochs.toml of the site.",
    )(command)


def passphrase_option(command: Command) -> Command:
    """Add `--passphrase-file`, once for each person."""
    return click.option(
        "--passphrase-file",
        "passphrase_files",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Read the passphrase from the first line of a file instead of asking for it; "
        "give it twice for two persons.",
    )(command)


def yes_option(command: Command) -> Command:
    """Add `--yes`: don't ask."""
    return click.option("--yes", is_flag=True, help="Don't ask whether to do it.")(command)


def ask(
    persons: int, files: tuple[Path, ...], *, new: bool = False, option: str = "--passphrase-file"
) -> tuple[str, ...]:
    """Return each person's passphrase, from files or from the terminal.

    Args:
        persons: how many there are, 1 or 2.
        files: instead of asking.
        new: a new passphrase is typed twice.
        option: that the files came from, for the message.

    Raises:
        ConfigError: another number of files than of persons, or one can't be read.
    """
    if files:
        if len(files) != persons:
            raise ConfigError(
                f"{len(files)} passphrase file(s) for {persons} person(s)",
                advice=f"Give {option} once for each person.",
            )
        return tuple(_first_line(file) for file in files)
    titles = ("Passphrase",) if persons == 1 else _PERSONS
    return tuple(_prompt(f"New {title.lower()}" if new else title, new) for title in titles)


def sure(question: str, *, yes: bool) -> None:
    """Go on only if the operator says so; `yes` was said on the command line."""
    if not yes:
        click.confirm(question, abort=True, err=True)


def warn(sentence: str) -> None:
    """Say something that mustn't be overlooked, beside the output."""
    click.echo(f"warning: {sentence}", err=True)


def _prompt(title: str, twice: bool) -> str:
    typed: str = click.prompt(title, hide_input=True, confirmation_prompt=twice, err=True)
    return typed


def _first_line(path: Path) -> str:
    try:
        return path.read_text("utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read the passphrase from {path.name}") from error
