"""Policies: what is read, and above all what is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.policy_file import examine, load_policy, parse_duration, parse_policy
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


PLAIN = (ROOT / "tests" / "golden" / "policies" / "good" / "eu-workers.toml").read_text("utf-8")


@pytest.mark.parametrize("profile", ["eu", "strict"])
@pytest.mark.parametrize("subjects", ["workers", "mixed", "students"])
def test_emotion_of_workers_and_students_is_forbidden(profile, subjects):
    """EU AI Act, Art. 5(1)(f): the policy is refused, not warned about, and the source is named."""
    text = PLAIN.replace('"eu"', f'"{profile}"').replace('"workers"', f'"{subjects}"', 1)

    with pytest.raises(PolicyForbids, match="doesn't allow emotion"):
        parse(text.replace('["au"]', '["au", "emotion"]'))


def test_action_units_of_workers_stay_allowed():
    """Without the emotion head the same policy is accepted."""
    policy = parse(PLAIN)

    assert {Head.AU} == policy.heads


def test_a_refusal_names_line_source_and_advice():
    """What exceeds a ceiling is refused with the place, the bound, its source and what to do."""
    text = PLAIN.replace('records = "72h"', 'records = "90d"')
    line = text.splitlines().index('records = "90d"') + 1

    with pytest.raises(PolicyForbids) as refused:
        parse(text)

    assert str(refused.value).startswith(
        f"policy.toml:{line}: retention.records: 90d is longer than profile eu allows (72h)"
    )
    assert "EDPB" in str(refused.value)
    assert refused.value.advice == "Set retention.records to 72h or less."
    assert refused.value.exit_code == 8


def test_all_problems_are_reported_at_once():
    """A broken shape doesn't hide what is forbidden elsewhere in the file."""
    text = PLAIN.replace('records = "72h"', 'records = "90d"').replace("k = 5", "k = 5\nkk = 6")

    with pytest.raises(PolicyForbids) as refused:
        parse(text)

    assert "2 problems" in str(refused.value)
    assert "retention.records" in str(refused.value)
    assert "release.kk: unknown key" in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "hidden"),
    [
        ('subjects = "workers"', 'subjects = "worker"', "evidence"),
        ("k = 5", 'k = "4"', "profile eu"),
        ('bucket = "1h"', 'bucket = "1"', "retention.flush"),
        ('jurisdiction = "eu"', 'jurisdiction = "de"', "profile"),
    ],
)
def test_nothing_is_concluded_from_a_broken_value(old, new, hidden):
    """What stands in for a broken value isn't judged: one mistake gives one problem."""
    assert old in PLAIN

    found = examine(PLAIN.replace(old, new).encode(), "policy.toml")

    assert 1 == len(found.problems), found.problems
    assert hidden not in found.problems[0].message


def test_a_cameras_address_is_never_repeated():
    """An address may hold a password, so no message quotes it."""
    text = PLAIN.replace('source = "0"', 'source = "rtsp://u:hunter2@cam/"\nsourcee = "hunter2"')

    with pytest.raises(PolicyError) as refused:
        parse(text.replace('name = "checkout"', 'name = "Hunter2 hunter2"'))

    assert "hunter2" not in str(refused.value).lower()


def test_a_jurisdiction_with_one_clock_gives_it():
    """Japan has one time zone, so an older policy goes on to work without naming it."""
    text = SHOP.replace('timezone = "Asia/Tokyo"\n', "")

    assert parse(text).timezone == "Asia/Tokyo"


def test_daily_numbers_live_two_years_unless_a_ceiling_is_lower():
    """The default never exceeds what the profile allows."""
    good = ROOT / "tests" / "golden" / "policies" / "good"

    assert load_policy(good / "plain.toml").retention.daily == timedelta(days=730)
    assert load_policy(good / "us-tx.toml").retention.daily == timedelta(days=365)


def test_windows_and_masks_reach_the_domain():
    """The schedule carries the site's clock; polygons stay shares of the picture."""
    policy = load_policy(ROOT / "tests/golden/policies/good/schedule-and-masks.toml")

    assert len(policy.schedule.windows) == 3
    assert len(policy.schedule.closed) == 2
    assert str(policy.schedule.zone) == "Asia/Tokyo"
    assert policy.zones[0].masks[0][1] == (0.3, 0)
    assert len(policy.zones[0].keep) == 1


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(raw):
    """Whatever a file holds, it is examined: accepted or refused with a place."""
    found = examine(raw, "policy.toml")

    assert found.policy is None
    assert all(problem.line >= 1 for problem in found.problems)


@pytest.mark.parametrize(
    "raw", [SHOP.encode("utf-8-sig"), SHOP.replace("\n", "\r\n").encode()], ids=["mark", "crlf"]
)
def test_other_editors_files_are_read(raw):
    """A mark before the first letter and other ends of lines mean nothing, lines count the same."""
    broken = raw.replace(b"k = 5", b"k = 4")

    assert examine(raw, "policy.toml").policy is not None
    assert (
        examine(SHOP.replace("k = 5", "k = 4").encode(), "policy.toml").problems[0].line
        == examine(broken, "policy.toml").problems[0].line
    )


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"a = " + b"[" * 50_000 + b"]" * 50_000, "nested"),
        (b"#" * 300_000, "larger"),
        (b"site." + b"a." * 20_000 + b"b = 1", "nested"),
    ],
    ids=["deep", "large", "dotted"],
)
def test_a_file_made_to_exhaust_the_reader_is_refused(raw, why):
    """Size and depth are bounded."""
    with pytest.raises(PolicyError, match=why):
        parse_policy(raw, "policy.toml")


LINES = SHOP.splitlines(keepends=True)


@given(st.data())
def test_a_damaged_policy_is_refused_with_a_line_or_still_a_policy(data):
    """Lines dropped, doubled, exchanged or overwritten never crash the reader."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        other = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.integers(0, 3)):
            case 0:
                lines[place] = "\n"
            case 1:
                lines.insert(other, lines[place])
            case 2:
                lines[place], lines[other] = lines[other], lines[place]
            case _:
                key = lines[place].partition("=")[0]
                value = data.draw(st.sampled_from(["[]", "{}", "1", '"x"', "true", "-0.5", '[""]']))
                lines[place] = f"{key}= {value}\n"
    text = "".join(lines)

    found = examine(text.encode(), "policy.toml")

    assert (found.policy is None) == bool(found.problems)
    assert all(1 <= problem.line <= len(lines) + 1 for problem in found.problems)
