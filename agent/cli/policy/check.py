"""`omokage policy check`: may this policy be used?"""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.options import site_option


@click.command()
@site_option
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def check(site: Path, file: Path | None) -> None:
    """Say whether a policy may be used: the site's own, or FILE before it is put in place."""
    from agent.config.policy_file import load_policy
    from agent.config.site import Site

    found = load_policy(file or Site(site).policy)
    click.echo(f"{found.site}: the policy may be used. Digest {found.digest[:16]}")
