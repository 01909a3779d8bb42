"""Serve a site for a browser, with accounts in it, and sign in as a person would."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.cli.dashboard import server_command, server_environment
from agent.config.site import Site
from agent.domain.access import Role
from agent.domain.account import Account, User
from agent.store.accounts import AccountBook
from agent.store.passwords import CHEAPEST, hash_password

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip
PATIENCE_SECONDS = 120
ROOT = Path(__file__).parents[2]
PASSWORD = "river stone lantern"


def add_account(root: Path, name: str, role: Role) -> None:
    """Give a site an account; all have the same password."""
    now = datetime.now(UTC)
    hashed = hash_password(PASSWORD, CHEAPEST)
    AccountBook(Site(root).accounts).add(Account(User(name, role), hashed, now, now))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(
    root: Path, *, idle_minutes: float = 15, variables: dict[str, str] | None = None
) -> Iterator[str]:
    """Serve a site on a port of its own and yield its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = server_command("127.0.0.1", port)
    command = [part for part in command if not part.startswith("--idle-minutes")]
    environment = server_environment(root) | {"PYTHONPATH": str(ROOT)} | (variables or {})
    with subprocess.Popen(
        [*command, f"--idle-minutes={idle_minutes}"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _wait(address)
            yield address
        finally:
            server.terminate()


def _wait(address: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/auth/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail("the page server didn't start")


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a headless Chromium, or skip the test."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield opened
        finally:
            opened.close()


def sign_in(page: Any, address: str, name: str, password: str = PASSWORD) -> None:
    """Sign in by the form; ends on the page that was asked for, or on the form again."""
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    page.goto(address)
    page.locator("#name").fill(name)
    page.locator("#password").fill(password)
    with page.expect_navigation():  # or what comes next would cut the answer off, cookie and all
        page.locator("button[type=submit]").click()


def settle(page: Any) -> None:
    """Wait until the page is drawn and stays as it is."""
    page.locator("[data-testid=stMainBlockContainer] h1").first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    loaded(page)
    page.wait_for_timeout(500)


def loaded(page: Any) -> None:
    """Wait until no part is a grey box any more: its script is on its way, keys pass it by."""
    page.locator("[data-testid=stSkeleton]").first.wait_for(state="detached")
