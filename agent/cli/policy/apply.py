"""`omokage policy apply`: delete what is due; only says so unless asked."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import site_option
from agent.cli.policy.show import preferred_language

if TYPE_CHECKING:
    from agent.config.site import Site
    from agent.domain.access import AccessRecorder
    from agent.domain.policy import Policy
    from agent.retention.receipt import Actor
    from agent.retention.round import Round
    from agent.retention.safety import Clearance

EXIT_CODES = """\b
Exit codes:
  0  done, or said what would be done
  2  an option is wrong, or the clock can't be right
  7  a database or the access log refuses, or it isn't the database that was here before
  8  the policy may not be used or isn't the one applied last, or a number is wrong or missing"""

AGAIN = "What is left is tried again by the agent each minute; or run this command again."


@click.command(epilog=EXIT_CODES)
@site_option
@click.option("--delete", is_flag=True, help="Do it; without this, it is only said.")
@click.option(
    "--yes-delete",
    "agreed",
    type=click.IntRange(min=1),
    metavar="N",
    help="Agree that N rows go before their own deadline, instead of typing the number.",
)
@click.option("--accept", is_flag=True, help="The policy file differs from the one applied last.")
@click.option("--clock-is-right", is_flag=True, help="Confirm the clock after it jumped.")
def apply(site: Path, delete: bool, agreed: int | None, accept: bool, clock_is_right: bool) -> None:
    """Delete what is due by the site's policy, and destroy the keys of weeks that are over.

    Without --delete nothing is changed but what --clock-is-right says. Every step is written into
    the access log first, and how it ended after.
    """
    from agent.cli.policy.plan import describe
    from agent.cli.policy.stock import read_stock
    from agent.cli.who import operator
    from agent.config.policy_file import load_policy
    from agent.config.site import Site
    from agent.config.words import RETENTION, load_words
    from agent.domain.access import Role
    from agent.retention.plan import plan
    from agent.retention.receipt import Actor
    from agent.retention.safety import clear

    if not delete and (agreed is not None or accept):
        raise click.UsageError("--yes-delete and --accept are about a deletion: add --delete")
    place = Site(site)
    policy = load_policy(place.policy)
    actor = Actor(operator(), Role.OPERATOR, policy.digest)
    if clock_is_right:
        _confirm_clock(place, actor)
    stock = read_stock(place)
    verdict = stock.verdict
    found = plan(stock.holdings, policy, stock.holds, verdict.now, ahead=verdict.ahead)
    allowed = clear(found, policy, known=stock.known)
    click.echo("\n".join(describe(found, policy, allowed, stock, preferred_language())))
    if not delete:
        click.echo(load_words(preferred_language(), RETENTION)("receipt.dry"))
        return
    _refuse_another(place, policy, accept=accept)
    _refuse_lost(allowed)
    number = _agree(allowed, agreed)
    # Before anything is written: whoever mistypes hasn't applied a policy.
    clear(found, policy, known=stock.known, agreed=number)
    _carry_out(place, policy, actor, number)


def _confirm_clock(place: Site, actor: Actor) -> None:
    """Write down that somebody says the clock is right; the agent's next round believes it."""
    from agent.clock import SystemClock
    from agent.domain.access import Action
    from agent.errors import ConfigError, StoreError
    from agent.maintenance import read_clocks
    from agent.memory import Memory, recall, remember
    from agent.retention.trust import judge
    from agent.store.access_log import AccessLog

    clocks = read_clocks(SystemClock())
    memory = recall(place.upkeep)
    verdict = judge(clocks, memory.mark if memory else None, None, confirmed=True)
    if verdict.doubt is not None:
        raise ConfigError(
            f"the clock says {clocks.wall:%Y-%m-%d}, before Omokage existed",
            advice="Set it with `timedatectl set-time`, or connect a time server.",
        )
    with closing(AccessLog(place.access_log)) as log:
        log.record(actor.event(clocks.wall, Action.POLICY_APPLIED, "clock confirmed"))
    if not remember(place.upkeep, Memory(verdict.mark, memory.store if memory else None)):
        raise StoreError(f"can't write {place.upkeep.name}")
    click.echo(f"The clock is taken as right: {clocks.wall:%Y-%m-%d %H:%M} UTC.")


