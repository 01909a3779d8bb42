"""Serves the pages behind the gate: `python -m dashboard.server`, started by `omokage dashboard`.

The gate is the outermost application, so that nothing of the page server can be asked past it.
Forwarded addresses in headers aren't believed: anybody could set them.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import socket
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
import uvicorn
from streamlit import config
from streamlit.web import bootstrap

from agent.clock import SystemClock
from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.errors import AgentError, ConfigError
from agent.process import notify
from agent.store.access_log import AccessLog
from agent.store.accounts import AccountBook
from dashboard import queries
from dashboard.auth import oidc, running
from dashboard.auth.desk import Demo, Desk
from dashboard.auth.gate import Address, Gate
from dashboard.auth.oidc import Service
from dashboard.auth.sessions import Limits

DEMO_KEY_VARIABLE = "OMOKAGE_DEMO_KEY"
SWEEP_SECONDS = 2.0
STOP_SECONDS = 2
NOT_STARTED = 3
"""Exit code where the port can't be bound, as uvicorn has it."""
_FOLDER = Path(__file__).parent
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def settings(host: str, port: int) -> dict[str, Any]:
    """Return the page server's settings by Streamlit's names."""
    table = tomllib.loads((_FOLDER / "settings.toml").read_text(encoding="utf-8"))
    return _flat(table, "") | {"server.address": host, "server.port": port}


def _flat(table: dict[str, Any], prefix: str) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        pairs |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return pairs


def address_of(host: str, public_url: str | None) -> Address:
    """Return under which names the server is reached.

    Args:
        host: that it binds to.
        public_url: what people type, where that is something else.

    Raises:
        ConfigError: the public URL isn't one.
    """
    hosts = set(_LOCAL) | ({host.lower()} if host not in {"0.0.0.0", "::"} else set())  # noqa: S104
    if public_url is None:
        return Address(frozenset(hosts))
    parts = urlsplit(public_url)
    try:
        fine = parts.scheme in {"http", "https"} and parts.hostname and parts.path in {"", "/"}
        _ = parts.port  # reading it checks it
    except ValueError:
        fine = False
    if not fine or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(
            "--public-url isn't the address of a server",
            advice="Write scheme and name, for example https://omokage.shop.example.",
        )
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    return Address(
        frozenset(hosts | {parts.hostname}), frozenset({origin}), parts.scheme == "https"
    )


def make_desk(site: Site, *, port: int, secure: bool, limits: Limits, demo_key: str) -> Desk:
    """Return the sign-in of a site.

    Args:
        site: with accounts, or a demo.
        port: part of the cookie's name: browsers don't keep cookies of two ports apart.
        secure: the cookie is for TLS only.
        limits: how long sessions last.
        demo_key: of the demo's link; "" for none.
    """
    book = AccountBook(site.accounts)

    @cache
    def log() -> AccessLog:
        return AccessLog(site.access_log)

    return Desk(
        book,
        log,
        clock=SystemClock(),
        cookie=f"{'__Host-' if secure else ''}omokage_session_{port}",
        limits=limits,
        demo=Demo(demo_key, lambda: is_demo(site)) if demo_key else None,
    )


def is_demo(site: Site) -> bool:
    """Say whether a site is a demo that has never had an account."""
    try:
        return load_policy(site.policy).demo and not AccountBook(site.accounts).exists()
    except AgentError:
        return False


def make_app(
    desk: Desk, address: Address, *, site: str = "", service: Service | None = None
) -> Gate:
    """Return the application to serve: the pages behind the gate."""
    running.install(desk)
    pages = st.App(_FOLDER / "app.py", lifespan=_sweeping(desk))
    return Gate(pages, desk, address, site=site, service=service)


def _sweeping(
    desk: Desk,
) -> Callable[[st.App], AbstractAsyncContextManager[dict[str, Any] | None]]:
    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await asyncio.to_thread(desk.sweep)
            notify("WATCHDOG=1", os.environ.get("NOTIFY_SOCKET"))

    @asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncIterator[None]:
        task = asyncio.create_task(sweep())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return lifespan


class _Server(uvicorn.Server):
    """Tells systemd when it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind, then say so."""
        await super().startup(sockets)
        if self.started:
            notify("READY=1", os.environ.get("NOTIFY_SOCKET"))


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal comes; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboard.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--public-url")
    parser.add_argument("--idle-minutes", type=float, default=15)
    asked = parser.parse_args(arguments)
    demo_key = os.environ.pop(DEMO_KEY_VARIABLE, "")
    try:
        address = address_of(asked.host, asked.public_url)
        site = queries.site()
        if demo_key and not (_is_loopback(asked.host) and is_demo(site)):
            raise ConfigError(
                "this site isn't a demo, so there is no link into it",
                advice="Start it with `omokage dashboard`.",
            )
        service = None if demo_key else oidc.load(site.root)
        limits = Limits(idle=60.0 * asked.idle_minutes)
        desk = make_desk(
            site, port=asked.port, secure=address.secure, limits=limits, demo_key=demo_key
        )
    except AgentError as error:
        print(f"error: {error}\n{error.advice}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    vouched = oidc.settings(service) if service else {}
    bootstrap.load_config_options(settings(asked.host, asked.port) | vouched)
    named = str(site.root) if _is_loopback(asked.host) and not asked.public_url else ""
    settled = uvicorn.Config(
        make_app(desk, address, site=named, service=service),
        host=asked.host,
        port=asked.port,
        ws="websockets-sansio",
        ws_max_size=int(config.get_option("server.maxMessageSize")) << 20,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = _Server(settled)
    server.run()
    return 0 if server.started else NOT_STARTED


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
