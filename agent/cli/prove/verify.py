"""`omokage prove-discard verify`: check a certificate that somebody shows."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.options import site_option
from agent.cli.policy.show import preferred_language


@click.command()
@site_option
@click.option(
    "--language",
    type=click.Choice(["ja", "en"]),
    default=preferred_language,
    show_default="the terminal's",
    help="Language of the certificate's text.",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify(site: Path, language: str, file: Path) -> None:
    """Check the signature of FILE, say whose it is, and show what it says.

    Ends with exit code 12 where it was changed, and 11 where it says that residue was found. A
    certificate that nobody signed is shown, and said to be unsigned.
    """
    from agent.config.words import load_words
    from agent.errors import ConfigError, ResidueFound
    from agent.proof.certificate import read_certificate
    from agent.proof.signer import known_device
    from agent.proof.text import WORDS, render

    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"can't read {file.name}: {error.strerror}") from error
    certificate = read_certificate(content, file.name)
    click.echo(render(certificate, load_words(language, WORDS)))
    click.echo("")
    key = certificate.public_key
    if key is None:
        click.echo("signature  none")
    elif known_device(site, key):
        click.echo("signature  fits, and the key is one of this site's device")
    else:
        click.echo("signature  fits; compare the key with the device's: this site doesn't know it")
    if certificate.statement.residue_bytes:
        raise ResidueFound(f"{file.name} says that residue was found")
