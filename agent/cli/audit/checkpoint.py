"""`omokage audit checkpoint`: sign the access log as it is now, to be kept elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.audit.common import require_log
from agent.cli.options import site_option
from agent.errors import ConfigError


@click.command()
@site_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Add the checkpoint to this file, such as one on a stick that is kept elsewhere.",
)
@click.option("--qr", is_flag=True, help="Draw it as a QR code too, to be photographed.")
def checkpoint(site: Path, out: Path | None, qr: bool) -> None:
    """Check the log, sign it, and print the signed checkpoint.

    Keep it where nobody can write who can write the log: print it, mail it, photograph it. The
    device's key is printed with it; keep that once.
    """
    from agent.audit.checkpoint import parse_checkpoint, verifier_of
    from agent.checkpoints import load_device, sign_log
    from agent.clock import SystemClock
    from agent.config.site import Site

    place = Site(site)
    require_log(place.access_log)
    device = load_device(place)
    made = sign_log(place.access_log, device, SystemClock().now())
    click.echo(made.note, nl=False)
    if out is not None:
        _add(out, made.note)
    if qr:
        _draw(made.note)
    said = parse_checkpoint(made.note, "").checkpoint
    key = verifier_of(said, device.key.public_key().public_bytes_raw()).text()
    click.echo(f"\nSigned at {made.at:%Y-%m-%d %H:%M} UTC for {made.size} entries.", err=True)
    click.echo(f"The device's key, for `omokage audit verify --key`:\n{key}", err=True)


def _add(out: Path, note: str) -> None:
    try:
        with out.open("a", encoding="utf-8") as file:
            file.write(note + "\n")
    except OSError as error:
        raise ConfigError(f"can't write {out.name}: {error.strerror}") from error


def _draw(note: str) -> None:
    import segno

    segno.make(note, error="m", micro=False).terminal(compact=True)
