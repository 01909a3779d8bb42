"""Whatever a policy says, its sentences say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.config.durations import parse_duration
from agent.config.words import load_words
from agent.domain.policy import PersonBound, Release, Retention, spell_duration
from agent.domain.schedule import Schedule, Window
from agent.domain.sentences import sentences
from agent.domain.words import LANGUAGES
from tests.papers import shop

POLICY, PROFILE = shop()
WORDS = {code: load_words(code) for code in LANGUAGES}
UNITS = {"s": ("second", "秒"), "m": ("minute", "分"), "h": ("hour", "時間"), "d": ("day", "日")}

DURATIONS = st.builds(
    lambda count, unit: parse_duration(f"{count}{unit}"),
    st.integers(1, 9999),
    st.sampled_from("smhd"),
)
LANGUAGE = st.sampled_from(sorted(LANGUAGES))


def told(policy, language: str) -> str:
    """Return all sentences as one text."""
    found = sentences(policy, PROFILE, WORDS[language])
    return "\n".join(sentence for section in found for sentence in section.sentences)


@given(DURATIONS, LANGUAGE)
def test_a_duration_begins_as_the_policy_spells_it(length: timedelta, language: str) -> None:
    """The first number and unit are those of the file, so the two can be compared."""
    count, unit = re.fullmatch(r"(\d+)(.)", spell_duration(length)).groups()
    word = UNITS[unit][0 if language == "en" else 1]

    assert re.match(rf"{count} ?{word}", WORDS[language].duration(length))


@given(
    st.builds(Retention, DURATIONS, DURATIONS, DURATIONS, DURATIONS),
    DURATIONS,
    DURATIONS,
    st.integers(1, 1000),
    st.sampled_from(PersonBound),
    LANGUAGE,
)
def test_no_number_is_lost(kept, flush, bucket, k, bound, language) -> None:
    """Each tier's life, the flush, the bucket and k stand in the sentences, exactly."""
    policy = replace(POLICY, retention=kept, flush=flush, release=Release(bucket, k, bound))
    text = told(policy, language)

    for length in (kept.records, kept.aggregates, kept.daily, kept.access_log, flush, bucket):
        assert WORDS[language].duration(length) in text
    assert re.search(rf"(?<!\d){k} (person|persons) |{k}人がもと", text)


WINDOWS = st.builds(
    lambda days, start, length: Window(
        frozenset(days), time(start // 60, start % 60), _end(start + length)
    ),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 1439),
)


def _end(minutes: int) -> time | None:
    rest = minutes % 1440
    return time(rest // 60, rest % 60) if rest else None


@given(st.lists(WINDOWS, max_size=5), st.sets(st.dates(date(2026, 1, 1))), LANGUAGE)
def test_no_hour_and_no_closed_day_is_lost(windows, closed, language) -> None:
    """Every window's times and every closed day are named."""
    schedule = Schedule(windows=tuple(windows), closed=frozenset(closed))
    text = told(replace(POLICY, schedule=schedule), language)

    for window in windows:
        assert window.start.isoformat("minutes") in text
        assert (window.end.isoformat("minutes") if window.end else "24:00") in text
    assert all(WORDS[language].date(day) in text for day in closed)


@given(st.text(min_size=1), LANGUAGE)
def test_any_text_of_a_site_comes_through_unchanged(text: str, language: str) -> None:
    """Braces, brackets, line breaks: a site's words are values, not templates."""
    policy = replace(POLICY, purpose={language: text}, contact=text, operator=text)

    assert 3 <= told(policy, language).count(text)
