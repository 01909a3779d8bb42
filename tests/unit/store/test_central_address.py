"""Which addresses of a centre may be used, and what a refusal says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.store.central_address import (
    CREDENTIAL,
    VARIABLE,
    check_url,
    find,
    load_address,
    parse,
)

SECRET = "s3cret-word"
CA = "sslrootcert=/etc/ssl/ca.pem"


def pg(rest: str) -> str:
    """Return an address with a password in it."""
    return f"postgresql://kyoto:{SECRET}@{rest}"


@pytest.mark.parametrize(
    "rest",
    [
        "db.example/omokage",
        f"db.example/omokage?sslmode=require&{CA}",
        f"db.example/omokage?sslmode=verify-ca&{CA}",
        f"db.example/omokage?sslmode=disable&{CA}",
        "db.example/omokage?sslmode=verify-full",
        f"192.0.2.7/omokage?sslmode=prefer&{CA}",
        f"localhost.example/omokage?sslmode=allow&{CA}",
        "127.0.0.1.example/omokage",
    ],
)
def test_a_plain_connection_to_another_machine_is_refused(rest: str) -> None:
    """Without a certificate that is checked against a named signer, nothing leaves this machine."""
    with pytest.raises(ConfigError) as refusal:
        check_url(pg(rest))

    assert "verify-full" in refusal.value.advice
    assert SECRET not in refusal.value.sentences


@pytest.mark.parametrize(
    "rest",
    [
        f"localhost/omokage?host=db.example&{CA}",
        "/omokage?host=db.example",
        "/omokage?host=/run/postgresql&host=db.example",
        "/omokage",
        "a.example,b.example/omokage",
        "localhost/omokage?hostaddr=192.0.2.7",
        "localhost/omokage?service=elsewhere",
        "localhost/omokage?options=-csearch_path%3Dx",
        "localhost/omokage?sslpassword=x",
        "localhost/",
        "localhost:port/omokage",
    ],
)
def test_what_could_lead_elsewhere_is_refused(rest: str) -> None:
    """An address names one host by one setting, and no setting that isn't known to be harmless."""
    with pytest.raises(ConfigError) as refusal:
        check_url(pg(rest))
    assert SECRET not in refusal.value.sentences


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "mysql://a:b@localhost/x", "postgresql+psycopg2://a:b@localhost/x",
     "http://db.example", "sqlite://", "sqlite:///:memory:", "sqlite:///x.db?mode=ro",
     "postgresql://localhost/omokage"],
)  # fmt: skip
def test_other_addresses_are_refused(text: str) -> None:
    """The centre is PostgreSQL with a role, or a file for a trial."""
    with pytest.raises(ConfigError):
        check_url(text)


def test_another_machine_is_always_verified() -> None:
    """Where a signer is named, the strictest mode is written out, and nothing else encrypts."""
    url = check_url(pg(f"db.example:6432/omokage?{CA}"))

    assert url.query["sslmode"] == "verify-full"
    assert url.query["gssencmode"] == "disable"
    assert (url.host, url.port) == ("db.example", 6432)


@pytest.mark.parametrize(
    "rest",
    ["127.0.0.1/omokage", "localhost:5433/omokage", "[::1]/omokage",
     "/omokage?host=/run/postgresql"],
)  # fmt: skip
def test_this_machine_needs_no_tls(rest: str) -> None:
    """What stays on this machine may be plain."""
    assert check_url(pg(rest)).drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    "content",
    [
        b"url = ",
        b"\xff\xfe",
        b'site = "kyoto"',
        b"url = 5",
        b'url = "sqlite:////srv/c.sqlite"\npassword = "s3cret-word"',
        b'url = "sqlite:////srv/c.sqlite"\nsite = "Kyoto Station"',
        b'url = "sqlite:////srv/c.sqlite"\nsite = ""',
        b'url = "s3cret-word\n',
        b"#" * 20_000,
    ],
)
def test_a_wrong_file_is_refused_without_quoting_it(content: bytes) -> None:
    """A file that isn't understood is refused, and nothing of it is in the message."""
    with pytest.raises(ConfigError) as refusal:
        parse(content)
    assert SECRET not in refusal.value.sentences


def test_an_address_does_not_show_its_password() -> None:
    """Neither the address nor its printed form holds the password."""
    address = parse(f'site = "kyoto"\nurl = "{pg("localhost/omokage")}"'.encode())

    assert SECRET not in repr(address)
    assert SECRET not in str(address.url)
    assert address.site == "kyoto"


def test_a_file_for_everybody_is_refused(tmp_path: Path) -> None:
    """A password that others can read isn't used."""
    path = tmp_path / "central.toml"
    path.write_text('url = "sqlite:////srv/c.sqlite"\n')
    path.chmod(0o644)

    with pytest.raises(ConfigError, match="everybody"):
        load_address(path)
    path.chmod(0o640)
    assert load_address(path).site is None


def test_a_missing_file_says_where_to_read(tmp_path: Path) -> None:
    """Without a file there is no centre, and the advice says how to get one."""
    with pytest.raises(ConfigError, match="no centre") as refusal:
        load_address(tmp_path / "central.toml")
    assert "sites.md" in refusal.value.advice


def test_the_command_line_comes_first_then_the_environment_then_the_credential(
    tmp_path: Path,
) -> None:
    """The file is the named one, else the variable's, else systemd's, else the site's own."""
    (tmp_path / CREDENTIAL).touch()
    handed = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    root = tmp_path / "site"

    assert find(Path("x"), root, {VARIABLE: "y", **handed}) == Path("x")
    assert find(None, root, {VARIABLE: "y", **handed}) == Path("y")
    assert find(None, root, handed) == tmp_path / CREDENTIAL
    assert find(None, root, {}) == root / "central.toml"
