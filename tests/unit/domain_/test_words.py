"""Words and numbers in two languages."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from agent.config.words import load_words
from agent.domain.words import Words
from agent.errors import ConfigError

EN, JA = load_words("en"), load_words("ja")


@pytest.mark.parametrize(
    ("length", "english", "japanese"),
    [
        (timedelta(seconds=1), "1 second", "1秒"),
        (timedelta(seconds=90), "90 seconds", "90秒"),
        (timedelta(minutes=15), "15 minutes", "15分"),
        (timedelta(hours=1), "1 hour", "1時間"),
        (timedelta(hours=25), "25 hours", "25時間"),
        (timedelta(hours=72), "72 hours (3 days)", "72時間（3日）"),
        (timedelta(days=1), "24 hours", "24時間"),
        (timedelta(days=90), "90 days", "90日"),
        (timedelta(days=365), "365 days (1 year)", "365日（1年）"),
        (timedelta(days=730), "730 days (2 years)", "730日（2年）"),
    ],
)
def test_durations_read_as_people_say_them(length: timedelta, english: str, japanese: str) -> None:
    """The policy's own unit comes first, a larger whole one behind it."""
    assert english == EN.duration(length)
    assert japanese == JA.duration(length)


@pytest.mark.parametrize(
    ("items", "english", "japanese"),
    [([], "", ""), (["a"], "a", "a"), (["a", "b"], "a and b", "a、b"),
     (["a", "b", "c"], "a, b and c", "a、b、c")],
)  # fmt: skip
def test_lists_read_as_people_say_them(items: list[str], english: str, japanese: str) -> None:
    """English has `and` before the last; Japanese only commas."""
    assert english == EN.listed(items)
    assert japanese == JA.listed(items)


def test_dates_are_spelled_in_each_language() -> None:
    """ISO 8601 in English, year, month and day in Japanese."""
    day = date(2026, 1, 5)

    assert ("2026-01-05", "2026年1月5日") == (EN.date(day), JA.date(day))


def test_an_unknown_key_is_a_mistake_of_ours() -> None:
    """It isn't passed over in silence."""
    with pytest.raises(KeyError):
        EN("no.such.entry")


@pytest.mark.parametrize(
    "text",
    [
        'a = { en = "x" }',
        'a = { en = "x", ja = "" }',
        'a = { en = "x", ja = "あ", de = "y" }',
        '[a]\nb = { ja = "あ" }',
        'a = { en = "x"',
    ],
    ids=["one language", "empty", "three languages", "nested", "broken"],
)
def test_a_text_in_one_language_only_is_refused(tmp_path: Path, text: str) -> None:
    """Neither an entry without its twin nor a damaged file is read."""
    path = tmp_path / "texts.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError):
        load_words("en", path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The message names the file, not its folder."""
    with pytest.raises(ConfigError, match=r"gone\.toml") as refused:
        load_words("en", tmp_path / "gone.toml")
    assert str(tmp_path) not in str(refused.value)


def test_braces_in_values_stay() -> None:
    """A value isn't formatted a second time."""
    words = Words("en", {"a": {"en": "<{x}>", "ja": "<{x}>"}})

    assert "<{y} {0}>" == words("a", x="{y} {0}")
