"""`omokage policy hold`: keep records longer than the policy says, for a reason and for a time."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import site_option

if TYPE_CHECKING:
    from datetime import datetime

    from agent.config.site import Site
    from agent.domain.access import Action
    from agent.domain.policy import Policy
    from agent.domain.retention import LegalHold

ADD_CODES = """\b
Exit codes:
  0  the hold is in force
  2  an option is wrong, or the site has no such zone
  7  the database or the access log refuses
  8  the hold says too little or lasts too long"""

LIFT_CODES = """\b
Exit codes:
  0  the hold has ended
  7  there is no such hold, it has ended already, or a database refuses"""


@click.group()
def hold() -> None:
    """Legal holds: records that must outlive their deadline. Numbers are never held."""


@hold.command(epilog=ADD_CODES, short_help="Keep the records of a place and a time.")
@site_option
@click.option("--zone", help="Only this camera's place; all where it isn't given.")
@click.option("--since", required=True, metavar="TIME", help="Beginning of what must be kept.")
@click.option("--until", required=True, metavar="TIME", help="End of what must be kept.")
@click.option("--reason", required=True, help="Why; it is shown and written into the access log.")
@click.option("--approver", required=True, help="Who decided it.")
@click.option("--expires", required=True, metavar="TIME", help="When the hold ends by itself.")
def add(
    site: Path,
    zone: str | None,
    since: str,
    until: str,
    reason: str,
    approver: str,
    expires: str,
) -> None:
    """Keep the records of a place and a time until a day, at most a year from now.

    A hold brings nothing back that was deleted, and keeps no released numbers.
    """
    import secrets

    from agent.cli.policy.stock import parse_instant
    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.config.site import Site
    from agent.domain.retention import LegalHold
    from agent.errors import ConfigError
    from agent.store.holds import check_hold

    place, now = Site(site), SystemClock().now().replace(microsecond=0)
    policy = load_policy(place.policy)
    if zone is not None and zone not in {z.name for z in policy.zones}:
        raise ConfigError(f"the policy has no zone {zone}", advice="Look at `omokage policy show`.")
    placed = LegalHold(
        id=f"hold-{secrets.token_hex(3)}",
        zone=zone,
        since=parse_instant(since, policy),
        until=parse_instant(until, policy),
        reason=reason,
        approver=approver,
        placed_at=now,
        expires_at=parse_instant(expires, policy),
    )
    check_hold(placed)
    _place(place, policy, placed)


def _place(place: Site, policy: Policy, placed: LegalHold) -> None:
    from agent.cli.policy.stock import plural, say
    from agent.domain.access import Action
    from agent.store.segments import SegmentStore

    _refuse_without_records(place)
    with closing(SegmentStore(place.segments)) as store:
        note = f"{placed.reason} ({placed.approver})"
        _record(place, policy, placed.placed_at, Action.HOLD_PLACED, placed.id, note)
        store.holds.place(placed)
        covered = [h for h in store.holdings() if placed.covers(h, placed.placed_at)]
    click.echo(f"{placed.id} keeps records until {say(placed.expires_at, policy)}.")
    rows = sum(h.rows for h in covered)
    click.echo(f"It covers {plural(rows, 'record')} in {plural(len(covered), 'bucket')} now.")
    if not covered:
        click.echo("Nothing of that place and time is here (any more); what is gone stays gone.")


@hold.command("list")
@site_option
def list_holds(site: Path) -> None:
    """List all holds, also those that have ended."""
    from agent.cli.wide import printable
    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.config.site import Site
    from agent.store.segments import SegmentReader

    place, now = Site(site), SystemClock().now()
    policy = load_policy(place.policy)
    with closing(SegmentReader(place.segments)) as reader:
        holds = reader.holds.all()
    for one in holds:
        click.echo(printable("\n".join(describe(one, policy, now))))
    if not holds:
        click.echo("There is no legal hold, and there was none.")


@hold.command(epilog=LIFT_CODES, short_help="End a hold now.")
@site_option
@click.argument("id_", metavar="ID")
def lift(site: Path, id_: str) -> None:
    """End a hold now: what it kept goes with the next deletion."""
    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.config.site import Site
    from agent.domain.access import Action
    from agent.errors import StoreError
    from agent.store.segments import SegmentStore

    place, now = Site(site), SystemClock().now().replace(microsecond=0)
    policy = load_policy(place.policy)
    _refuse_without_records(place)
    with closing(SegmentStore(place.segments)) as store:
        if id_ not in {one.id for one in store.holds.active(now)}:
            raise StoreError(
                "there is no such hold, or it has ended",
                advice="`omokage policy hold list` shows the holds and their ids.",
            )
        _record(place, policy, now, Action.HOLD_LIFTED, id_, "")
        store.holds.lift(id_, now)
    click.echo(f"{id_} has ended. What it kept and is due goes with the next deletion.")


def describe(one: LegalHold, policy: Policy, now: datetime) -> list[str]:
    """Put a hold into lines."""
    from agent.cli.policy.stock import say

    left = one.expires_at - now
    state = f"{left // timedelta(days=1)} days left" if left > timedelta(0) else "ended"
    span = f"{say(one.since, policy)} to {say(one.until, policy)}"
    where = one.zone or "all zones"
    return [
        f"{one.id}  {where}, {span}; until {say(one.expires_at, policy)} ({state})",
        f"  {one.reason} (decided by {one.approver}, {say(one.placed_at, policy)})",
    ]


def _refuse_without_records(place: Site) -> None:
    """Refuse to create a database only to hang a hold into it."""
    from agent.errors import StoreError
    from agent.store.identity import check_identity, has_begun

    check_identity(place.segments)
    if not has_begun(place.segments):
        raise StoreError(
            "this site has no records yet", advice="A hold needs records that it can keep."
        )


def _record(
    place: Site, policy: Policy, now: datetime, action: Action, id_: str, note: str
) -> None:
    from agent.cli.who import operator
    from agent.domain.access import Role
    from agent.retention.receipt import Actor
    from agent.store.access_log import AccessLog

    actor = Actor(operator(), Role.OPERATOR, policy.digest)
    with closing(AccessLog(place.access_log)) as log:
        log.record(actor.event(now, action, "legal hold", objects=(f"hold:{id_}",), note=note))
