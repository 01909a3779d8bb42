"""`omokage policy`: a site's rules, what they mean, and what they delete."""

from __future__ import annotations

import click

from agent.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("agent.cli.policy.check:check", "Say whether a policy may be used, line by line."),
    "show": ("agent.cli.policy.show:show", "Say in plain sentences what a policy means."),
}
"""Name: where the command lives, and what it does."""


@click.group(cls=LazyGroup, table=COMMANDS)
def policy() -> None:
    """The site's rules: check them, read them as sentences, see and do what they delete."""
