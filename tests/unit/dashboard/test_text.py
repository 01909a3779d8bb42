"""The pages' words: both languages say everything."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
import streamlit

from agent.domain.aggregate import Reason
from agent.domain.facs import AU_LABELS
from agent.domain.frame import FrameStatus
from agent.domain.observation import EMOTIONS
from agent.domain.policy import PersonBound
from dashboard.queries import Period
from dashboard.text import LANGUAGES, Text, catalogue, preferred

ENTRIES = sorted(catalogue().items())


@pytest.mark.parametrize(("key", "texts"), ENTRIES, ids=[key for key, _ in ENTRIES])
def test_both_languages_have_every_text(key: str, texts: dict[str, str]) -> None:
    """Each entry has a text in each language, with the same placeholders."""
    fields = [
        {name for _, name, _, _ in string.Formatter().parse(text) if name}
        for text in texts.values()
    ]

    assert set(texts) == set(LANGUAGES)
    assert all(text.strip() for text in texts.values())
    assert fields[0] == fields[1]


@pytest.mark.parametrize(
    "key",
    [
        *(f"au.{label}" for label in AU_LABELS),
        *(f"emotion.{name}" for name in EMOTIONS),
        *(f"status.{status.value}" for status in FrameStatus),
        *(f"hidden.{reason.value}" for reason in Reason),
        *(f"hidden.reason_{reason.value}" for reason in Reason),
        *(f"hidden.bound_{bound.value}" for bound in PersonBound),
        *(f"control.period_{period.value}" for period in Period),
    ],
)
def test_every_value_of_the_domain_has_a_name(key: str) -> None:
    """No AU, category, status, reason, bound or period is without words."""
    assert key in catalogue()


SERVED = {key: texts["en"] for key, texts in ENTRIES if key.startswith("served.")}


@pytest.fixture(scope="module")
def scripts() -> str:
    """Return everything that the page server's own scripts say."""
    folder = Path(streamlit.__file__).parent / "static" / "static" / "js"
    return "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.js"))


@pytest.mark.parametrize("template", SERVED.values(), ids=SERVED.keys())
def test_what_is_translated_is_what_the_page_server_says(scripts: str, template: str) -> None:
    """Its words are in its scripts: one that it words differently next time is noticed here."""
    parts = re.split(r"\{\w+\}|(?<=Enter to )|options", template)

    assert [part for part in parts if part not in scripts] == []
    assert len(re.findall(r"\{\w+\}", template)) <= 1


def test_no_text_says_what_somebody_feels() -> None:
    """Categories are worded as likeness, never as a state of a person."""
    shown = [catalogue()[f"emotion.{name}"]["en"] for name in EMOTIONS if name != "neutral"]

    assert all(text.endswith("-like") for text in shown)


@pytest.mark.parametrize(
    ("locale", "language"),
    [("ja", "ja"), ("ja-JP", "ja"), ("JA_jp", "ja"), ("en-GB", "en"), ("fr", "en"), (None, "en")],
)
def test_the_browser_decides_the_first_language(locale: str | None, language: str) -> None:
    """Japanese browsers get Japanese, all others English."""
    assert preferred(locale) == language


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(5, "5 s"), (59.6, "1 min"), (3599, "1 h"), (5400, "1 h 30 min"), (90_000, "1 d 1 h")],
)
def test_durations_use_their_largest_units(seconds: float, expected: str) -> None:
    """A duration is written in one or two units."""
    assert Text("en").duration(seconds) == expected


def test_a_missing_share_is_a_dash() -> None:
    """Missing is never written as 0 %."""
    assert Text("en").percent(None) == "–"
    assert Text("en").percent(0.256, 1).startswith("25.6")
