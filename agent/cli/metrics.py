"""`omokage metrics`: the health as text for Prometheus, on this machine only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent.cli.dashboard import is_loopback
from agent.cli.options import site_option
from agent.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

PORT = 9464


@click.command()
@site_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to bind to.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="To serve at."
)
@click.option("--once", is_flag=True, help="Print the metrics once instead of serving them.")
def metrics(site: Path, host: str, port: int, once: bool) -> None:
    """Serve the agent's health at /metrics, for Prometheus; Ctrl-C ends it.

    No feature value is in it, and nothing that follows who stands before a camera.
    """
    import os

    from agent.clock import SystemClock
    from agent.config.site import Site
    from agent.metrics import make_endpoint, render
    from agent.process import notify

    clock, path = SystemClock(), Site(site).status
    if once:
        click.echo(render(path, clock.now), nl=False)
        return
    if not is_loopback(host):
        raise ConfigError(
            f"{host} can be reached from other machines",
            advice="Stay on 127.0.0.1 and let a collector of your own on this machine ask.",
        )
    with make_endpoint(path, clock.now, host, port) as server:
        click.echo(f"http://{host}:{server.server_port}/metrics", err=True)
        notify("READY=1", os.environ.get("NOTIFY_SOCKET"))
        server.serve_forever()
