"""`omokage dashboard`: serve the pages on this machine.

The pages read released aggregates only; the server binds to the loopback address unless told
otherwise twice (`--host` and `--expose`), because whoever reaches it may read the numbers.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path

import click

from agent.cli.options import site_option
from agent.errors import ConfigError

SITE_VARIABLE = "OMOKAGE_SITE"


def server_command(host: str, port: int) -> list[str]:
    """Return the command line that serves the pages.

    Args:
        host: address to bind to.
        port: TCP port, 1-65535.

    Raises:
        ConfigError: the pages aren't installed.
    """
    import importlib.util
    import tomllib

    found = importlib.util.find_spec("dashboard")
    if found is None or found.origin is None:
        raise ConfigError("the pages aren't installed", advice="Reinstall Omokage.")
    folder = Path(found.origin).parent
    settings = tomllib.loads((folder / "settings.toml").read_text(encoding="utf-8"))
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(folder / "app.py"),
        f"--server.address={host}",
        f"--server.port={port}",
        *(f"--{name}={value}" for name, value in _flat(settings, "")),
    ]


def server_environment(site: Path) -> dict[str, str]:
    """Return this process's environment with the site named in it."""
    return {**os.environ, SITE_VARIABLE: str(site.resolve())}


def _flat(table: dict[str, object], prefix: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            pairs += _flat(value, f"{name}.")
        else:
            pairs.append((name, str(value).lower() if isinstance(value, bool) else str(value)))
    return pairs


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@click.command()
@site_option
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind to.")
@click.option(
    "--expose", is_flag=True, help="Allow an address that other machines can reach. No login yet."
)
def dashboard(site: Path, port: int, host: str, expose: bool) -> None:
    """Serve the pages with the released numbers of SITE."""
    if not is_loopback(host):
        if not expose:
            raise ConfigError(
                f"{host} can be reached from other machines",
                advice="Stay on 127.0.0.1, or add --expose if you know who can reach it.",
            )
        click.echo(f"Warning: anybody who can reach {host}:{port} can read the numbers.", err=True)
    command = server_command(host, port)
    click.echo(f"Pages: http://{host}:{port}  (stop with Ctrl+C)")
    # The server takes this process's place, so that signals from systemd or a terminal reach it.
    os.execve(command[0], command, server_environment(site))  # noqa: S606  # our own argv
