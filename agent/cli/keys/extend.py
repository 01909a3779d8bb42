"""`omokage keys extend`: epochs for further weeks."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.keys.asking import ask, passphrase_option, vault_option
from agent.cli.options import site_option


@click.command()
@site_option
@vault_option
@passphrase_option
@click.option(
    "--weeks",
    type=click.IntRange(1, 520),
    default=26,
    show_default=True,
    help="How many weekly epochs to add.",
)
def extend(site: Path, vault: Path | None, passphrase_files: tuple[Path, ...], weeks: int) -> None:
    """Make epochs for further weeks, right after the last one.

    Needs the passphrase, which also proves that the vault still opens: a passphrase that nobody
    remembers is noticed here, while only the future is lost. A running agent takes the new epochs
    without a restart. Without the passphrase there is no way to extend the keys or to open what was
    recorded.
    """
    from agent.cli.keys.recording import announced, unlocked
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.crypto.change import KeyPaths, adding, carry_out
    from agent.crypto.lifecycle import extended
    from agent.crypto.root import fingerprint
    from agent.crypto.vault import load_vault
    from agent.domain.access import Action

    place, now = Site(site), SystemClock().now()
    paths = KeyPaths.of(place, vault)
    paths.refuse_missing_vault()
    passphrases = ask(load_vault(paths.vault).persons, passphrase_files)
    with unlocked(place, paths, passphrases, now, why="to extend the keys") as box:
        longer = box.become(extended(box.state, now, weeks))
        known = {half.id for half in box.state.halves}
        ids = [half.id for half in longer.state.halves if half.id not in known]
        with announced(place, Action.KEYS_EXTENDED, now, ids):
            carry_out(adding(paths, longer))
    last = longer.state.halves[-1].valid_to
    click.echo(f"Epochs made: {len(ids)}, from {ids[0]} to {ids[-1]}.")
    click.echo(f"The keys last until {last:%Y-%m-%d}.")
    click.echo(f"fingerprint  {fingerprint(longer.public_root)}")
    click.echo("Bring the newest keys/public.toml to the camera, and renew the vault's copy.")
