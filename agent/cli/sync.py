"""`omokage sync`: send released numbers to the central database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import HomePath, site_option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from agent.config.site import Site
    from agent.domain.outgoing import Key, Kind
    from agent.store.central_address import CentralAddress
    from agent.sync.state import State


def central_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--central`: the file that says where the central database is, and as whom."""
    return click.option(
        "--central",
        "file",
        type=HomePath(),
        help="TOML file with the centre's address and this site's name there. "
        "[default: OMOKAGE_CENTRAL, systemd's credential, or central.toml in the site's folder]",
    )(command)


@click.command()
@site_option
@central_option
@click.option("--dry-run", is_flag=True, help="Compare with the centre and say what is missing.")
@click.option("--status", is_flag=True, help="Say how the last runs went, without any network.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def sync(site: Path, file: Path | None, dry_run: bool, status: bool, as_json: bool) -> None:
    """Send what was released and isn't at the centre yet; delete there what is due.

    Only numbers that the pages of this site show leave it. A run may be killed or repeated at any
    time. A missing network costs nothing: the next run sends the rest.
    """
    import os

    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.errors import ConfigError
    from agent.store.central_address import find, load_address

    place, clock = Site(site), SystemClock()
    if status:
        _show(_status(place, clock.now()), as_json)
        return
    address = load_address(find(file, place.root, os.environ))
    if address.site is None:
        raise ConfigError(
            "the file with the centre's address doesn't name this site",
            advice='Add a line like: site = "kyoto"',
        )
    _show(_compare(place, address) if dry_run else _run(place, address), as_json)


Said = dict[str, Any]


def _show(said: Said, as_json: bool) -> None:
    sentence = said.pop("sentence")
    click.echo(json.dumps(said) if as_json else sentence)


def _living(place: Site, now: datetime, longest: timedelta | None = None) -> dict[Key, int]:
    """Return what was released here and isn't due by the present policy, or by the centre."""
    from agent.config.policy_file import load_policy
    from agent.store.outgoing import Outgoing
    from agent.sync.plan import living
    from agent.sync.run import lives_of

    lives = lives_of(load_policy(place.policy)).within(longest)
    return living(Outgoing(place.aggregates).stock(lives), int(now.timestamp()))


def _status(place: Site, now: datetime) -> Said:
    from agent.sync.plan import waiting
    from agent.sync.state import read_state

    state = read_state(place.sync)
    number = waiting(_living(place, now), state.through or {})
    tried, complete = (
        None if at is None else at.isoformat(timespec="seconds")
        for at in (state.tried_at, state.complete_at)
    )
    lines = [
        f"last complete run: {complete or 'never'}",
        f"waiting: {number} released buckets and days",
    ]
    if state.trouble:
        lines.append(f"the run of {tried} failed: {state.trouble}")
    return {
        "tried_at": tried,
        "complete_at": complete,
        "waiting": number,
        "trouble": state.trouble,
        "sentence": "\n".join(lines),
    }


def _compare(place: Site, address: CentralAddress) -> Said:
    from agent.clock import SystemClock
    from agent.store.central import Centre
    from agent.store.central_site import SiteAtCentre
    from agent.sync.run import look

    assert address.site is not None
    now = SystemClock().now()
    with Centre(address) as centre:
        there = SiteAtCentre(centre, address.site)
        there.join()
        plan = look(_living(place, now, there.longest()), there, int(now.timestamp()))
    return {
        "waiting": len(plan.send),
        "shorten": len(plan.lower),
        "sentence": f"{len(plan.send)} buckets and days would be sent as {address.site}; "
        f"{len(plan.lower)} deadlines would come nearer. Nothing was done.",
    }


def _run(place: Site, address: CentralAddress) -> Said:
    from dataclasses import asdict, replace

    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.errors import AgentError
    from agent.store.central import Centre
    from agent.store.central_site import SiteAtCentre
    from agent.store.outgoing import Outgoing
    from agent.sync.run import sync as carry_out
    from agent.sync.state import read_state

    assert address.site is not None
    clock = SystemClock()
    state = replace(read_state(place.sync), tried_at=clock.now())
    try:
        policy = load_policy(place.policy)
        with Centre(address) as centre:
            there = SiteAtCentre(centre, address.site)
            outcome, newest = carry_out(Outgoing(place.aggregates), there, policy, clock)
    except AgentError as error:
        _remember(place, replace(state, trouble=error.sentences))
        raise
    _remember(place, _done(state, clock.now(), newest))
    return asdict(outcome) | {
        "sentence": f"{outcome.sent} of {outcome.released} buckets and days were sent as "
        f"{address.site}, the others were there; {outcome.expired} had expired there and are gone."
    }


def _done(state: State, now: datetime, newest: Mapping[Kind, int]) -> State:
    from dataclasses import replace

    return replace(state, complete_at=now, through=newest, trouble="")


def _remember(place: Site, state: State) -> None:
    """Write down how it went; not being able to is no reason to fail, but it is said."""
    from agent.sync.state import write_state

    if place.sync.parent.is_dir() and not write_state(place.sync, state):
        click.echo(f"warning: {place.sync.name} can't be written", err=True)
