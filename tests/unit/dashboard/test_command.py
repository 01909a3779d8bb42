"""`omokage dashboard`: which address, which settings, which refusals."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.dashboard import DEMO_KEY_VARIABLE, SITE_VARIABLE, dashboard, is_loopback
from agent.config.site import Site
from agent.errors import ConfigError
from dashboard import queries, server
from tests.browser import seed


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """Record what would be started instead of starting it."""
    calls: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda _, argv, env: calls.append((argv, env)))
    return calls


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server.address", "127.0.0.1"),
        ("server.port", 8501),
        ("server.headless", True),
        ("server.fileWatcherType", "none"),
        ("server.enableXsrfProtection", True),
        ("browser.gatherUsageStats", False),
        ("client.showErrorDetails", "none"),
        ("client.toolbarMode", "minimal"),
    ],
)
def test_the_server_is_quiet_and_local(name: str, value: object) -> None:
    """Telemetry and tracebacks are off, and the address is this machine's."""
    assert server.settings("127.0.0.1", 8501)[name] == value


def test_every_setting_is_known_to_the_server() -> None:
    """A misspelt setting would silently not hold."""
    from streamlit import config

    known = config.get_config_options()

    assert [name for name in server.settings("127.0.0.1", 8501) if name not in known] == []


def test_the_settings_hold_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user's environment or file says about the page server doesn't count."""
    from streamlit import config
    from streamlit.web import bootstrap

    monkeypatch.setenv("STREAMLIT_CLIENT_SHOW_ERROR_DETAILS", "full")
    bootstrap.load_config_options(server.settings("127.0.0.1", 8501))

    assert config.get_option("client.showErrorDetails") == "none"


def test_the_site_travels_in_the_environment(
    started: list[tuple[list[str], dict[str, str]]], tmp_path: Path
) -> None:
    """The page finds its site by the variable that the command sets."""
    result = CliRunner().invoke(dashboard, ["--site", str(tmp_path), "--port", "8600"])

    assert result.exit_code == 0
    assert started[0][1][SITE_VARIABLE] == str(tmp_path)
    assert queries.SITE_VARIABLE == SITE_VARIABLE
    assert server.DEMO_KEY_VARIABLE == DEMO_KEY_VARIABLE
    assert "--port=8600" in started[0][0]
    assert "--idle-minutes=15" in started[0][0]


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

    assert "unencrypted" in result.output
    assert len(started) == 1


def test_a_proxy_with_tls_is_no_reason_to_warn(
    started: list[tuple[list[str], dict[str, str]]],
) -> None:
    """The name that people type is handed on."""
    result = CliRunner().invoke(
        dashboard, ["--host", "192.168.1.4", "--expose", "--public-url", "https://shop.example"]
    )

    assert "unencrypted" not in result.output
    assert "--public-url=https://shop.example" in started[0][0]


def test_all_addresses_need_a_name(started: list[tuple[list[str], dict[str, str]]]) -> None:
    """Browsers ask for a name, and an unknown one would be turned away."""
    result = CliRunner().invoke(dashboard, ["--host", "0.0.0.0", "--expose"])  # noqa: S104

    assert isinstance(result.exception, ConfigError)
    assert "--public-url" in result.exception.advice
    assert started == []


@pytest.mark.parametrize(
    "url", ["shop", "ftp://shop", "https://", "https://a/b", "https://a@b", "https://a:x", "//a",
            "https://a?b", "https://a#b"],
)  # fmt: skip
def test_a_public_url_that_is_none_is_refused(url: str) -> None:
    """Scheme and name, and nothing else."""
    with pytest.raises(ConfigError, match="public-url"):
        server.address_of("127.0.0.1", url)


def test_a_public_url_is_a_host_and_an_origin() -> None:
    """TLS there makes cookies for TLS only."""
    found = server.address_of("192.168.1.4", "https://Shop.example:8443/")

    assert {"192.168.1.4", "localhost", "shop.example"} <= found.hosts
    assert found.origins == {"https://shop.example:8443"}
    assert found.secure
    assert not server.address_of("127.0.0.1", None).secure
    assert "0.0.0.0" not in server.address_of("0.0.0.0", "http://pc:80").hosts  # noqa: S104


def test_a_demo_is_one_only_until_it_has_accounts(tmp_path: Path) -> None:
    """A real policy, a broken one, none, or an account: no link leads in."""
    site = Site(tmp_path)
    assert not server.is_demo(site)
    site.policy.write_bytes(seed.DEMO.read_bytes())
    assert server.is_demo(site)
    site.accounts.parent.mkdir()
    site.accounts.write_text("{}", "utf-8")
    assert not server.is_demo(site)


def test_a_real_site_refuses_the_demos_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server doesn't start, and the key doesn't stay in the environment."""
    monkeypatch.setenv(SITE_VARIABLE, str(tmp_path))
    monkeypatch.setenv(server.DEMO_KEY_VARIABLE, "key")

    assert server.main([]) == ConfigError.exit_code
    assert "isn't a demo" in capsys.readouterr().err
    assert server.DEMO_KEY_VARIABLE not in os.environ


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_addresses(host: str) -> None:
    """All of these stay on this machine."""
    assert is_loopback(host)
