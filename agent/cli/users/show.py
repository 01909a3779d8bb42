"""`omokage users list`: the accounts, without anything of their passwords."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from agent.cli.options import site_option
from agent.cli.wide import width

if TYPE_CHECKING:
    from pathlib import Path

    from agent.domain.account import Account


@click.command("list")
@site_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(site: Path, as_json: bool) -> None:
    """List the accounts: name, role, state, last change."""
    from agent.cli.pause import existing_site
    from agent.config.site import Site
    from agent.store.accounts import AccountBook

    accounts = AccountBook(existing_site(Site(site)).accounts).read()
    if as_json:
        click.echo(json.dumps([_row(account) for account in accounts.values()], indent=2))
        return
    if not accounts:
        click.echo("no accounts; make one with `omokage users add NAME --role admin`")
        return
    rows = [_row(account) for account in accounts.values()]
    columns = list(rows[0])
    wide = {name: max(width(name), *(width(row[name]) for row in rows)) for name in columns}
    for row in [{name: name for name in columns}, *rows]:
        click.echo("  ".join(row[name].ljust(wide[name]) for name in columns).rstrip())


def _row(account: Account) -> dict[str, str]:
    return {
        "name": account.user.name,
        "role": account.user.role.value,
        "state": "disabled" if account.disabled else "enabled",
        "changed": f"{account.changed:%Y-%m-%d %H:%M} UTC",
    }