def _refuse_another(place: Site, policy: Policy, *, accept: bool) -> None:
    """Refuse to delete by a policy that nobody has applied yet, where another one was."""
    from agent.cli.policy.history import last_applied
    from agent.errors import PolicyError

    last = last_applied(place)
    if last is None or accept or policy.digest.startswith(last[1]):
        return
    raise PolicyError(
        f"the policy isn't the one that was applied last, on {last[0]:%Y-%m-%d}",
        advice="Read it with `omokage policy show`; if it is meant, add --accept.",
    )


def _refuse_lost(allowed: Clearance) -> None:
    """Refuse to delete from a database that isn't the one that was here before."""
    from agent.errors import StoreError
    from agent.retention.safety import Stop

    if allowed.stop is Stop.OTHER_DATABASE:
        raise StoreError(
            "the records' database is new, or another than before; nothing is deleted",
            advice="Bring the old one back, or run `omokage policy start-over` if it is lost.",
        )


def _agree(allowed: Clearance, agreed: int | None) -> int | None:
    """Have the number typed that would go before its own deadline; None if nothing would."""
    from agent.errors import PolicyError
    from agent.retention.safety import Stop

    if agreed is not None or allowed.stop is not Stop.MANY_AT_ONCE:
        return agreed
    rows = allowed.waiting_rows
    if not sys.stdin.isatty():
        raise PolicyError(
            f"{rows} rows would go before their own deadline, and nobody is here to agree",
            advice=f"If it is meant, add --yes-delete {rows}.",
        )
    click.echo(f"{rows} rows go before their own deadline. They can't be brought back.")
    return int(click.prompt(f"Type {rows} to agree", type=int))


def _carry_out(place: Site, policy: Policy, actor: Actor, agreed: int | None) -> None:
    from agent.errors import StoreError
    from agent.store.access_log import AccessLog

    with closing(AccessLog(place.access_log)) as log:
        _record_applied(place, log, actor)
        done = _one_round(place, policy, log, actor, agreed)
    click.echo("\n".join(receipt(done, preferred_language())))
    if done.trouble:
        raise StoreError("not everything could be done: " + " ".join(done.trouble), advice=AGAIN)


def _record_applied(place: Site, log: AccessRecorder, actor: Actor) -> None:
    from agent.cli.policy.history import last_applied
    from agent.clock import SystemClock
    from agent.domain.access import Action

    last = last_applied(place)
    if last is None or not actor.digest.startswith(last[1]):
        log.record(actor.event(SystemClock().now(), Action.POLICY_APPLIED, "retention"))


def _one_round(
    place: Site, policy: Policy, log: AccessRecorder, actor: Actor, agreed: int | None
) -> Round:
    from agent.clock import SystemClock
    from agent.epochs import EpochKeys
    from agent.maintenance import House, read_clocks
    from agent.upkeep import is_accounted, open_stores

    clock = SystemClock()
    accounted = is_accounted(place, clock.now())
    place.segments.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stores = open_stores(place, policy, clock.now())
    with closing(stores.segments), closing(stores.aggregates):
        keys = EpochKeys(place, policy, log, actor)
        house = House(stores, policy, log, place, actor=actor, keys=keys, accounted=accounted)
        return house.keep(read_clocks(clock), agreed=agreed)


def receipt(done: Round, language: str) -> list[str]:
    """Say what was done."""
    from agent.config.words import RETENTION, load_words

    words = load_words(language, RETENTION)
    lines = [
        words(
            "receipt.deleted",
            records=f"{done.deleted_records:,}",
            numbers=f"{done.deleted_numbers:,}",
        ),
        words("receipt.emptied" if done.erased else "receipt.blocked"),
    ]
    if done.epochs:
        lines.append(words("receipt.keys", ids=", ".join(done.epochs)))
    if done.overdue_records is None or done.overdue_numbers is None:
        return [*lines, words("receipt.unknown")]
    overdue = done.overdue_records + done.overdue_numbers
    return [*lines, words("receipt.overdue", rows=f"{overdue:,}")]
