"""`omokage pause`: capture nothing until a time, or until somebody resumes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from agent.cli.options import site_option
from agent.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from agent.config.site import Site
    from agent.domain.access import Action

LONGEST_REASON = 200


@click.command()
@site_option
@click.option("--for", "duration", metavar="30m", help="How long: 30m, 4h, 2d.")
@click.option("--until", metavar="HH:MM", help="Until the clock of the site shows this next.")
@click.option("--reason", default="", help="Why; written into the access log.")
def pause(site: Path, duration: str | None, until: str | None, reason: str) -> None:
    """Capture nothing: the cameras are closed within a second or two, and stay closed.

    Without --for and --until the pause lasts until `omokage resume`. It survives restarts, and it
    holds even where the policy can't be read.
    """
    from agent.clock import SystemClock
    from agent.config.pause_file import write_pause
    from agent.config.site import Site
    from agent.domain.access import Action
    from agent.domain.schedule import Pause
    from agent.errors import StoreError

    if duration is not None and until is not None:
        raise ConfigError("--for and --until exclude each other", advice="Give one of them.")
    if len(reason) > LONGEST_REASON:
        raise ConfigError(f"the reason is longer than {LONGEST_REASON} characters")
    folder = existing_site(Site(site))
    now = SystemClock().now()
    end = end_of(folder, now, duration, until)
    # A log that refuses must not keep a camera open: pause first, then say what failed.
    write_pause(folder.pause, Pause(now, end, reason))
    said = "until somebody resumes" if end is None else f"until {show(end, site_zone(folder))}"
    click.echo(f"paused {said}; a running agent closes its cameras within a second or two")
    try:
        record(folder, Action.PAUSED, now, note=reason, counts=_seconds(now, end))
    except StoreError as error:
        raise type(error)(
            f"the pause holds, but the access log doesn't know of it: {error}", advice=error.advice
        ) from error


def is_site(site: Site) -> bool:
    """Say whether a folder is one: it has a policy or a state."""
    return site.policy.exists() or site.pause.parent.is_dir()


def existing_site(site: Site) -> Site:
    """Return a site that is there.

    Raises:
        ConfigError: the folder is none.
    """
    if not is_site(site):
        raise ConfigError(
            f"{site.root} isn't a site: it has neither a policy nor a state folder",
            advice="Name the site's folder with --site.",
        )
    return site


def end_of(site: Site, now: datetime, duration: str | None, until: str | None) -> datetime | None:
    """Return when a pause ends, aware UTC; None where nobody said.

    Raises:
        ConfigError: the time can't be read.
    """
    from agent.config.durations import parse_duration

    if duration is not None:
        try:
            return now + parse_duration(duration)
        except (ValueError, OverflowError) as error:
            raise ConfigError(f"--for {duration}: {error}") from error
    if until is None:
        return None
    try:
        clock = datetime.strptime(until, "%H:%M").time()  # noqa: DTZ007  (a time of day only)
    except ValueError as error:
        raise ConfigError(f"--until {until}: write a time of day, for example 14:30") from error
    zone = site_zone(site, needed=True)
    day = now.astimezone(zone).date()
    ends = (
        datetime.combine(day + timedelta(days=ahead), clock, zone).astimezone(UTC)
        for ahead in range(3)
    )
    return next(end for end in ends if end > now)


def site_zone(site: Site, *, needed: bool = False) -> ZoneInfo:
    """Return the site's time zone; UTC where the policy can't be read and it isn't needed.

    Raises:
        PolicyError: it is needed.
    """
    from zoneinfo import ZoneInfo

    from agent.config.policy_file import load_policy
    from agent.errors import PolicyError

    try:
        return ZoneInfo(load_policy(site.policy).timezone)
    except PolicyError:
        if needed:
            raise
        return ZoneInfo("UTC")


def show(instant: datetime, zone: ZoneInfo) -> str:
    """Put an instant into the words of the site's clock."""
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"


def _seconds(now: datetime, end: datetime | None) -> dict[str, int]:
    return {} if end is None else {"seconds": round((end - now).total_seconds())}


def record(
    site: Site, action: Action, now: datetime, *, note: str = "", counts: dict[str, int]
) -> None:
    """Write what was done into the site's access log.

    Raises:
        StoreError: it can't be made durable.
    """
    from agent.cli.who import operator
    from agent.domain.access import AccessEvent, Role
    from agent.store.access_log import AccessLog

    log = AccessLog(site.access_log)
    try:
        log.record(AccessEvent(now, operator(), Role.OPERATOR, action, note=note, counts=counts))
    finally:
        log.close()
