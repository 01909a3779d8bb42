"""From facts to findings: what is bad is called bad, and each says what to do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePath

import pytest

from agent.doctor import judge
from agent.doctor.finding import Finding, Level, bad, ok, warn, worst
from agent.doctor.judge import Entry
from tests.fakes import NOON

AGENT = 900


def entry(path: str, mode: int, uid: int = AGENT, **kinds) -> Entry:
    """Return a file of the site."""
    return Entry(PurePath(path), mode, uid, **kinds)


def report(**changes) -> dict:
    """Return the health of a running agent."""
    return {
        "state": "running", "written_at": NOON.isoformat(), "policy": "d1",
        "zones": {"door": "ok"}, "persisting": True, "trouble": "", "hardening_missing": [],
        **changes,
    }  # fmt: skip


def levels(found: list[Finding]) -> set[Level]:
    """Return which levels there are."""
    return {finding.level for finding in found}


def test_a_site_that_fell_silent_is_warned_of() -> None:
    """A complete run within a day is well; later, or never, is a warning with its reason."""
    fine = judge.sync(NOON, "", NOON + timedelta(days=1))
    late = judge.sync(NOON, "the centre is away", NOON + timedelta(days=1, seconds=1))
    never = judge.sync(None, "", NOON)

    assert [fine.level, late.level, never.level] == [Level.OK, Level.WARN, Level.WARN]
    assert "the centre is away" in late.says
    assert "2026-04-01 12:00" in late.says
    assert "sync --status" in never.advice


def test_the_syncs_note_may_be_the_pages() -> None:
    """What the sync writes belongs to the pages' account, and that is as it should be."""
    assert levels(judge.permissions([entry("state/sync.json", 0o640, 901)], AGENT)) == {Level.OK}


def test_a_site_as_it_is_installed_is_well() -> None:
    """Folders shared with the pages' group, private keys for one account: nothing to say."""
    found = judge.permissions(
        [entry("state", 0o770), entry("keys", 0o755), entry("vault", 0o700),
         entry("keys/public.toml", 0o644), entry("keys/device.pem", 0o600),
         entry("state/segments.sqlite", 0o600), entry("state/status.json", 0o640),
         entry("state/access.sqlite", 0o660, 901), entry("policy.toml", 0o640, 0)],
        AGENT,
    )  # fmt: skip

    assert {Level.OK} == levels(found)


@pytest.mark.parametrize(
    "wrong",
    [
        entry("keys/device.pem", 0o640),
        entry("vault", 0o750),
        entry("vault/epochs.toml", 0o604),
        entry("state/segments.sqlite", 0o660),
        entry("state", 0o777),
        entry("policy.toml", 0o666),
        entry("state/pause.json", 0o644, uid=0),
        entry("keys/device.pem", 0o600, uid=0),
        entry("state/segments.sqlite", 0o600, link=True),
    ],
)
def test_an_open_or_foreign_file_is_bad(wrong) -> None:
    """Readable secrets, writable folders, links, and what root left behind are found."""
    (found,) = judge.permissions([wrong], AGENT)

    assert found.level is Level.BAD
    assert found.advice


@pytest.mark.parametrize(
    ("days", "expected"), [(None, Level.BAD), (0, Level.WARN), (27, Level.WARN), (28, Level.OK)]
)
def test_keys_that_run_out_are_seen_in_time(days, expected) -> None:
    """Four weeks before the end it warns; without a valid key it is bad."""
    assert expected is worst(judge.keys(days, signed=True, vault_here=False))


def test_a_vault_beside_the_camera_is_a_warning() -> None:
    """It works, and isn't what the ceremony says."""
    assert Level.WARN is worst(judge.keys(100, signed=True, vault_here=True))


@pytest.mark.parametrize(
    ("free", "expected"), [(50 << 20, Level.BAD), (500 << 20, Level.WARN), (5 << 30, Level.OK)]
)
def test_a_full_disk_is_seen_before_it_is_full(free, expected) -> None:
    """Below a gigabyte it warns, below a tenth of it, it is bad."""
    assert expected is judge.disk(free, "the state folder").level


def test_a_loosened_unit_is_bad() -> None:
    """A unit whose exposure rose above 1.5 is named, and how to find out why."""
    found = judge.exposure({"omokage-agent.service": 0.6, "omokage-dashboard.service": 4.2})

    (loose,) = (finding for finding in found if finding.level is Level.BAD)
    assert "omokage-dashboard.service" in loose.says
    assert "systemctl cat" in loose.advice


def test_no_units_is_a_warning_not_a_pass() -> None:
    """An agent that is started by hand has no sandbox."""
    assert Level.WARN is worst(judge.exposure({}))


@pytest.mark.parametrize(
    ("swaps", "limited", "missing", "expected"),
    [
        ([], False, None, Level.OK),
        (["/dev/sda2"], False, None, Level.BAD),
        (["/dev/sda2"], True, [], Level.OK),
        ([], True, ["the process can still be traced"], Level.BAD),
    ],
)
def test_ways_out_of_memory_are_bad(swaps, limited, missing, expected) -> None:
    """Swap without a limit, and a protection that is missing."""
    assert expected is worst(judge.memory(swaps, limited, missing))


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (None, Level.WARN),
        (report(), Level.OK),
        (report(state="stopped"), Level.WARN),
        (report(written_at=(NOON - timedelta(minutes=5)).isoformat()), Level.BAD),
        (report(policy="another"), Level.WARN),
        (report(zones={"door": "ok", "till": "frozen"}), Level.BAD),
        (report(persisting=False, trouble="The disk is full."), Level.BAD),
        (report(trouble="The log waits."), Level.WARN),
    ],
)
def test_the_agent_is_judged_by_its_health(health, expected) -> None:
    """Silence and a blind camera are bad; a stop, an old policy and troubles are warnings."""
    assert expected is worst(judge.agent(health, "d1", NOON))


@pytest.mark.parametrize(
    ("overdue", "expected"), [(0, Level.OK), (1, Level.BAD), (None, Level.WARN)]
)
def test_one_overdue_row_is_bad(overdue, expected) -> None:
    """The goal is 0, and not knowing isn't 0."""
    assert expected is judge.database(overdue, 10).level


@pytest.mark.parametrize(
    ("doubt", "served", "expected"),
    [(None, True, Level.OK), (None, False, Level.WARN), ("the clock is ahead", True, Level.BAD)],
)
def test_a_doubtful_clock_is_bad(doubt, served, expected) -> None:
    """A clock that nobody keeps is a warning, one that can't be right is bad."""
    assert expected is worst(judge.clock(doubt, served))


def test_every_finding_that_isnt_ok_says_what_to_do() -> None:
    """No warning without advice."""
    found = [
        *judge.keys(None, signed=False, vault_here=True), *judge.exposure({}),
        *judge.memory(["x"], limited=False, missing=["y"]), *judge.agent(None, None, NOON),
        *judge.clock("z", served=False), judge.disk(1, "x"), judge.database(None, 0),
    ]  # fmt: skip

    assert [] == [f.says for f in found if f.level is not Level.OK and not f.advice.endswith(".")]


def test_the_closing_line_counts() -> None:
    """The last line says how many of each."""
    assert judge.overview([ok("a", "b"), ok("a", "b"), bad("a", "b", "c.")]) == "1 bad, 2 ok"
    assert worst([ok("a", "b"), warn("a", "b", "c.")]) is Level.WARN
    assert worst([]) is Level.OK
