"""A policy in plain sentences: nothing is left out, in either language."""

from __future__ import annotations

import re
import string
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from agent.config.words import SENTENCES, load_words
from agent.domain.policy import Head, Policy, PurposeKind, Subjects
from agent.domain.profile import CEILING_KEYS, Basis, Limit, Profile
from agent.domain.sentences import SECTIONS, sentences
from agent.domain.words import LANGUAGES
from dashboard.documents import evidence, keyform, notice
from tests.papers import HOSTILE, european, shop

BOTH = pytest.mark.parametrize("language", LANGUAGES)
ALL = load_words("en", notice.TEXTS, evidence.TEXTS, keyform.TEXTS).entries


def told(policy: Policy, profile: Profile, language: str) -> str:
    """Return all sentences as one text."""
    found = sentences(policy, profile, load_words(language))
    return "\n".join(sentence for section in found for sentence in section.sentences)


@pytest.mark.parametrize("key", sorted(ALL))
def test_both_languages_take_the_same_values(key: str) -> None:
    """An entry's two texts have the same placeholders, except for how a date is written."""
    names = [
        {name for _, name, _, _ in string.Formatter().parse(text) if name}
        for text in ALL[key].values()
    ]

    assert key == "unit.date" or names[0] == names[1]


@pytest.mark.parametrize("key", sorted(ALL))
def test_japanese_is_japanese(key: str) -> None:
    """No Japanese entry was left in English, but for marks and bare placeholders."""
    text = re.sub(r"\{\w+\}", "", ALL[key]["ja"])

    assert not re.search(r"[A-Za-z]{3}", text) or re.search(r"[ぁ-んァ-ヶ一-龠]", text)


@BOTH
@pytest.mark.parametrize(
    "number", ["48", "91", "729", "731", "7", "20", "6", "5", "09:00", "20:00", "22:30", "02:00"]
)
def test_no_number_of_the_policy_is_lost(language: str, number: str) -> None:
    """Each duration, threshold, rate and hour stands in the sentences."""
    text = told(*shop(), language)

    assert re.search(rf"(?<![\d:]){number}(?![\d:])", text)


@BOTH
@pytest.mark.parametrize(
    "word",
    ["till", "door", "Asia/Tokyo", "株式会社おもかげ書店", "店長 山田 花子 00-0000-0000",
     "https://shop.example/camera?a=1&b=2"],
)  # fmt: skip
def test_no_word_of_the_policy_is_lost(language: str, word: str) -> None:
    """Places, clock, operator, contact and address stand in the sentences."""
    assert word in told(*shop(), language)


@BOTH
def test_the_purpose_is_the_sites_own(language: str) -> None:
    """It is quoted in the language that was asked for, and not in the other."""
    policy, profile = shop()
    text = told(policy, profile, language)

    other = next(code for code in LANGUAGES if code != language)
    assert policy.purpose[language] in text
    assert policy.purpose[other] not in text


def test_a_purpose_in_another_language_is_marked() -> None:
    """A missing language isn't hidden: the sentence says which one the purpose is in."""
    policy, profile = shop()
    policy = replace(policy, purpose={"de": "Personal planen."})

    assert "another language only (de): Personal planen." in told(policy, profile, "en")
    assert "他の言語（de）だけで書かれています：Personal planen." in told(policy, profile, "ja")


@BOTH
@pytest.mark.parametrize("subjects", list(Subjects))
@pytest.mark.parametrize("kind", list(PurposeKind))
def test_every_subject_and_purpose_has_words(
    language: str, subjects: Subjects, kind: PurposeKind
) -> None:
    """No combination that a policy may name lacks a text."""
    policy, profile = shop()

    text = told(replace(policy, subjects=subjects, purpose_kind=kind), profile, language)

    assert "{" not in text


@BOTH
@pytest.mark.parametrize("jurisdiction", ["strict", "jp", "eu", "us-il", "us-tx"])
def test_every_profile_has_words(language: str, jurisdiction: str) -> None:
    """Title, facts and ceilings of each profile are told, with a word for each of its bounds."""
    from agent.config.profiles import load_profile

    policy, _ = shop()
    profile = load_profile(jurisdiction)
    text = told(policy, profile, language)

    assert profile.title[language] in text
    assert all(sentence in text for sentence in profile.about[language])


