"""`omokage resume`: end a pause; the policy's schedule counts again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent.cli.options import site_option

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.site import Site


@click.command()
@site_option
def resume(site: Path) -> None:
    """End a pause, also one that can't be read. The policy's capture windows count again."""
    from agent.cli.pause import existing_site, record
    from agent.clock import SystemClock
    from agent.config.pause_file import read_pause, remove_pause
    from agent.config.site import Site
    from agent.domain.access import Action

    folder = existing_site(Site(site))
    now = SystemClock().now()
    found = read_pause(folder.pause)
    if found is None:
        click.echo("nothing was paused")
    else:
        # Written first: a camera is never switched on without a trace.
        record(folder, Action.RESUMED, now, counts={})
        remove_pause(folder.pause)
        click.echo("the pause is over" if found.holds(now) else "the pause had ended already")
    click.echo(_what_now(folder))


def _what_now(site: Site) -> str:
    """Say what the schedule has to say, now that no pause stands above it."""
    from zoneinfo import ZoneInfo

    from agent.cli.pause import show
    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.domain.schedule import capture_allowed
    from agent.errors import PolicyError

    try:
        policy = load_policy(site.policy)
    except PolicyError:
        return "the policy can't be used, so an agent won't start: see omokage policy check"
    state = capture_allowed(policy.schedule, None, SystemClock().now())
    change = state.next_change
    when = "" if change is None else f" until {show(change, ZoneInfo(policy.timezone))}"
    if state.allowed:
        return f"capture is allowed{when}"
    return f"the policy's schedule allows no capture{when} ({state.reason.replace('_', ' ')})"
