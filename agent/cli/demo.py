"""`omokage demo`: the whole product on a synthetic clip, in one command."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from agent.cli.dashboard import DEMO_KEY_VARIABLE
from agent.cli.options import HomePath
from agent.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import FrameType

    from agent.config.site import Site

PASSPHRASE = "omokage demo only"  # noqa: S105  (printed on purpose: the demo guards nothing)
STOP_SECONDS = 10
DEMO_KEY_BYTES = 16


@click.command()
@click.option(
    "--site",
    type=HomePath(),
    default=".demo",
    show_default=True,
    help="Folder of the demo site; created where it doesn't exist.",
)
@click.option(
    "--port",
    type=click.IntRange(1024, 65535),
    default=8501,
    show_default=True,
    help="Of the pages.",
)
@click.option("--seconds", type=click.FloatRange(min=1), help="End by itself after so long.")
def demo(site: Path, port: int, seconds: float | None) -> None:
    """Show everything on a synthetic clip: agent, sealed records, dashboard. No camera needed.

    All faces are rendered; none is anybody's. Ctrl-C ends agent and dashboard.
    """
    from agent.config.site import Site

    folder = Site(site.resolve())
    refuse_taken(port)
    prepare(folder)
    # Whoever gave the demo accounts wants them to be asked for.
    key = "" if folder.accounts.exists() else secrets.token_urlsafe(DEMO_KEY_BYTES)
    way = f"enter?key={key}" if key else ""
    click.echo(f"dashboard  http://127.0.0.1:{port}/{way}")
    click.echo(f"site       {site}  (reviewer's demo passphrase: {PASSPHRASE})")
    click.echo("numbers    the first appear after about a minute; Ctrl-C ends everything")
    run = ["run", "--site", str(folder.root), "--source", "demo"]
    if seconds is not None:
        run += ["--seconds", str(seconds)]
    children = [
        _start(run),
        # By the environment, which other accounts of this machine can't read.
        _start(
            ["dashboard", "--site", str(folder.root), "--port", str(port)],
            {DEMO_KEY_VARIABLE: key} if key else {},
        ),
    ]
    sys.exit(_wait(children))


def refuse_taken(port: int) -> None:
    """Refuse a port that somebody else listens on, before anything is started.

    Raises:
        ConfigError: the port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigError(
                f"port {port} of this machine is taken",
                advice="Is another demo running? Otherwise choose one with --port.",
            ) from error


def prepare(site: Site) -> None:
    """Create the demo's policy and keys where they are missing.

    Raises:
        ConfigError: the folder belongs to a real site.
    """
    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.crypto.create import create_epochs, write_keys
    from agent.crypto.keys import load_public
    from agent.shipped import shipped

    template = shipped("policies") / "demo.toml"
    site.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not site.policy.exists():
        site.policy.write_bytes(template.read_bytes())
    if not load_policy(site.policy).demo:
        raise ConfigError(
            f"{site.root.name} is a real site, not a demo", advice="Name another folder."
        )
    now = SystemClock().now()
    if not site.public_keys.exists():
        keys = create_epochs(now, passphrase=PASSPHRASE, device_id="demo")
        write_keys(site, keys)
    elif load_public(site.public_keys).epoch_at(now) is None:
        raise ConfigError(
            "the demo's keys have run out", advice=f"Delete the folder {site.root.name}."
        )


def _start(
    arguments: list[str], variables: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `omokage ...` in a session of its own, so that Ctrl-C reaches it once, from us."""
    return subprocess.Popen(  # noqa: S603  (our own program and arguments)
        [sys.executable, "-m", "agent.cli.main", *arguments],
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(variables or {})},
    )


def _wait(children: list[subprocess.Popen[bytes]]) -> int:
    """Wait until a child ends or a signal comes, then end all; returns the exit code."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    code = 0
    try:
        while all(child.poll() is None for child in children):
            try:
                code = children[0].wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                continue
        code = next(c.returncode for c in children if c.returncode is not None)
    except KeyboardInterrupt:
        click.echo("\nending", err=True)
    finally:
        _end(children)
        signal.signal(signal.SIGTERM, before)
    return code


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
