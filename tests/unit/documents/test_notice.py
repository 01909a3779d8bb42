"""What stands on the notice at the camera."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from agent.domain.policy import Subjects
from agent.domain.schedule import Schedule
from agent.domain.words import LANGUAGES
from agent.errors import PolicyError
from dashboard.documents.notice import build_notice, grouped, short_digest
from tests.papers import ISSUED, european, shop

BOTH = pytest.mark.parametrize("language", LANGUAGES)


def text_of(notice) -> str:
    """Return all words of a notice."""
    return str(asdict(notice))


@BOTH
def test_a_notice_says_purpose_retention_and_contact(language: str) -> None:
    """What the law asks a notice for is on it: who, why, how long, whom to ask."""
    policy, profile = shop()

    notice = build_notice(policy, profile, language, ISSUED)

    assert policy.purpose[language] == notice.purpose.about
    assert "株式会社おもかげ書店\nおもかげ書店 駅前店" == notice.operator.about
    assert policy.contact == notice.contact.about
    lives = " ".join(line.about for line in notice.kept[1])
    assert all(number in lives for number in ("48", "91", "729", "731"))


@BOTH
def test_a_notice_names_places_hours_and_threshold(language: str) -> None:
    """Where, when, and about how few nothing is said."""
    places, times, few = build_notice(*shop(), language, ISSUED).facts

    assert "till" in places.about
    assert "door" in places.about
    assert "09:00" in times.about
    assert "2" in times.about.split("\n")[1]  # closed days
    assert "6" in few.about


def test_a_notice_carries_its_date_and_the_policys_digest() -> None:
    """Which policy it speaks of can be compared by eye."""
    policy, profile = shop()
    notice = build_notice(policy, profile, "ja", ISSUED)

    assert "2026年11月23日" in notice.small[0]
    assert short_digest(policy.digest) in notice.small[1]
    assert policy.digest == grouped(policy.digest).replace(" ", "")


@BOTH
def test_a_notice_in_a_language_without_purpose_is_refused(language: str) -> None:
    """The program doesn't make up a purpose, and doesn't print one that can't be read."""
    policy, profile = shop()
    other = {code: text for code, text in policy.purpose.items() if code != language}

    with pytest.raises(PolicyError, match="no purpose") as refused:
        build_notice(replace(policy, purpose=other), profile, language, ISSUED)
    assert f'{language} = "..."' in refused.value.advice


@BOTH
def test_expression_categories_are_announced(language: str) -> None:
    """A site that computes them says so; in the EU in the words of the AI Act, with the rights."""
    plain = build_notice(*shop(), language, ISSUED)
    policy, profile = european()
    notice = build_notice(policy, profile, language, ISSUED)

    assert 1 == len(plain.lead)
    assert "" == plain.rights
    assert 3 == len(notice.lead)
    assert "AI" in notice.lead[2]
    assert "GDPR" in notice.rights


@BOTH
def test_a_barred_head_is_not_announced(language: str) -> None:
    """Where the profile bars the head, the notice doesn't say that it runs."""
    policy, profile = european()

    notice = build_notice(replace(policy, subjects=Subjects.WORKERS), profile, language, ISSUED)

    assert 1 == len(notice.lead)


@BOTH
def test_the_notice_of_a_demo_says_so(language: str) -> None:
    """Nobody takes a demo's notice for a shop's."""
    policy, profile = shop()

    notice = build_notice(replace(policy, demo=True), profile, language, ISSUED)

    assert "Demonstration" in notice.lead[0] or "デモ" in notice.lead[0]


def test_without_an_address_there_is_no_code() -> None:
    """No QR code is drawn for nothing."""
    policy, profile = shop()

    notice = build_notice(replace(policy, notice_url=""), profile, "en", ISSUED)

    assert "" == notice.qr
    assert "svg" not in text_of(notice)


def test_all_hours_are_told_where_there_are_no_windows() -> None:
    """An empty schedule isn't an empty line."""
    policy, profile = shop()

    notice = build_notice(replace(policy, schedule=Schedule()), profile, "en", ISSUED)

    assert "At all hours" == notice.facts[1].about


def test_a_legal_disclaimer_is_not_for_passers_by() -> None:
    """What the program is not belongs in its documents, not on the wall."""
    assert "legal advice" not in text_of(build_notice(*shop(), "en", ISSUED))
