"""The table of faults names tests that exist, exit codes that are documented, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = (ROOT / "docs" / "faults.md").read_text("utf-8")
JAPANESE = (ROOT / "docs" / "faults.ja.md").read_text("utf-8")
TESTS = re.findall(r"^(\d+)\. `(tests/[\w/.]+)::(\w+)`$", ENGLISH, re.MULTILINE)
ROWS = [line for line in ENGLISH.splitlines() if line.startswith("| ") and "test |" not in line]
KILLED_BY_THE_KERNEL = 137


@pytest.mark.parametrize(
    ("path", "name"), [(p, n) for _, p, n in TESTS], ids=[n for *_, n in TESTS]
)
def test_every_named_test_is_there(path: str, name: str) -> None:
    """A renamed or removed test takes its row along."""
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_every_row_has_a_test_and_every_test_a_row(page: str) -> None:
    """No fault stands in the table without proof, and no proof without a fault."""
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    faults = [row for row in rows if re.search(r"\[\d+\]", row)]
    used = {int(number) for row in faults for number in re.findall(r"\[(\d+)\]", row)}

    assert len(rows) - 2 == len(faults)  # the two headings
    assert set(range(1, len(TESTS) + 1)) == used
    assert list(range(1, len(TESTS) + 1)) == [int(number) for number, *_ in TESTS]


def test_both_languages_have_the_same_rows() -> None:
    """The same tests prove the same rows, and the list is the same."""
    numbers = [
        [re.findall(r"\[\d+\]", line) for line in page.splitlines() if line.startswith("| ")]
        for page in (ENGLISH, JAPANESE)
    ]

    assert numbers[0] == numbers[1]
    assert TESTS == re.findall(r"^(\d+)\. `(tests/[\w/.]+)::(\w+)`$", JAPANESE, re.MULTILINE)


def test_every_exit_code_is_documented() -> None:
    """What a row says an agent ends with stands in the list of exit codes."""
    listed = {
        int(code)
        for code in re.findall(
            r"^\| (\d+) \|", (ROOT / "docs" / "cli.md").read_text("utf-8"), re.MULTILINE
        )
    }
    ends = [row.split("|")[4] for row in ROWS]
    named = {int(code) for end in ends for code in re.findall(r"\b\d+\b(?! second|\))", end)}

    assert {1, 3, 5, 7, 9} <= named
    assert named - {KILLED_BY_THE_KERNEL} <= listed
