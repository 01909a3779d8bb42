"""`omokage keys init`: the key ceremony."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.keys.asking import LOSS, ask, passphrase_option
from agent.cli.options import site_option

if TYPE_CHECKING:
    from agent.config.site import Site
    from agent.crypto.create import KeySet


@click.command()
@site_option
@passphrase_option
@click.option("--two-persons", is_flag=True, help="Two passphrases; neither opens anything alone.")
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
def init(
    site: Path, passphrase_files: tuple[Path, ...], two_persons: bool, weeks: int, device: str
) -> None:
    """Make the keys of a site that has none yet.

    Writes keys/public.toml and keys/device.pem for the agent, and vault/epochs.toml for the
    reviewer; move the vault to where only the reviewer is. Existing keys are never overwritten.

    A lost passphrase can't be recovered by anybody, and neither can the records. On purpose there
    is no way to leave a passphrase with the agent or with its nightly jobs: they need none.
    """
    from agent.cli.keys.recording import announced
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.crypto.create import create_epochs, refuse_existing, write_keys
    from agent.domain.access import Action

    place, now = Site(site), SystemClock().now()
    refuse_existing(place)  # before a passphrase is thought up in vain
    click.echo(LOSS)
    if two_persons:
        click.echo("Each person types a passphrase that the other one doesn't see.")
    first, *second = ask(1 + two_persons, passphrase_files, new=True)
    made = create_epochs(
        now,
        weeks=weeks,
        passphrase=first,
        second_passphrase=second[0] if second else None,
        device_id=device,
    )
    ids = [epoch.id for epoch in made.public.epochs]
    with announced(place, Action.KEYS_CREATED, now, ids, note=f"device {device}"):
        write_keys(place, made)
    _tell(made, place)


def _tell(made: KeySet, place: Site) -> None:
    from agent.crypto.root import fingerprint

    public, root = made.public, made.public.root
    site = shlex.quote(str(place.root))
    assert root is not None
    last = public.epochs[-1].valid_to
    click.echo(f"Made {len(public.epochs)} weekly epochs, the last until {last:%Y-%m-%d}.")
    click.echo(f"device       {public.device}")
    click.echo(f"fingerprint  {fingerprint(root)}")
    click.echo(f"opened by    {'two persons together' if made.vault.persons > 1 else 'one person'}")
    click.echo("Now, before anything is recorded:")
    click.echo(
        "  1. Is each passphrase written on paper, sealed, and in its place? Not on this PC."
    )
    click.echo("  2. Print the form and sign it:")
    click.echo(f"     omokage keys form --site {site} --out form.pdf")
    click.echo(f"     From now on `omokage keys status --site {site}` must show this fingerprint.")
    click.echo(f"  3. Carry {place.vault} to where only the reviewer is, and make one copy of it.")
    click.echo(f"  4. Try the passphrase: omokage keys verify --site {site}")
    click.echo("The agent needs the folder keys and nothing else.")
