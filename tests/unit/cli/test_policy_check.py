"""`omokage policy check`: what it prints and how it ends."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.main import main

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "policies"


def check(*arguments: str):
    """Run the command."""
    return CliRunner().invoke(main, ["policy", "check", *arguments])


def test_a_good_policy_ends_with_0():
    """It is summed up."""
    path = GOLDEN / "good" / "eu-customers-emotion.toml"

    result = check(str(path))

    assert 0 == result.exit_code
    assert "OK        eu-customers-emotion.toml may be used" in result.output
    assert "at least 184d  Regulation (EU) 2024/1689 (AI Act), Art. 26(6)" in result.output


def test_a_bad_policy_ends_with_8_and_every_line():
    """Each problem stands on a line of its own, with file and number."""
    result = check(str(GOLDEN / "bad" / "everything.toml"))

    assert 8 == result.exit_code
    assert 9 == result.output.count("\neverything.toml:")


def test_json_is_for_programs():
    """The same findings, as data; the exit code is the same, too."""
    result = check("--json", str(GOLDEN / "bad" / "eu-short-log.toml"))
    table = json.loads(result.output)

    assert 8 == result.exit_code
    assert not table["ok"]
    assert "retention.access_log" == table["problems"][0]["key"]
    assert 0 < table["problems"][0]["line"]
    assert "law" == table["problems"][0]["basis"]
    assert "Art. 26(6)" in table["problems"][0]["source"]


def test_json_of_a_good_policy_says_what_binds_it():
    """Heads, ceilings and the clock."""
    table = json.loads(check("--json", str(GOLDEN / "good" / "strict.toml")).output)

    assert table["ok"]
    assert ["au"] == table["heads"]
    assert {"key": "retention.records", "asked": "24h", "allowed": "at most 24h",
            "rests_on": "this project's own caution"} in table["ceilings"]  # fmt: skip


def test_without_a_file_the_sites_own_is_checked(tmp_path):
    """And nothing in the site is touched."""
    (tmp_path / "policy.toml").write_bytes((GOLDEN / "good" / "plain.toml").read_bytes())

    result = check("--site", str(tmp_path))

    assert 0 == result.exit_code
    assert ["policy.toml"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("arguments", [[], ["nowhere.toml"], ["--json", "nowhere.toml"]])
def test_a_missing_file_is_refused_with_advice(tmp_path, arguments):
    """No traceback, exit code 8."""
    result = check("--site", str(tmp_path), *arguments)

    assert 8 == result.exit_code
    assert "can't read the policy" in result.output
    assert "examples/shop.toml" in result.output


def test_a_database_instead_of_a_policy_is_refused(tmp_path):
    """A file of another kind isn't read as text."""
    path = tmp_path / "x.toml"
    sqlite3.connect(path).execute("create table t (x)").connection.close()

    result = check(str(path))

    assert 8 == result.exit_code
    assert "Traceback" not in result.output
