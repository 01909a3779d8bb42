"""`omokage users`: who may sign in to the pages, and as what."""

from __future__ import annotations

import click

from agent.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "add": ("agent.cli.users.change:add", "Make an account."),
    "list": ("agent.cli.users.show:show", "List the accounts."),
    "disable": ("agent.cli.users.change:disable", "Let nobody sign in with an account any more."),
    "enable": ("agent.cli.users.change:enable", "Let an account sign in again."),
    "password": ("agent.cli.users.change:password", "Replace an account's password."),
    "remove": ("agent.cli.users.change:remove", "Forget an account."),
}
"""Name: where the command lives, and what it does."""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    epilog="Each change is written into the access log first; open sessions of a changed account "
    "end within seconds.",
)
def users() -> None:
    """Accounts of the pages. An account opens no record: that takes the reviewer's passphrase."""
