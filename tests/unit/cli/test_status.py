"""`omokage status` doesn't take a health file's last word for the present."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent.cli.status import describe
from tests.fakes import NOON


def first_line(state: str, age: int, alive: bool | None) -> str:
    """Return what is said of the agent."""
    report = {
        "state": state, "written_at": (NOON - timedelta(seconds=age)).isoformat(),
        "site": "s", "demo": False, "models": ["m"], "zones": {}, "ticks": {},
        "dropped_frames": {}, "persisting": True, "stored_records": 1, "lost_records": 0,
        "released_buckets": 0, "last_commit": None, "hardening_missing": [], "trouble": "",
    }  # fmt: skip
    return describe(report, NOON, alive=alive)[0]


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
