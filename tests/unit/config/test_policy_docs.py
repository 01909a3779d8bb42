"""What is written about policies, in both languages, agrees with the profiles and the shape."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.config.profiles import NAMES, load_profile
from agent.domain.profile import spell

DOCS = Path(__file__).resolve().parents[3] / "docs"
ENGLISH = (DOCS / "policy.md").read_text("utf-8")
JAPANESE = (DOCS / "policy.ja.md").read_text("utf-8")


def keys(page: str) -> list[str]:
    """Return the keys of the tables, in order."""
    return re.findall(r"^\| `([a-z_]+(?:\.[a-z_]+)*)` \|", page, re.MULTILINE)


def row(page: str, profile: str) -> str:
    """Return the last table's row about a profile."""
    return re.findall(rf"^\| `{profile}` \|.*$", page, re.MULTILINE)[-1]


def test_both_languages_explain_the_same_keys():
    """No key is explained in one language only."""
    assert keys(ENGLISH) == keys(JAPANESE)
    assert "capture.schedule.windows" in keys(ENGLISH)


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE], ids=["en", "ja"])
@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_profiles_says_what_the_profiles_say(name, page):
    """Every bound on a length or a number, every prohibited head and required evidence."""
    text = row(page, name)
    profile = load_profile(name)

    for ceiling in profile.ceilings:
        if not isinstance(ceiling.value, frozenset) and ceiling.key != "release.bucket":
            assert spell(ceiling.value) in text, ceiling.key
    for rule in profile.prohibitions:
        assert all(f"`{head}`" in text for head in rule.heads)
    for item in profile.evidence:
        asked = item.required and item.group != "monitoring"
        assert not asked or f"`{item.id}`" in text, item.id
