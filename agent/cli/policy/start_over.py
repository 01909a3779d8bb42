"""`omokage policy start-over`: somebody says that the records' database is lost for good."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from agent.cli.options import site_option

WORD = "lost"
EXIT_CODES = """\b
Exit codes:
  0  the agent may begin anew
  7  the right database is where it should be, or the access log refuses
  8  nobody said that it is lost"""


@click.command("start-over", epilog=EXIT_CODES)
@site_option
@click.option("--yes-lost", is_flag=True, help="Say that it is lost, instead of typing it.")
def start_over(site: Path, yes_lost: bool) -> None:
    """Let the agent begin a new database where the old one is gone.

    Only for a database that is destroyed or will never come back: what still lies in it would be
    beyond the reach of every deadline. Nothing is deleted.
    """
    from agent.cli.who import operator
    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.config.site import Site
    from agent.domain.access import Action, Role
    from agent.errors import PolicyError, StoreError, StoreMissing
    from agent.memory import recall, remember
    from agent.retention.receipt import Actor
    from agent.store import identity
    from agent.store.access_log import AccessLog

    place = Site(site)
    policy = load_policy(place.policy)
    memory = recall(place.upkeep)
    present = identity.known_identity(place.segments)
    other = memory is not None and memory.store not in {None, present}
    try:
        identity.check_identity(place.segments)
        gone = False
    except StoreMissing:
        gone = True
    if not gone and not other:
        raise StoreError(
            "the records' database is where it should be",
            advice="Nothing is to be done; start the agent.",
        )
    click.echo(
        "If the old database still lies somewhere, its records outlive their deadline there."
    )
    if not yes_lost and (
        not sys.stdin.isatty() or click.prompt(f"Type {WORD} if it is lost for good") != WORD
    ):
        raise PolicyError(
            "nobody said that the database is lost", advice="If it is, add --yes-lost."
        )
    actor = Actor(operator(), Role.OPERATOR, policy.digest)
    with closing(AccessLog(place.access_log)) as log:
        event = actor.event(SystemClock().now(), Action.STARTED_OVER, "the database is lost")
        log.record(event)
    if gone:
        identity.start_over(place.segments)
    if memory is not None:
        now = identity.known_identity(place.segments)
        if not remember(place.upkeep, replace(memory, store=now)):
            raise StoreError(f"can't write {place.upkeep.name}")
    click.echo("The agent may begin a new database.")
