"""`omokage policy show | notice | evidence` and `omokage keys form`, as one types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.main import main
from agent.cli.policy.show import preferred_language

SHOP = Path(__file__).resolve().parents[3] / "docs" / "examples" / "shop.toml"


def omokage(*arguments: object):
    """Run the program in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("language", "title"), [("ja", "残さないもの"), ("en", "What is never kept")]
)
def test_show_prints_sentences(language: str, title: str) -> None:
    """Sections and sentences, in the language that was asked for."""
    result = omokage("policy", "show", "--language", language, SHOP)

    assert 0 == result.exit_code
    assert title in result.output
    assert "72" in result.output


def test_show_as_json_is_for_programs() -> None:
    """The same sentences, as data, with the digest."""
    told = json.loads(omokage("policy", "show", "--format", "json", SHOP).output)

    assert 64 == len(told["digest"])
    assert {"purpose", "kept", "law"} <= {section["id"] for section in told["sections"]}


def test_show_as_markdown_has_headings() -> None:
    """A document of its own; nothing in the policy is markup."""
    result = omokage("policy", "show", "--format", "markdown", "--language", "en", SHOP)

    assert result.output.startswith("# Example shop\n\n## What it is for\n\n- ")


def test_show_of_a_policy_that_may_not_be_used_is_refused(tmp_path: Path) -> None:
    """No sentences about rules that don't hold."""
    path = tmp_path / "policy.toml"
    path.write_text(SHOP.read_text("utf-8").replace('"72h"', '"900d"'), encoding="utf-8")

    result = omokage("policy", "show", path)

    assert 8 == result.exit_code
    assert "retention.records" in result.output
    assert "What it is for" not in result.output


@pytest.mark.parametrize(
    ("settings", "language"),
    [
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "ja_JP", "LANG": "de_DE"}, "ja"),
        ({}, "en"),
    ],
)
def test_the_terminals_language_is_taken(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], language: str
) -> None:
    """LC_ALL before LC_MESSAGES before LANG, as POSIX orders them."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert language == preferred_language()


@pytest.mark.parametrize(
    ("name", "begins"), [("n.html", b"<!DOCTYPE html>"), ("n.pdf", b"%PDF-1."), ("n.PDF", b"%PDF")]
)
def test_notice_writes_what_the_files_name_says(tmp_path: Path, name: str, begins: bytes) -> None:
    """HTML or PDF, without another option."""
    out = tmp_path / name

    result = omokage("policy", "notice", "--out", out, SHOP)

    assert 0 == result.exit_code
    assert out.read_bytes().startswith(begins)
    assert "read it before you hang it up" in result.output


@pytest.mark.parametrize("kind", ["guidebook", "dpia"])
def test_evidence_writes_a_checklist(tmp_path: Path, kind: str) -> None:
    """Markdown by the file's name; boxes to tick."""
    out = tmp_path / "list.md"

    result = omokage("policy", "evidence", "--kind", kind, "--out", out, SHOP)

    assert 0 == result.exit_code
    assert out.read_text("utf-8").count("- [ ] **1.") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["notice", "--out", "n.txt"],
        ["notice", "--out", "n.md"],
        ["notice"],
        ["evidence", "--out", "e.pdf"],
        ["evidence", "--kind", "soup", "--out", "e.pdf"],
        ["show", "--language", "fr"],
    ],
    ids=" ".join,
)
def test_wrong_options_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Each with a sentence on what is missing, and code 2; nothing is written."""
    monkeypatch.chdir(tmp_path)

    result = omokage("policy", *arguments, SHOP)

    assert 2 == result.exit_code
    assert not list(tmp_path.iterdir())


def test_a_notice_without_purpose_in_its_language_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The other process's refusal ends this one: the same words, advice and code."""
    path = tmp_path / "policy.toml"
    text = SHOP.read_text("utf-8").replace('en = "', 'de = "')
    path.write_text(text, encoding="utf-8")
    out = tmp_path / "n.html"

    result = omokage("policy", "notice", "--out", out, "--language", "en", path)

    assert 8 == result.exit_code
    assert "no purpose in English" in capfd.readouterr().err
    assert not out.exists()


def test_a_place_that_cant_be_written_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No traceback, and code 2."""
    result = omokage("policy", "notice", "--out", tmp_path / "none" / "n.html", SHOP)

    assert 2 == result.exit_code
    assert "can't write n.html" in capfd.readouterr().err


def test_a_folder_with_our_name_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `dashboard` that lies where the command was started isn't taken for ours."""
    (tmp_path / "dashboard" / "documents").mkdir(parents=True)
    for folder in (tmp_path / "dashboard", tmp_path / "dashboard" / "documents"):
        (folder / "__init__.py").write_text("raise SystemExit(99)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert 0 == omokage("policy", "notice", "--out", "n.html", SHOP).exit_code


def test_the_command_itself_loads_no_typesetter() -> None:
    """Neither typst nor the documents are in the process that a person started."""
    code = (
        "import sys; import agent.cli.main, agent.cli.policy.notice, agent.cli.policy.evidence, "
        "agent.cli.keys.form; "
        "print([m for m in sys.modules if m.split('.')[0] in {'typst', 'segno', 'dashboard'}])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()


def test_key_form_needs_keys(tmp_path: Path) -> None:
    """A site without keys has nothing to print."""
    (tmp_path / "policy.toml").write_bytes(SHOP.read_bytes())

    result = omokage("keys", "form", "--site", tmp_path, "--out", tmp_path / "f.pdf")

    assert 6 == result.exit_code
    assert "omokage keys init" in result.output


def test_key_form_holds_public_values_only(tmp_path: Path) -> None:
    """The fingerprint of `keys status` is on it; the passphrase and private bytes aren't."""
    (tmp_path / "policy.toml").write_bytes(SHOP.read_bytes())
    secret = tmp_path / "passphrase"
    secret.write_text("quiet harbour nine lanterns at dusk\n", encoding="utf-8")
    made = omokage("keys", "init", "--site", tmp_path, "--passphrase-file", secret, "--weeks", "4")
    assert 0 == made.exit_code, made.output
    out = tmp_path / "form.html"

    result = omokage("keys", "form", "--site", tmp_path, "--out", out)
    shown = json.loads(omokage("keys", "status", "--site", tmp_path, "--json").stdout)
    page = out.read_text("utf-8")

    assert 0 == result.exit_code
    assert shown["fingerprint"] in page
    assert "lanterns" not in page
    vault = (tmp_path / "vault" / "epochs.toml").read_text("utf-8")
    long_values = [word.strip('",') for word in vault.split() if len(word) > 40]
    assert long_values
    assert not [value for value in long_values if value in page]


def test_key_form_asks_for_persons_where_the_vault_isnt(tmp_path: Path) -> None:
    """On the machine with the camera there is no vault; the operator says how many."""
    (tmp_path / "policy.toml").write_bytes(SHOP.read_bytes())
    secret = tmp_path / "passphrase"
    secret.write_text("quiet harbour nine lanterns at dusk\n", encoding="utf-8")
    omokage("keys", "init", "--site", tmp_path, "--passphrase-file", secret, "--weeks", "4")
    (tmp_path / "vault" / "epochs.toml").unlink()
    common = ("keys", "form", "--site", tmp_path, "--out", tmp_path / "f.html")

    refused = omokage(*common)
    done = omokage(*common, "--persons", "2")

    assert 2 == refused.exit_code
    assert "--persons" in refused.output
    assert 0 == done.exit_code
