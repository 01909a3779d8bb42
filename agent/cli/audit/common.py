"""What the commands on the access log share. Imports nothing heavy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agent.audit.lines import as_dict
from agent.cli.wide import printable, width
from agent.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = TypeVar("Command", bound=Callable[..., Any])

__all__ = ["ERASED", "as_dict", "as_utc", "pad", "period_options", "plain", "require_log"]

SPELLINGS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
ERASED = "(erased)"


def period_options(command: Command) -> Command:
    """Add `--since` and `--until`, in UTC."""
    since = "Only entries from this instant on (UTC): 2026-11-25 or 2026-11-25T10:00."
    until = "Only entries before this instant (UTC)."
    for name, text in (("--until", until), ("--since", since)):
        command = click.option(name, type=click.DateTime(SPELLINGS), help=text)(command)
    return command


def as_utc(given: datetime | None) -> datetime | None:
    """Return what an option of `period_options` means."""
    return None if given is None else given.replace(tzinfo=UTC)


def require_log(path: Path) -> None:
    """Refuse where there is no log.

    Raises:
        ConfigError: it isn't there.
    """
    if not path.exists():
        raise ConfigError(
            f"there is no access log in {path.parent.parent}",
            advice="The agent makes one when it starts first; or name another folder with --site.",
        )


def plain(text: str) -> str:
    """Return a text that can't move a terminal's cursor, on one line."""
    return printable(text).replace("\n", " ")


def pad(text: str, columns: int) -> str:
    """Fill a text up to so many columns."""
    return text + " " * (columns - width(text))
