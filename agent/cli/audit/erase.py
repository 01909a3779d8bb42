"""`omokage audit erase`: one person's name and notes leave the access log; the chain holds."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.audit.common import require_log
from agent.cli.options import site_option
from agent.cli.who import operator
from agent.errors import ConfigError


@click.command()
@site_option
@click.option("--person", required=True, metavar="NAME", help="As `who` stands in the log.")
@click.option(
    "--purpose",
    required=True,
    help="Why, without the person's name: it stays in the log.",
)
def erase(site: Path, person: str, purpose: str) -> None:
    """Erase a person's name, their notes, and notes of others that contain the name.

    What was done stays: time, role, action and objects. That somebody erased something, and in
    which entries, is written to the log first.
    """
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.domain.access import AccessEvent, Action, Role
    from agent.store.access_log import AccessLog

    path = Site(site).access_log
    require_log(path)
    if not person.strip() or not purpose.strip():
        raise ConfigError("an erasure needs a person and a purpose")
    if person.casefold() in purpose.casefold():
        raise ConfigError(
            "the purpose names the person", advice="Write it without the name: it stays in the log."
        )
    log = AccessLog(path)
    try:
        found = log.find(person)
        if not (found.actors or found.notes):
            click.echo("The log holds no text of this person.")
            return
        click.echo(f"Names to erase: {len(found.actors)}. Notes to erase: {len(found.notes)}.")
        click.echo("This can't be undone. Backups and exported files aren't reached.")
        if click.prompt("Type the person's name once more") != person:
            raise ConfigError("the names differ; nothing was erased")
        event = AccessEvent(SystemClock().now(), operator(), Role.OPERATOR, Action.ERASED, purpose)
        done = log.erase(person, event)
    finally:
        log.close()
    click.echo(f"Erased {len(done.actors)} names and {len(done.notes)} notes. The chain holds:")
    click.echo("`omokage audit verify` still checks every entry.")
