"""The threat model claims nothing that no test or command shows, in either language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
JAPANESE = (ROOT / "docs" / "threat-model.ja.md").read_text("utf-8")
PROOFS = re.findall(r"^(\d+)\. (`.+)$", ENGLISH, re.MULTILINE)
TESTS = sorted(set(re.findall(r"`(tests/[\w/.]+)::(\w+)`", ENGLISH)))


@pytest.mark.parametrize(("path", "name"), TESTS, ids=[name for _, name in TESTS])
def test_every_named_test_is_there(path: str, name: str) -> None:
    """A renamed or removed test takes its claim along."""
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("text", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_every_number_leads_to_a_proof(text: str) -> None:
    """Each claim's number is in the list, and each line of the list is used."""
    claims = {
        int(number)
        for group in re.findall(r"\[(\d+(?:, \d+)*)\]", text)
        for number in group.split(", ")
    }

    assert list(range(1, len(PROOFS) + 1)) == [int(number) for number, _ in PROOFS]
    assert set(range(1, len(PROOFS) + 1)) == claims


def test_both_languages_have_the_same_proofs_and_shape() -> None:
    """Chapters, points and the list of proofs are equal in number and order."""
    for pattern in (r"^(##) ", r"^(- )", r"^(\d+)\. ", r"^(\|)"):
        assert re.findall(pattern, ENGLISH, re.MULTILINE) == re.findall(
            pattern, JAPANESE, re.MULTILINE
        ), pattern
    assert PROOFS == re.findall(r"^(\d+)\. (`.+)$", JAPANESE, re.MULTILINE)
