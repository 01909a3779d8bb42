"""`oidc.toml`: what is incomplete, open to others, or not encrypted is refused at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ConfigError
from dashboard.auth.oidc import FILE_NAME, Service, load, parse

GOOD = """
[auth]
redirect_uri = "https://omokage.shop.example/oauth2callback"
client_id = "omokage"
client_secret = "s"
server_metadata_url = "https://id.example.org/.well-known/openid-configuration"

[accounts]
"hana@example.org" = "hana"
"""


def test_a_whole_file_is_understood() -> None:
    """People are told apart by their verified address unless the file says otherwise."""
    found = parse(GOOD.encode(), Path(FILE_NAME))

    assert found.claim == "email"
    assert found.account_of({"email": "hana@example.org", "email_verified": True}) == "hana"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('client_secret = "s"\n', ""),
        ('client_id = "omokage"', "client_id = 3"),
        ("/oauth2callback", "/elsewhere"),
        ("https://id.example.org", "http://id.example.org"),
        ("https://omokage.shop.example", "http://omokage.shop.example"),
        ("[accounts]", "[account]"),
        ('"hana@example.org" = "hana"', ""),
        ('= "hana"', "= 7"),
        ("[auth]", "[auth"),
        ("[accounts]", '[omokage]\nroles = "admin"\n[accounts]'),
    ],
)
def test_a_file_that_is_not_whole_is_refused(old: str, new: str) -> None:
    """Nothing is guessed, and no secret travels unencrypted."""
    with pytest.raises(ConfigError, match=FILE_NAME) as refused:
        parse(GOOD.replace(old, new, 1).encode(), Path(FILE_NAME))

    assert refused.value.advice


def test_a_secret_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    """The mode is looked at before anything else."""
    path = tmp_path / FILE_NAME
    path.write_text(GOOD)
    path.chmod(0o644)

    with pytest.raises(ConfigError, match="everybody"):
        load(tmp_path)


def test_without_a_file_there_is_no_service(tmp_path: Path) -> None:
    """Nothing of it is loaded then."""
    assert load(tmp_path) is None


@pytest.mark.parametrize(
    "identity",
    [None, {}, {"email": "hana@example.org"}, {"email": "hana@example.org", "email_verified": 1},
     {"email": "HANA@example.org", "email_verified": True}, {"sub": "hana@example.org"}],
)  # fmt: skip
def test_who_is_not_named_has_no_account(identity: dict[str, object] | None) -> None:
    """Only the very value that the file names, and an address only if it was verified."""
    trusted = Service(Path(), "ID", "email", {"hana@example.org": "hana"})

    assert trusted.account_of(identity) is None
