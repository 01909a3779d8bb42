"""`omokage dashboard`: which address, which settings, which refusals."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.dashboard import SITE_VARIABLE, dashboard, is_loopback, server_command
from agent.errors import ConfigError
from dashboard import queries


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """Record what would be started instead of starting it."""
    calls: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda _, argv, env: calls.append((argv, env)))
    return calls


@pytest.mark.parametrize(
    "flag",
    [
        "--server.address=127.0.0.1",
        "--server.port=8501",
        "--server.headless=true",
        "--server.fileWatcherType=none",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--client.toolbarMode=minimal",
    ],
)
def test_the_server_is_quiet_and_local(flag: str) -> None:
    """Telemetry and tracebacks are off, and the address is this machine's."""
    assert flag in server_command("127.0.0.1", 8501)


def test_every_setting_is_known_to_the_server() -> None:
    """A misspelt setting would silently not hold."""
    from streamlit import config

    known = config.get_config_options()
    names = [
        flag[2:].split("=")[0]
        for flag in server_command("127.0.0.1", 8501)
        if flag.startswith("--")
    ]

    assert [name for name in names if name not in known] == []


def test_the_site_travels_in_the_environment(
    started: list[tuple[list[str], dict[str, str]]], tmp_path: Path
) -> None:
    """The page finds its site by the variable that the command sets."""
    result = CliRunner().invoke(dashboard, ["--site", str(tmp_path), "--port", "8600"])

    assert result.exit_code == 0
    assert started[0][1][SITE_VARIABLE] == str(tmp_path)
    assert queries.SITE_VARIABLE == SITE_VARIABLE
    assert "--server.port=8600" in started[0][0]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "shop.example"])  # noqa: S104
def test_an_open_address_is_refused(
    started: list[tuple[list[str], dict[str, str]]], host: str
) -> None:
    """Whoever can reach the page may read the numbers, so it must be asked for twice."""
    result = CliRunner().invoke(dashboard, ["--host", host])

    assert isinstance(result.exception, ConfigError)
    assert "--expose" in result.exception.advice
    assert started == []


def test_an_exposed_address_warns(started: list[tuple[list[str], dict[str, str]]]) -> None:
    """With the flag it starts, and says what that means."""
    result = CliRunner().invoke(dashboard, ["--host", "192.168.1.4", "--expose"])

    assert "anybody" in result.output
    assert len(started) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_addresses(host: str) -> None:
    """All of these stay on this machine."""
    assert is_loopback(host)
