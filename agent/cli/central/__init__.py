"""`omokage central`: the database in which the numbers of many sites meet."""

from __future__ import annotations

import click

from agent.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "prepare": ("agent.cli.central.setup:prepare", "Make tables, roles and rules."),
    "add": ("agent.cli.central.setup:add", "Register a site for a role of the database."),
    "list": ("agent.cli.central.setup:list_sites", "Say which sites there are, and since when."),
    "remove": ("agent.cli.central.setup:remove", "Delete a site with all its numbers."),
    "purge": ("agent.cli.central.setup:purge", "Delete what is due, of every site."),
}
"""Name: where the command lives, and what it does."""


@click.group(cls=LazyGroup, table=COMMANDS)
def central() -> None:
    """The central database, for whoever looks after it; sites send with `omokage sync`."""
