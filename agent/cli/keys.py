"""`omokage keys`: make a site's keys, and see how long they last."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.options import site_option


@click.group(short_help="Make and check a site's keys.")
def keys() -> None:
    """Keys: the agent gets public ones only; private ones lie in the vault, under a passphrase."""


@keys.command()
@site_option
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the passphrase from the first line of a file instead of asking for it.",
)
@click.option(
    "--weeks",
    type=click.IntRange(1, 520),
    default=26,
    show_default=True,
    help="How many weekly epochs to make, this week's first.",
)
@click.option(
    "--device",
    default="camera-1",
    show_default=True,
    help="The device's id: 1-32 of a-z, 0-9 and hyphen.",
)
def init(site: Path, passphrase_file: Path | None, weeks: int, device: str) -> None:
    """Make the keys of a site that has none yet.

    Writes keys/public.toml and keys/device.pem for the agent, and vault/epochs.toml for the
    reviewer; move the vault to where only the reviewer is. Existing keys are never overwritten.
    """
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.crypto.create import create_epochs, refuse_existing, write_keys

    place = Site(site)
    refuse_existing(place)  # before a passphrase is thought up in vain
    click.echo("The passphrase opens the records. If it is lost, nobody can recover it or them.")
    passphrase = _first_line(passphrase_file) if passphrase_file else _ask()
    made = create_epochs(SystemClock().now(), weeks=weeks, passphrase=passphrase, device_id=device)
    write_keys(place, made)
    last = made.public.epochs[-1].valid_to
    click.echo(f"Made {weeks} weekly epochs for {device}, the last until {last:%Y-%m-%d}.")
    click.echo("The agent needs the folder keys; only the reviewer needs the folder vault.")


@keys.command()
@site_option
def status(site: Path) -> None:
    """Say which epochs there are, which one is in use, and how many days are left."""
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.crypto.keys import RUNWAY_WARNING, load_public
    from agent.errors import NoRecipient

    now = SystemClock().now()
    public = load_public(Site(site).public_keys)
    current = public.epoch_at(now)
    click.echo(f"Device {public.device}, {len(public.epochs)} epochs:")
    for epoch in public.epochs:
        mark = "*" if epoch == current else " "
        click.echo(f"{mark} {epoch.id}  {epoch.valid_from:%Y-%m-%d} - {epoch.valid_to:%Y-%m-%d}")
    if current is None:
        raise NoRecipient("no epoch is valid now: the agent persists nothing")
    runway = public.runway(now)
    click.echo(f"The keys last for {runway.days} more days.")
    if runway < RUNWAY_WARNING:
        click.echo("Warning: fewer than 28 days; extend the keys soon.", err=True)


def _ask() -> str:
    passphrase: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
    return passphrase


def _first_line(path: Path) -> str:
    from agent.errors import ConfigError

    try:
        return path.read_text().split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read the passphrase from {path.name}") from error
