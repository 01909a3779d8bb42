"""The pause on disk: whatever can't be understood keeps the cameras closed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from agent.config.pause_file import read_pause, remove_pause, write_pause
from agent.domain.schedule import Pause
from agent.errors import StoreError
from tests.fakes import NOON

GOOD = {"since": NOON.isoformat(), "until": None, "reason": ""}


@pytest.mark.parametrize("until", [None, NOON + timedelta(minutes=30)])
def test_a_pause_comes_back_as_it_was_written(tmp_path, until):
    """Writing and reading are each other's inverse."""
    path = tmp_path / "state" / "pause.json"
    pause = Pause(NOON, until, "着替え中")

    write_pause(path, pause)

    assert pause == read_pause(path)
    assert ["pause.json"] == [file.name for file in path.parent.iterdir()]


def test_no_file_is_no_pause(tmp_path):
    """Absent means that nothing is paused."""
    assert read_pause(tmp_path / "pause.json") is None


def test_a_removed_pause_is_gone(tmp_path):
    """Removing says whether there was one."""
    path = tmp_path / "pause.json"
    write_pause(path, Pause(NOON, None))

    assert remove_pause(path)
    assert not remove_pause(path)
    assert read_pause(path) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}",
        b"[" * 100_000,
        json.dumps({**GOOD, "more": 1}).encode(),
        json.dumps({**GOOD, "since": None}).encode(),
        json.dumps({**GOOD, "until": "soon"}).encode(),
        json.dumps({**GOOD, "until": 1_700_000_000}).encode(),
        json.dumps({**GOOD, "until": "2026-04-01T12:00:00"}).encode(),
        json.dumps({**GOOD, "reason": 7}).encode(),
        json.dumps({**GOOD, "reason": "x" * 20_000}).encode(),
    ],
)
def test_a_damaged_file_is_a_pause_without_an_end(tmp_path, raw):
    """A file that can't be understood never switches a camera on."""
    path = tmp_path / "pause.json"
    path.write_bytes(raw)

    pause = read_pause(path)

    assert pause is not None
    assert pause.damaged
    assert pause.holds(NOON + timedelta(days=3650))


def test_an_unreadable_file_is_a_pause_without_an_end(tmp_path):
    """A folder in the file's place can't be read either, and counts as a pause."""
    path = tmp_path / "pause.json"
    path.mkdir()

    pause = read_pause(path)

    assert pause is not None
    assert pause.damaged


def test_a_disk_that_refuses_is_reported(tmp_path):
    """A pause that can't be written isn't claimed."""
    path = tmp_path / "file"
    path.write_text("")

    with pytest.raises(StoreError, match="can't write the pause"):
        write_pause(path / "pause.json", Pause(NOON, None))


def test_a_pause_that_cant_be_removed_is_reported(tmp_path):
    """A resume that failed isn't claimed either."""
    path = tmp_path / "pause.json"
    path.mkdir()

    with pytest.raises(StoreError, match="can't remove the pause"):
        remove_pause(path)
