"""The shipped profiles, and files that are no profile."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import product

import pytest

from agent.config.profiles import NAMES, PROFILES, load_profile, parse_profile
from agent.domain.policy import Head, PurposeKind, Subjects
from agent.domain.profile import CEILING_KEYS, Basis, Limit
from agent.errors import PolicyError

EU = (PROFILES / "eu.toml").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_says_where_it_comes_from(name):
    """Sources, a date, both languages, and that it is no legal advice."""
    profile = load_profile(name)

    assert profile.sources
    assert all(source.title for source in profile.sources.values())
    assert "not legal advice" in profile.about["en"][-1]
    assert "法的助言ではありません" in profile.about["ja"][-1]
    assert len(profile.about["en"]) == len(profile.about["ja"])
    assert re.search(r"not legal advice", (PROFILES / f"{name}.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_of_law_or_guidance_names_its_source(name):
    """Only this project's own caution stands without one."""
    profile = load_profile(name)
    rules = (
        *profile.ceilings, *profile.prohibitions, *profile.requirements, *profile.evidence,
    )  # fmt: skip

    assert all(rule.source for rule in rules if rule.basis is not Basis.HOUSE)
    assert all(set(rule.because) == {"en", "ja"} for rule in rules)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_bounds_what_matters(name):
    """Records, numbers, days, k and sampling have a ceiling everywhere."""
    bound = {ceiling.key for ceiling in load_profile(name).ceilings}

    assert {
        "retention.records", "retention.aggregates", "retention.daily", "release.k",
        "capture.sampling_hz",
    } <= bound <= set(CEILING_KEYS)  # fmt: skip


@pytest.mark.parametrize(("name", "purpose"), list(product(NAMES, PurposeKind)))
def test_records_never_live_longer_than_a_month(name, purpose):
    """Every purpose has a ceiling on records; outside of research it is three days at most."""
    profile = load_profile(name)
    longest = min(
        ceiling.value
        for ceiling in profile.ceilings
        if ceiling.key == "retention.records"
        and ceiling.limit is Limit.MOST
        and (not ceiling.scope.purposes or purpose in ceiling.scope.purposes)
        and not ceiling.scope.subjects
    )

    assert longest <= timedelta(days=30 if purpose is PurposeKind.RESEARCH else 3)


@pytest.mark.parametrize("name", ["eu", "strict"])
@pytest.mark.parametrize("subjects", [Subjects.WORKERS, Subjects.MIXED, Subjects.STUDENTS])
def test_emotion_is_prohibited_at_work_and_in_education(name, subjects):
    """EU AI Act, Art. 5(1)(f), is in the data of both profiles."""
    prohibited = [
        rule
        for rule in load_profile(name).prohibitions
        if Head.EMOTION in rule.heads
        and (not rule.scope.subjects or subjects in rule.scope.subjects)
        and not rule.scope.purposes
    ]

    assert prohibited


def test_no_other_folder_is_read_by_name():
    """A name that isn't known is refused before a path is made of it."""
    with pytest.raises(PolicyError, match="no profile"):
        load_profile("../demo")


def test_a_missing_file_is_refused(tmp_path):
    """Without its profile a policy can't be judged, so nothing starts."""
    with pytest.raises(PolicyError, match="can't read the profile eu"):
        load_profile("eu", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('basis = "law"', 'basis = "rumour"', "basis"),
        ('source = "ai-act-5-1-f"', 'source = "ai-act-5-2"', "no source ai-act-5-2"),
        ('source = "ai-act-5-1-f"\n', "", "names its source"),
        ('["workers", "mixed", "students"]', '["workers", "students"]', "name both"),
        ('["workers", "mixed", "students"]', '["synthetic"]', "synthetic"),
        ('longest = "72h"', 'longest = "72h"\nleast = 5', "exactly one"),
        ('longest = "72h"', "most = 5", "exactly one"),
        ('longest = "72h"', "allow = true", "allow"),
        ('key = "retention.records"', 'key = "retention.pictures"', "about one of"),
        ('key = "site.contact"', 'key = "site.name"', "can be required"),
        ('group = "dpia"', 'group = "dipa"', "no group dipa"),
        ('id = "dpia-risks"', 'id = "dpia"', "same id"),
        ('ja = "欧州連合(EU)"\n', "", "both languages"),
        ("verified_on = 2026-11-23\n", "", "verified_on"),
        ("[title]", "[title", "TOML"),
    ],
)
def test_a_damaged_profile_is_refused(old, new, why):
    """Unknown keys, missing sources and half rules stop the start."""
    assert old in EU

    with pytest.raises(PolicyError, match=why):
        parse_profile(EU.replace(old, new, 1).encode(), "eu")
