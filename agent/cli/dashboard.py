"""`omokage dashboard`: serve the pages on this machine.

Whoever wants to see them signs in; roles decide which pages there are. The server binds to the
loopback address unless told otherwise twice (`--host` and `--expose`).
"""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path

import click

from agent.cli.options import HomePath, site_option
from agent.cli.pause import is_site
from agent.config.site import Site
from agent.errors import ConfigError

SITE_VARIABLE = "OMOKAGE_SITE"
CENTRAL_VARIABLE = "OMOKAGE_PAGES_CENTRAL"
DEMO_KEY_VARIABLE = "OMOKAGE_DEMO_KEY"
IDLE_MINUTES = 15


def server_command(
    host: str, port: int, *, public_url: str | None = None, idle_minutes: int = IDLE_MINUTES
) -> list[str]:
    """Return the command line that serves the pages.

    Args:
        host: address to bind to.
        port: TCP port, 1-65535.
        public_url: what people type to reach the pages, if that is something else.
        idle_minutes: after which a session is locked.

    Raises:
        ConfigError: the pages aren't installed.
    """
    import importlib.util

    if importlib.util.find_spec("dashboard") is None:
        raise ConfigError("the pages aren't installed", advice="Reinstall Omokage.")
    known = [f"--public-url={public_url}"] if public_url else []
    return [
        sys.executable,
        "-m",
        "dashboard.server",
        f"--host={host}",
        f"--port={port}",
        f"--idle-minutes={idle_minutes}",
        *known,
    ]


def server_environment(site: Path, central: Path | None = None) -> dict[str, str]:
    """Return this process's environment with the site named in it, and the centre where asked."""
    named = {} if central is None else {CENTRAL_VARIABLE: str(central.resolve())}
    mine = {name: value for name, value in os.environ.items() if name != CENTRAL_VARIABLE}
    return {**mine, SITE_VARIABLE: str(site.resolve()), **named}


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_unknown_name(host: str, public_url: str | None) -> None:
    """Refuse an address that browsers couldn't name: requests for an unknown host are turned away.

    Raises:
        ConfigError: it binds to all addresses, and nobody said under which name it is reached.
    """
    if public_url is None and host in {"0.0.0.0", "::"}:  # noqa: S104  (compared, not bound)
        raise ConfigError(
            f"{host} is no name that a browser could ask for",
            advice="Say with --public-url what people type, for example http://shop-pc:8501.",
        )


@click.command()
@site_option
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Of the pages."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind to.")
@click.option(
    "--central",
    type=HomePath(),
    help="Show all sites of the central database that this file names; accounts stay in --site.",
)
@click.option("--expose", is_flag=True, help="Allow an address that other machines can reach.")
@click.option(
    "--public-url",
    metavar="URL",
    help="What people type, for example https://omokage.shop.example behind a TLS proxy.",
)
@click.option(
    "--idle-minutes",
    type=click.IntRange(1, 720),
    default=IDLE_MINUTES,
    show_default=True,
    help="Lock a session after so long without a key or a movement.",
)
def dashboard(
    site: Path,
    port: int,
    host: str,
    central: Path | None,
    expose: bool,
    public_url: str | None,
    idle_minutes: int,
) -> None:
    """Serve the pages of SITE to those who have an account; see `omokage users`."""
    if not is_loopback(host):
        if not expose:
            raise ConfigError(
                f"{host} can be reached from other machines",
                advice="Stay on 127.0.0.1, or add --expose if you know who can reach it.",
            )
        refuse_unknown_name(host, public_url)
        if not (public_url or "").startswith("https://"):
            click.echo(
                f"Warning: passwords and numbers travel to {host}:{port} unencrypted. "
                "Put a TLS proxy in front and name it with --public-url https://...",
                err=True,
            )
    if central is not None:
        _check_central(central)
    elif not is_site(Site(site)):  # it may be begun while the pages are open
        click.echo(f"Warning: {site} isn't a site yet, so the pages are empty.", err=True)
    command = server_command(host, port, public_url=public_url, idle_minutes=idle_minutes)
    # The demo says itself which link to open.
    if DEMO_KEY_VARIABLE not in os.environ:
        click.echo(f"Pages: {public_url or f'http://{host}:{port}'}  (stop with Ctrl+C)")
    # The server takes this process's place, so that signals from systemd or a terminal reach it.
    os.execve(command[0], command, server_environment(site, central))  # noqa: S606  # our own argv


def _check_central(file: Path) -> None:
    """Refuse a file that says nothing usable, before a server starts.

    Raises:
        ConfigError: it is missing or isn't allowed, or the driver isn't installed.
    """
    from agent.store.central import central_engine
    from agent.store.central_address import load_address

    central_engine(load_address(file)).dispose()
