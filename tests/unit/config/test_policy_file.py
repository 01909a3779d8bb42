"""Policies: what is read, and above all what is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from agent.config.policy_file import load_policy, parse_duration, parse_policy
from agent.domain.policy import Head
from agent.errors import PolicyEmpty, PolicyError, PolicyForbids, PolicyWouldKeepForever

ROOT = Path(__file__).resolve().parents[3]
SHOP = (ROOT / "docs" / "examples" / "shop.toml").read_text("utf-8")
DEMO = (ROOT / "policies" / "demo.toml").read_text("utf-8")


def parse(text: str):
    """Parse a policy's text."""
    return parse_policy(text.encode(), "policy.toml")


def changed(old: str, new: str) -> str:
    """Change one place of the demo's policy, and be sure that it was there."""
    assert old in DEMO
    return DEMO.replace(old, new, 1)


@pytest.mark.parametrize("text", [SHOP, DEMO])
def test_shipped_policies_are_valid(text):
    """The policies that people copy are accepted."""
    assert parse(text).zones


def test_the_digest_names_the_exact_bytes():
    """Another byte, another digest: segments are bound to the rules they were made under."""
    assert parse(DEMO).digest != parse(DEMO + "\n").digest


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30s", timedelta(seconds=30)), ("72h", timedelta(hours=72)), ("90d", timedelta(days=90))],
)
def test_durations_are_read(text, expected):
    """A whole number and a unit."""
    assert expected == parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "-1d", "1.5h", "forever", "", "inf", "10", "1y"])
def test_endless_and_vague_durations_are_refused(text):
    """There is no spelling for for ever, and none for nothing."""
    with pytest.raises(ValueError, match="whole number"):
        parse_duration(text)


def test_a_missing_policy_is_refused(tmp_path):
    """No file, no capture."""
    with pytest.raises(PolicyEmpty):
        load_policy(tmp_path / "policy.toml")


def test_an_empty_policy_is_refused():
    """A policy that says nothing allows nothing."""
    with pytest.raises(PolicyEmpty):
        parse("")


def test_a_policy_without_retention_is_refused():
    """Nothing would ever be deleted."""
    with pytest.raises(PolicyWouldKeepForever):
        parse(DEMO.split("[retention]", maxsplit=1)[0])


def test_more_than_ten_years_is_refused():
    """A retention that nobody will see end is endless."""
    with pytest.raises(PolicyWouldKeepForever):
        parse(changed('records = "1h"', 'records = "9999d"'))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("sampling_hz = 10", "sampling_hz = 10\nsave_faces = true", "save_faces"),
        ('subjects = "synthetic"', 'subjects = "everybody"', "subjects"),
        ('jurisdiction = "jp"', 'jurisdiction = "EU"', "jurisdiction"),
        ('name = "entrance"', 'name = "../etc"', "zones"),
        ("k = 2 ", "k = 0 ", "k"),
        ('bucket = "30s"', 'bucket = "7h"', "divide a day"),
        ('flush = "5s"', 'flush = "1m"', "flush"),
        ('bound = "peak"', 'bound = "roster"', "roster"),
        ("demo = true", "demo = false", "k below 3"),
    ],
)
def test_wrong_settings_are_refused_with_their_place(old, new, place):
    """Unknown keys, unknown words and contradictions name where they stand."""
    with pytest.raises(PolicyError, match=place):
        parse(changed(old, new))


def test_two_zones_of_one_name_are_refused():
    """Two cameras must not be counted as one place."""
    twice = changed("[retention]", '[[capture.zones]]\nname = "entrance"\n\n[retention]')

    with pytest.raises(PolicyError, match="same name"):
        parse(twice)


@pytest.mark.parametrize("profile", ["eu", "strict"])
@pytest.mark.parametrize("subjects", ["workers", "mixed"])
def test_emotion_of_workers_is_forbidden(profile, subjects):
    """EU AI Act, Art. 5(1)(f): the policy is refused, not warned about."""
    text = changed('jurisdiction = "jp"', f'jurisdiction = "{profile}"')

    with pytest.raises(PolicyForbids):
        parse(text.replace('"synthetic"', f'"{subjects}"', 1))


def test_action_units_of_workers_stay_allowed():
    """Without the emotion head the same policy is accepted."""
    text = changed('jurisdiction = "jp"', 'jurisdiction = "eu"').replace(', "emotion"', "")

    policy = parse(text.replace('"synthetic"', '"workers"', 1))

    assert Head.EMOTION not in policy.heads
