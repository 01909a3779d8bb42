"""The gate between the schedule, the pause and a camera."""

from __future__ import annotations

from datetime import UTC, time, timedelta

import pytest

from agent.capture.gate import LOOK_EVERY_SECONDS, CaptureGate
from agent.config.pause_file import remove_pause, write_pause
from agent.domain.schedule import CaptureReason, Pause, Schedule, Window
from tests.fakes import NOON

ALWAYS = Schedule()
EVERY_DAY = frozenset(range(7))
MORNING = Schedule(UTC, (Window(EVERY_DAY, time(9), time(12, 0, 1)),))


@pytest.fixture
def path(tmp_path):
    """Where the pause lies."""
    return tmp_path / "pause.json"


def test_without_a_pause_the_schedule_counts(path):
    """Open when it says so; closed a second later, when the window ends."""
    gate = CaptureGate(MORNING, path)

    assert gate.at(NOON, 0.0).allowed
    assert not gate.at(NOON + timedelta(seconds=1), 0.1).allowed


def test_a_pause_is_noticed_within_a_second(path):
    """Between two looks nothing is read; at the next one the camera is closed."""
    gate = CaptureGate(ALWAYS, path)
    assert gate.at(NOON, 0.0).allowed
    write_pause(path, Pause(NOON, None))

    assert gate.at(NOON, LOOK_EVERY_SECONDS / 2).allowed
    assert gate.at(NOON, LOOK_EVERY_SECONDS).reason is CaptureReason.PAUSED


def test_a_resume_is_noticed_within_a_second(path):
    """The file is gone, and so is the pause."""
    write_pause(path, Pause(NOON, None))
    gate = CaptureGate(ALWAYS, path)
    assert not gate.at(NOON, 0.0).allowed
    remove_pause(path)

    assert gate.at(NOON, LOOK_EVERY_SECONDS).allowed


def test_a_pause_holds_in_a_new_process(path):
    """A gate that was never asked before reads the pause first."""
    write_pause(path, Pause(NOON, NOON + timedelta(hours=1)))

    assert not CaptureGate(ALWAYS, path).at(NOON, 0.0).allowed
    assert CaptureGate(ALWAYS, path).at(NOON + timedelta(hours=1), 0.0).allowed


def test_a_file_that_cant_be_read_closes_the_camera_and_says_so(path):
    """Fail closed, with one sentence on what to do."""
    path.write_text("{")
    gate = CaptureGate(ALWAYS, path)

    assert gate.trouble == ""
    assert gate.at(NOON, 0.0).reason is CaptureReason.PAUSE_UNREADABLE
    assert "omokage resume" in gate.trouble
    remove_pause(path)
    gate.at(NOON, LOOK_EVERY_SECONDS)
    assert gate.trouble == ""


def test_a_clock_that_is_put_back_is_followed(path):
    """The gate doesn't hold on to an answer that the clock has taken back."""
    gate = CaptureGate(MORNING, path)
    gate.at(NOON + timedelta(hours=1), 0.0)

    assert gate.at(NOON, LOOK_EVERY_SECONDS).allowed
