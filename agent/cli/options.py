"""Options that several commands share. Imports nothing heavy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agent.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_SITE = Path("~/.local/share/omokage")
DEFAULT_MODELS = shipped("models")


class HomePath(click.Path):
    """A path in which `~` is the user's home, also where it came from an environment variable."""

    name = "path"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path with `~` spelled out."""
        return Path(os.fsdecode(super().convert(value, param, ctx))).expanduser()


def site_option(command: Command) -> Command:
    """Add `--site`: the folder with the policy, the keys and the state of one site."""
    return click.option(
        "--site",
        type=HomePath(),
        default=DEFAULT_SITE,
        envvar="OMOKAGE_SITE",
        show_default=str(DEFAULT_SITE),
        show_envvar=True,
        help="Folder of this site: policy, keys, state.",
    )(command)


def models_option(command: Command) -> Command:
    """Add `--models`: the folder with the ONNX models and their cards."""
    return click.option(
        "--models",
        type=HomePath(),
        default=DEFAULT_MODELS,
        envvar="OMOKAGE_MODELS",
        show_default="the models that came with Omokage",
        show_envvar=True,
        help="Folder of the models and their cards.",
    )(command)
