"""`omokage keys export-public`: the public side, for the machine with the camera."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.options import site_option
from agent.errors import ConfigError


@click.command()
@site_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; without it, the standard output. An older public.toml of the same site is "
    "replaced, anything else is left alone.",
)
def export_public(site: Path, out: Path | None) -> None:
    """Write public.toml, and print the fingerprint to compare on the other side.

    Nothing in it is secret, and nobody can change it unnoticed once it is signed.
    """
    from agent.config.site import Site
    from agent.crypto.files import PUBLIC, put
    from agent.crypto.keys import load_public
    from agent.crypto.root import fingerprint

    public = load_public(Site(site).public_keys)
    content = public.to_toml()
    if out is None:
        click.echo(content.decode(), nl=False)
    else:
        if out.exists():
            _refuse_other(out, public.root, public.serial)
        put(out, content, PUBLIC)
    root = fingerprint(public.root) if public.root else "none: not signed; see `keys extend`"
    click.echo(f"fingerprint  {root}", err=True)


def _refuse_other(out: Path, root: bytes | None, serial: int) -> None:
    """Refuse to replace what isn't an older public side of the same site."""
    from agent.crypto.keys import load_public

    there = load_public(out)
    if there.root is not None and there.root != root:
        raise ConfigError(
            f"{out.name} is signed by another site's root key", advice="Name another file."
        )
    if there.serial > serial:
        raise ConfigError(
            f"{out.name} is newer than this site's public.toml",
            advice="Use that one; or find out which of the two was brought back.",
        )
