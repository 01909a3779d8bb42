"""`omokage` itself: fast help, known exit codes, a sentence for each refusal."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from agent import errors
from agent.cli import main as cli
from agent.cli.options import models_option, site_option

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("numpy", "cv2", "onnxruntime", "sqlalchemy", "pyarrow", "streamlit", "cryptography")


def all_errors() -> list[type[errors.AgentError]]:
    """Return every refusal that the agent knows."""
    found = [errors.AgentError]
    for kind in found:
        found += kind.__subclasses__()
    return found


def run_raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> click.testing.Result:
    """Run a command that ends with an exception."""

    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setattr(cli.Program, "get_command", lambda self, ctx, name: failing)
    return CliRunner().invoke(cli.main, ["failing"])


def test_help_imports_nothing_heavy() -> None:
    """`omokage --help` loads neither numpy nor OpenCV nor a runtime nor a database."""
    code = (
        "import sys\n"
        "from agent.cli.main import main\n"
        "try:\n    main(['--help'], prog_name='omokage')\n"
        "except SystemExit:\n    pass\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert "LOADED []" in done.stdout
    assert "Commands:" in done.stdout


def test_help_names_every_command_and_exit_code() -> None:
    """The help lists each command with its line, and each exit code that an error has."""
    text = CliRunner().invoke(cli.main, ["--help"]).output

    for name, (_, line) in cli.COMMANDS.items():
        assert name in text
        assert line in text
    for code in {kind.exit_code for kind in all_errors()} - {1}:
        assert f"\n    {code}  " in text


@pytest.mark.parametrize("kind", all_errors())
def test_a_refusal_is_a_sentence_and_a_code(
    kind: type[errors.AgentError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each error prints its message and its advice on stderr, without a traceback."""
    result = run_raising(kind("it went so"), monkeypatch)

    assert result.exit_code == kind.exit_code
    assert result.stderr == f"error: it went so\n{kind.advice}\n"
    assert result.stdout == ""


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with the code that shells expect, without a traceback."""
    result = run_raising(KeyboardInterrupt(), monkeypatch)

    assert result.exit_code == cli.INTERRUPTED
    assert "Traceback" not in result.output


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What isn't a refusal crashes: it must not look like one."""
    result = run_raising(ZeroDivisionError("bug"), monkeypatch)

    assert isinstance(result.exception, ZeroDivisionError)


def test_an_unknown_command_is_a_wrong_option() -> None:
    """A command that doesn't exist ends with 2."""
    result = CliRunner().invoke(cli.main, ["nonsense"])

    assert result.exit_code == 2
    assert "nonsense" in result.stderr


def test_version_names_what_computes() -> None:
    """`omokage version` says the versions that a bug report needs."""
    result = CliRunner().invoke(cli.main, ["version"])

    assert result.exit_code == 0
    for name in ("omokage", "python", "onnxruntime", "numpy"):
        assert name in result.output


def test_shared_options_know_home_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`~` is the home folder also from the environment; the command line wins over it."""

    @click.command()
    @site_option
    @models_option
    def show(site: Path, models: Path) -> None:
        click.echo(f"{site}|{models}")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OMOKAGE_SITE", "~/here")

    result = CliRunner().invoke(show, ["--models", "~/m"])
    assert result.output.strip() == f"{tmp_path}/here|{tmp_path}/m"
    other = CliRunner().invoke(show, ["--site", str(tmp_path / "there")])
    assert other.output.startswith(f"{tmp_path}/there|")
