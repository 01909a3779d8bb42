"""`omokage keys verify`: do all the halves belong together?"""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.keys.asking import ask, passphrase_option, vault_option
from agent.cli.options import site_option


@click.command()
@site_option
@vault_option
@passphrase_option
def verify(site: Path, vault: Path | None, passphrase_files: tuple[Path, ...]) -> None:
    """Check that vault and public.toml belong together, every half, both ways.

    Finds a recipient that somebody slipped in, an exchanged or older file, a damaged entry and a
    signing key that isn't the device's. Ends with code 6 if anything is wrong. Changes nothing.
    """
    from agent.cli.keys.recording import announced
    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.crypto.change import KeyPaths
    from agent.crypto.checks import compare
    from agent.crypto.keys import load_public
    from agent.crypto.root import fingerprint
    from agent.crypto.vault import load_vault
    from agent.crypto.wrapping import open_wrapping
    from agent.domain.access import Action
    from agent.errors import SealError

    place, now = Site(site), SystemClock().now()
    paths = KeyPaths.of(place, vault)
    paths.refuse_missing_vault()
    public, stored = load_public(paths.public), load_vault(paths.vault)
    passphrases = ask(stored.persons, passphrase_files)
    ids = [epoch.id for epoch in stored.epochs]
    with announced(place, Action.UNLOCKED, now, ids, note="to verify the keys"):
        wrapping = open_wrapping(stored, *passphrases)
        found = compare(stored, wrapping, public, _signer(paths.device), now)
    if stored.root is not None:
        click.echo(f"fingerprint  {fingerprint(stored.root.public)}  (of the vault's root key)")
    click.echo(f"{found.matching} private halves belong to their public ones.")
    if found.destroyed:
        click.echo(f"{len(found.destroyed)} past epochs have been destroyed.")
    for problem in found.problems:
        click.echo(f"PROBLEM: {problem}", err=True)
    if found.problems:
        raise SealError(
            f"{len(found.problems)} problem(s) with the keys",
            advice="Stop the agent until you know who changed what; records may be unreadable.",
        )
    click.echo("Compare the fingerprint with the paper form: the same? Then all is well.")


def _signer(path: Path) -> bytes | None:
    """Return the public half of the device's key where it is here and may be read."""
    import os

    from agent.crypto.keys import load_signer

    if not os.access(path, os.R_OK):
        return None
    return load_signer(path).public_key().public_bytes_raw()
