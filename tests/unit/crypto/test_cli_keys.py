"""`omokage keys` makes keys once, says what they cost to lose, and warns before they run out."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli.keys import keys
from agent.config.site import Site
from agent.crypto import create
from agent.crypto.open import unlock
from agent.crypto.vault import CHEAPEST
from agent.errors import ConfigError, NoRecipient

PASSPHRASE = "a passphrase for tests"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the cheapest Argon2 cost."""
    defaults = {**create.create_epochs.__kwdefaults__, "profile": CHEAPEST}
    monkeypatch.setattr(create.create_epochs, "__kwdefaults__", defaults)


def call(site: Path, *arguments: str, typed: str | None = None) -> Result:
    """Run `omokage keys` and let refusals through."""
    return CliRunner().invoke(
        keys, [*arguments, "--site", str(site)], input=typed, catch_exceptions=True
    )


def test_init_asks_twice_and_makes_keys_that_open(tmp_path: Path) -> None:
    """The passphrase that was typed opens the vault, and the loss of it is spelled out."""
    result = call(tmp_path, "init", "--weeks", "5", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")

    assert result.exit_code == 0
    assert "nobody can recover" in result.output
    assert PASSPHRASE not in result.output
    assert len(unlock(Site(tmp_path).vault, PASSPHRASE).epochs) == 5


def test_init_reads_the_passphrase_from_a_file(tmp_path: Path) -> None:
    """A file's first line is the passphrase; its line end isn't part of it."""
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSPHRASE}\r\nsecond line\n")

    result = call(tmp_path, "init", "--weeks", "1", "--passphrase-file", str(secret))

    assert result.exit_code == 0
    assert unlock(Site(tmp_path).vault, PASSPHRASE).epochs


def test_a_mistyped_passphrase_makes_no_keys(tmp_path: Path) -> None:
    """Two different passphrases, and nothing is written."""
    result = call(tmp_path, "init", typed=f"{PASSPHRASE}\nanother one\n")

    assert result.exit_code != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"short\n", b"", b"\xff\xfe\n"])
def test_an_unusable_passphrase_file_makes_no_keys(tmp_path: Path, content: bytes) -> None:
    """A short, empty or unreadable passphrase is refused before anything is written."""
    secret = tmp_path / "secret"
    secret.write_bytes(content)

    result = call(tmp_path, "init", "--passphrase-file", str(secret))

    assert isinstance(result.exception, ConfigError)
    assert not Site(tmp_path).vault.exists()


def test_init_refuses_a_site_that_has_keys(tmp_path: Path) -> None:
    """The refusal comes before a passphrase is asked for."""
    call(tmp_path, "init", "--weeks", "1", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")

    result = call(tmp_path, "init", typed="")

    assert isinstance(result.exception, ConfigError)
    assert "Passphrase" not in result.output


def test_status_shows_the_epoch_in_use_and_the_days_left(tmp_path: Path) -> None:
    """With half a year ahead there is no warning."""
    call(tmp_path, "init", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")

    result = call(tmp_path, "status")

    assert "26 epochs" in result.output
    assert result.output.count("\n*") == 1
    assert "more days" in result.output
    assert "Warning" not in result.output


def test_status_warns_when_keys_run_out_soon(tmp_path: Path) -> None:
    """Under 28 days of runway the operator is told."""
    call(tmp_path, "init", "--weeks", "2", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")

    assert "Warning" in call(tmp_path, "status").output


def test_status_without_keys_is_refused(tmp_path: Path) -> None:
    """A site without keys has no recipient, and the exit says so."""
    assert isinstance(call(tmp_path, "status").exception, NoRecipient)