def test_every_kind_of_rule_has_words() -> None:
    """Each key that a ceiling may speak of, each direction and each basis has a text."""
    words = load_words("en")

    assert all(f"law.key.{key}" in words for key in CEILING_KEYS)
    assert all(f"law.{limit.value}" in words for limit in Limit)
    assert all(f"law.basis.{basis}" in words for basis in Basis)


@BOTH
def test_a_barred_head_is_said_to_be_barred(language: str) -> None:
    """Where the profile doesn't allow it, no sentence says that it is computed."""
    policy, profile = european()
    policy = replace(policy, subjects=Subjects.WORKERS)
    words = load_words(language)

    text = told(policy, profile, language)

    assert words("measured.emotion") not in text
    assert words("measured.no_emotion") in text
    assert words("measured.barred", heads=words("head.emotion")) in text


@BOTH
def test_only_heads_that_are_asked_for_are_told(language: str) -> None:
    """Gaze alone: movements and categories aren't said to be measured."""
    policy, profile = shop()
    words = load_words(language)

    text = told(replace(policy, heads=frozenset({Head.GAZE})), profile, language)

    assert words("measured.gaze") in text
    assert words("measured.au") not in text
    assert words("measured.no_emotion") in text


@BOTH
def test_texts_of_a_site_are_not_templates(language: str) -> None:
    """Braces and markup in a policy come out as they went in."""
    policy, profile = shop()
    policy = replace(policy, purpose=dict.fromkeys(LANGUAGES, HOSTILE), contact=HOSTILE)

    assert 2 == told(policy, profile, language).count(HOSTILE)


def test_consent_is_told_only_where_it_is_declared() -> None:
    """A site that declares nothing isn't said to have releases or consent."""
    policy, profile = shop()

    assert "declares" not in told(policy, profile, "en")
    declared = replace(policy, written_release=True, informed_consent=True)
    assert 2 == told(declared, profile, "en").count("The site declares")


@BOTH
def test_synthetic_faces_have_no_legal_bounds(language: str) -> None:
    """Nobody is seen in a demo, so no ceiling is said to bind it."""
    policy, profile = shop()
    words = load_words(language)
    basis = words("law.basis.house")

    assert basis in told(policy, profile, language)
    assert basis not in told(replace(policy, subjects=Subjects.SYNTHETIC), profile, language)


def test_no_sentence_says_what_somebody_feels() -> None:
    """Feelings are named only to be denied."""
    texts = [text["en"] for key, text in load_words("en").entries.items()]
    about = [text for text in texts if re.search(r"\bfeel", text)]

    assert about
    assert all(re.search(r"\b(not|Nothing|Nobody's)\b", text) for text in about)


def test_every_field_of_a_policy_is_told_or_known_to_be_left_out() -> None:
    """A new field of the policy needs a sentence, or a reason here to have none."""
    policy, profile = shop()
    left_out = {"demo", "evidence", "written_release", "informed_consent", "site"}
    changed = {
        "purpose": {"en": "Other."},
        "subjects": Subjects.STUDENTS,
        "zones": policy.zones[:1],
        "heads": frozenset({Head.GAZE}),
        "sampling_hz": 9.5,
        "flush": timedelta(seconds=9),
        "release": replace(policy.release, k=11),
        "retention": replace(policy.retention, records=timedelta(hours=13)),
        "contact": "somebody",
        "digest": "00" * 32,
        "purpose_kind": PurposeKind.RESEARCH,
        "timezone": "Europe/Berlin",
        "schedule": type(policy.schedule)(),
        "operator": "another",
        "notice_url": "",
        "jurisdiction": "",  # told from the profile
    }
    before = told(policy, profile, "en")

    assert {field.name for field in fields(policy)} == set(changed) | left_out
    for name, value in changed.items():
        if name != "jurisdiction":
            assert before != told(replace(policy, **{name: value}), profile, "en"), name


def test_sections_are_in_the_order_of_the_titles() -> None:
    """Each section has a title in the texts, and nothing else has one."""
    titles = [key for key in load_words("en").entries if key.startswith("title.")]

    assert [f"title.{name}" for name in SECTIONS] == titles
    assert SENTENCES.exists()
