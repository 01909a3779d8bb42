"""What a profile does to a policy: heads, ceilings, duties, and to whom none of it applies."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.config.policy_file import load_policy
from agent.config.profiles import NAMES, load_profile
from agent.domain.policy import (
    Head,
    PersonBound,
    PurposeKind,
    Subjects,
    local_day,
    spell_duration,
)
from agent.domain.profile import allowed_heads, breaches, ceilings_in_force

GOOD = Path(__file__).resolve().parents[2] / "golden" / "policies" / "good"
PLAIN = load_policy(GOOD / "plain.toml")
ALL = frozenset(Head)


@pytest.mark.parametrize("subjects", [Subjects.WORKERS, Subjects.MIXED, Subjects.STUDENTS])
@pytest.mark.parametrize("purpose", PurposeKind)
def test_no_purpose_lets_the_emotion_head_be_loaded_at_work_in_the_eu(subjects, purpose):
    """The exceptions of the law are read narrowly: the profile makes use of none."""
    policy = replace(PLAIN, subjects=subjects, purpose_kind=purpose, heads=ALL)

    assert {Head.AU, Head.GAZE} == allowed_heads(policy, load_profile("eu"))


def test_the_purpose_counts_beside_the_subjects():
    """Customers of a school are in an education institution, too."""
    policy = replace(PLAIN, subjects=Subjects.CUSTOMERS, heads=ALL)
    school = replace(policy, purpose_kind=PurposeKind.EDUCATION)

    assert Head.EMOTION in allowed_heads(policy, load_profile("eu"))
    assert Head.EMOTION not in allowed_heads(school, load_profile("eu"))


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_never_adds_a_head(name):
    """What the policy doesn't ask for isn't loaded, whatever is allowed."""
    for subjects in Subjects:
        policy = replace(PLAIN, subjects=subjects)
        assert allowed_heads(policy, load_profile(name)) <= {Head.AU}


@pytest.mark.parametrize("name", NAMES)
def test_mixed_subjects_are_never_treated_more_mildly_than_workers(name):
    """Whatever is refused for workers is refused for mixed."""
    profile = load_profile(name)
    for purpose in PurposeKind:
        policy = replace(PLAIN, purpose_kind=purpose, heads=ALL, sampling_hz=60)
        workers = {b.key for b in breaches(replace(policy, subjects=Subjects.WORKERS), profile)}
        mixed = {b.key for b in breaches(replace(policy, subjects=Subjects.MIXED), profile)}
        assert workers <= mixed


@pytest.mark.parametrize("name", NAMES)
def test_no_rule_binds_rendered_faces(name):
    """Nobody is seen, so nothing is asked for."""
    policy = replace(
        PLAIN, subjects=Subjects.SYNTHETIC, heads=ALL, sampling_hz=60, contact="", evidence={}
    )

    assert () == breaches(policy, load_profile(name))
    assert () == ceilings_in_force(policy, load_profile(name))


def test_the_strictest_of_several_ceilings_counts():
    """Research gets a month, everybody else three days; each key shows up once."""
    research = replace(PLAIN, purpose_kind=PurposeKind.RESEARCH)
    keys = [ceiling.key for ceiling in ceilings_in_force(PLAIN, load_profile("jp"))]

    def longest(policy):
        return next(
            ceiling.value
            for ceiling in ceilings_in_force(policy, load_profile("jp"))
            if ceiling.key == "retention.records"
        )

    assert len(set(keys)) == len(keys)
    assert (longest(PLAIN), longest(research)) == (timedelta(hours=72), timedelta(days=30))


def test_a_value_at_its_ceiling_is_allowed():
    """The bound itself is within bounds; one second more isn't."""
    jp = load_profile("jp")
    kept = replace(PLAIN.retention, records=timedelta(hours=72, seconds=1))

    assert () == breaches(PLAIN, jp)
    assert ["retention.records"] == [b.key for b in breaches(replace(PLAIN, retention=kept), jp)]


def test_visits_need_a_higher_k():
    """The same person may come twice."""
    visits = replace(PLAIN.release, bound=PersonBound.VISITS)

    found = breaches(replace(PLAIN, release=visits), load_profile("jp"))

    assert ["5 is less than profile jp asks for (20)"] == [breach.message for breach in found]


def test_a_duty_is_met_by_saying_where_its_proof_is():
    """White space is no answer."""
    eu = load_profile("eu")
    silent = replace(PLAIN, evidence={"dpia": "  "})
    spoken = replace(PLAIN, evidence={"dpia": "DPIA-1"})

    assert ["evidence.dpia"] == [breach.key for breach in breaches(silent, eu)]
    assert () == breaches(spoken, eu)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(hours=72), "72h"),
        (timedelta(days=90), "90d"),
        (timedelta(days=4), "4d"),
        (timedelta(minutes=15), "15m"),
        (timedelta(seconds=90), "90s"),
        (timedelta(hours=25), "25h"),
    ],
)
def test_durations_are_spelled_as_in_the_file(length, text):
    """Days from four on, so that 72h stays 72h."""
    assert text == spell_duration(length)


def test_a_day_is_the_sites_own():
    """At 15:00 UTC the next day begins in Tokyo."""
    midnight = datetime(2026, 4, 1, 15, tzinfo=UTC)

    assert local_day(PLAIN, midnight).isoformat() == "2026-04-02"
    assert local_day(PLAIN, midnight - timedelta(seconds=1)).isoformat() == "2026-04-01"
