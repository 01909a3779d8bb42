"""Policy files, good and bad, and what `omokage policy check` says about each.

`pytest tests/golden --golden` writes the expected texts anew; read the difference before
it is kept.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.cli.policy.check import describe
from agent.config.policy_file import examine, parse_policy
from agent.errors import PolicyError

FOLDER = Path(__file__).parent / "policies"
GOOD = sorted((FOLDER / "good").glob("*.toml"))
BAD = sorted((FOLDER / "bad").glob("*.toml"))


def said(path: Path) -> str:
    """Return what the check prints."""
    return "\n".join(describe(examine(path.read_bytes(), "policy.toml"))) + "\n"


def compare(path: Path, *, update: bool) -> None:
    """Compare what is said with the text beside the policy, or write that text."""
    expected = path.with_suffix(".txt")
    if update:
        expected.write_text(said(path), "utf-8")
    assert expected.read_text("utf-8") == said(path)


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether the expected texts are written anew."""
    return bool(request.config.getoption("--golden"))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_policy_is_accepted(path, update):
    """It may be used, and the check says what it amounts to."""
    found = examine(path.read_bytes(), "policy.toml")

    assert found.problems == ()
    assert found.policy is not None
    compare(path, update=update)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_policy_is_refused_place_by_place(path, update):
    """It is refused, and each problem names file, line and key."""
    found = examine(path.read_bytes(), "policy.toml")

    assert found.policy is None
    assert found.problems
    assert all(0 < problem.line <= path.read_bytes().count(b"\n") + 1 for problem in found.problems)
    with pytest.raises(PolicyError):
        parse_policy(path.read_bytes(), "policy.toml")
    compare(path, update=update)


def test_there_is_a_file_for_each_kind_of_mistake():
    """The folder isn't emptied by accident."""
    assert len(BAD) >= 25
    assert len(GOOD) >= 10


def test_no_expected_text_is_left_over():
    """Every text belongs to a policy."""
    policies = {path.with_suffix("") for path in (*GOOD, *BAD)}

    assert {path.with_suffix("") for path in FOLDER.rglob("*.txt")} == policies
