"""`omokage central prepare|add|list|remove|purge`, by the database's owner."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import HomePath
from agent.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.store.central import Centre

MOST = timedelta(days=3653)


def owner_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--central`: the file with the owner's address."""
    return click.option(
        "--central",
        "file",
        type=HomePath(),
        required=True,
        envvar="OMOKAGE_CENTRAL",
        show_envvar=True,
        help="TOML file with the address of the central database.",
    )(command)


def _centre(file: Path) -> Centre:
    from agent.store.central import Centre
    from agent.store.central_address import load_address

    return Centre(load_address(file))


@click.command()
@owner_option
@click.option("--sql", is_flag=True, help="Print the statements and connect to nothing.")
@click.option(
    "--longest",
    help="How long the centre keeps anything, whatever sites say, e.g. 365d; at first 1095d.",
)
def prepare(file: Path, sql: bool, longest: str | None) -> None:
    """Make the tables, and on PostgreSQL the group roles and the rules between sites.

    It may be run again. The role in the file has to own the database and be allowed to make roles.
    """
    from agent.store.central_tables import LONGEST, script

    bound = None if longest is None else _life(longest)
    if sql:
        click.echo(script(bound or LONGEST), nl=False)
        return
    with _centre(file) as centre:
        centre.prepare(bound)
    click.echo("The central database is prepared. Next: `omokage central add NAME --role ROLE`.")


def _life(text: str) -> timedelta:
    from agent.config.durations import parse_duration

    try:
        found = parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--longest") from error
    if found > MOST:
        raise click.BadParameter("ten years is the most", param_hint="--longest")
    return found


@click.command()
@click.argument("name")
@owner_option
@click.option("--role", help="Role of the database that sends for this site; default: NAME.")
def add(name: str, file: Path, role: str | None) -> None:
    """Register the site NAME, or give it another role.

    On PostgreSQL only this role may write the site's rows; it has to be a member of omokage_site.
    """
    with _centre(file) as centre:
        centre.add(name, role or name)
    click.echo(f"{name} may send as the role {role or name}")


@click.command(name="list")
@owner_option
@click.option("--json", "as_json", is_flag=True, help="Print the sites as JSON.")
def list_sites(file: Path, as_json: bool) -> None:
    """List the sites: role, last complete sync, how many buckets are kept, and the newest."""
    with _centre(file) as centre:
        found = centre.sites()
    rows = [
        {
            "name": site.name,
            "role": site.role,
            "title": site.title,
            "seen_at": site.seen_at and site.seen_at.isoformat(),
            "buckets": site.buckets,
            "newest": site.newest and site.newest.isoformat(),
        }
        for site in found
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        seen, newest = row["seen_at"] or "never", row["newest"] or "–"
        title = f" ({row['title']})" if row["title"] else ""
        click.echo(
            f"{row['name']}{title}: role {row['role']}, last sync {seen}, "
            f"{row['buckets']} buckets, newest {newest}"
        )
    if not rows:
        click.echo("no site is registered")


@click.command()
@click.argument("name")
@owner_option
@click.option("--confirm", metavar="NAME", help="The site's name again, instead of typing it.")
def remove(name: str, file: Path, confirm: str | None) -> None:
    """Delete the site NAME and everything that it sent. This can't be undone."""
    typed = confirm if confirm is not None else click.prompt("The site's name again", err=True)
    if typed != name:
        raise ConfigError("the two names differ, so nothing was deleted")
    with _centre(file) as centre:
        there = centre.remove(name)
    if not there:
        raise ConfigError(f"the centre knows no site {name}")
    click.echo(f"{name} and all its numbers are gone from the centre")


@click.command()
@owner_option
def purge(file: Path) -> None:
    """Delete what is due, of every site; each `omokage sync` does the same."""
    from agent.clock import SystemClock

    with _centre(file) as centre:
        gone = centre.purge(SystemClock().now())
    click.echo(f"{gone} buckets and days were due and are gone")
