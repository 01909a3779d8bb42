"""`omokage status` doesn't take a health file's last word for the present."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent.cli.status import KEYS_WARNING_DAYS, describe
from agent.crypto.keys import RUNWAY_WARNING
from agent.errors import NoRecipient
from tests.fakes import NOON


def lines(changes: dict, *, alive: bool | None = True) -> list[str]:
    """Return what is said of a calm agent, with some changes."""
    report = {
        "state": "running", "written_at": NOON.isoformat(),
        "site": "s", "demo": False, "models": ["m"], "zones": {}, "ticks": {},
        "dropped_frames": {}, "persisting": True, "stored_records": 1, "lost_records": 0,
        "released_buckets": 0, "last_commit": None, "hardening_missing": [], "trouble": "",
    }  # fmt: skip
    return describe({**report, **changes}, NOON, alive=alive)


def first_line(state: str, age: int, alive: bool | None) -> str:
    """Return what is said of the agent."""
    written = (NOON - timedelta(seconds=age)).isoformat()
    return lines({"state": state, "written_at": written}, alive=alive)[0]


@pytest.mark.parametrize(
    ("state", "age", "alive", "said"),
    [
        ("running", 1, True, "running"),
        ("running", 1, None, "running"),
        ("running", 3, False, "ended without a word (killed or a power cut), last seen 3 s ago"),
        ("running", 60, True, "its health is 60 s old: the disk is full or read-only"),
        ("running", 60, None, "not answering for 60 s"),
        ("stopped", 60, False, "stopped"),
        ("stopped", 60, True, "starting"),
    ],
)
def test_the_state_is_the_present_one(state: str, age: int, alive: bool | None, said: str) -> None:
    """Killed, hanging and unable to write are told apart by who holds the folder."""
    assert said in first_line(state, age, alive)


ROUND = {
    "at": NOON.isoformat(), "overdue_records": 0, "overdue_numbers": 0, "erased": True,
    "waiting_rows": 0, "held_records": 0, "doubt": None, "next_due": None,
}  # fmt: skip


def deletion(**changes: object) -> list[str]:
    """Return what is said of deleting, with some facts of the last round changed."""
    report = {
        "state": "running", "written_at": NOON.isoformat(), "site": "s", "demo": False,
        "models": ["m"], "zones": {}, "ticks": {}, "dropped_frames": {}, "persisting": True,
        "stored_records": 1, "lost_records": 0, "released_buckets": 0, "last_commit": None,
        "hardening_missing": [], "trouble": "", "retention": {**ROUND, **changes},
    }  # fmt: skip
    names = ("overdue", "OVERDUE", "CLOCK", "deletion")
    return [line for line in describe(report, NOON) if line.startswith(names)]


def test_the_next_deletion_is_said_as_of_the_last_round() -> None:
    """Nothing kept a minute ago isn't nothing kept now, so the line says when it was seen."""
    assert ["overdue   0 rows", "deletion  nothing was kept at 12:00 UTC"] == deletion()
    due = (NOON + timedelta(hours=72)).isoformat()
    assert "deletion  next due 2026-04-04 12:00 UTC" == deletion(next_due=due)[-1]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"overdue_records": None}, "OVERDUE   a database can't be read, so nobody can tell"),
        ({"overdue_records": 3}, "OVERDUE   3 rows"),
        ({"erased": False}, "OVERDUE   0 rows; a reader is open"),
        ({"waiting_rows": 9}, "OVERDUE   0 rows; 9 wait for somebody to agree"),
        ({"doubt": "ahead"}, "CLOCK     ahead: see `omokage policy plan`"),
    ],
)
def test_what_is_not_gone_is_said_in_capitals(facts: dict[str, object], said: str) -> None:
    """A reader who skims sees what wants something of a person."""
    assert any(line.startswith(said) for line in deletion(**facts))


def test_the_warning_is_that_of_the_keys() -> None:
    """`omokage status` and `omokage keys status` warn on the same day."""
    assert timedelta(days=KEYS_WARNING_DAYS) == RUNWAY_WARNING


@pytest.mark.parametrize("message", ["nobody to encrypt to", "nobody to encrypt to."])
def test_a_refusal_in_one_line_is_two_sentences(message: str) -> None:
    """What was refused, and what to do about it; never two full stops."""
    assert "nobody to encrypt to. Make keys." == NoRecipient(message, advice="Make keys.").sentences


@pytest.mark.parametrize(("missed", "said"), [(3, "timing    2 ms late; 3 of 600 ticks left out"),
                                              (90, "TIMING    2 ms late; 90 of 600")])  # fmt: skip
def test_a_machine_that_is_too_slow_is_named(missed: int, said: str) -> None:
    """A few ticks left out are told, many are told loudly."""
    timing = {"late_ms_median": 1.8, "late_ms_max": 40.0, "missed": missed, "places": 600}

    (line,) = [line for line in lines({"timing": timing}) if line.upper().startswith("TIMING")]

    assert line.startswith(said)
    assert (missed == 90) == ("too slow or too busy" in line)


def test_memory_and_work_are_told() -> None:
    """Now and at most, and the mean share of one core; in its first minute memory alone."""
    load = {"resident_bytes": 118 << 20, "most_resident_bytes": 131 << 20, "cpu_seconds": 9.0}

    (hour,) = [x for x in lines({"load": load | {"seconds": 90.0}}) if x.startswith("load")]
    (start,) = [x for x in lines({"load": load | {"seconds": 9.0}}) if x.startswith("load")]

    assert hour == "load      memory 118 MiB (most 131), 10 % of one core since the start"
    assert start == "load      memory 118 MiB (most 131)"


@pytest.mark.parametrize(
    "load",
    [None, {"resident_bytes": None, "most_resident_bytes": None, "cpu_seconds": 0, "seconds": 1}],
)
def test_a_load_that_nobody_knows_is_not_told(load: dict[str, object] | None) -> None:
    """An older agent's report, or a system that doesn't say: no line, and no zero."""
    assert not [line for line in lines({"load": load}) if line.startswith("load")]
