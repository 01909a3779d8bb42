"""The health file is whole for whoever reads it, also where the disk takes nothing new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent import health_file
from agent.health_file import ROOM, read_health, write_health


def test_it_is_replaced_whole(tmp_path: Path) -> None:
    """A reader that opened the old one keeps it; nothing is left beside the new one."""
    path = tmp_path / "status.json"
    assert write_health(path, {"state": "running"})
    with path.open() as old:
        assert write_health(path, {"state": "stopped"})
        assert "running" == json.load(old)["state"]

    assert {"state": "stopped"} == read_health(path)
    assert [path] == list(tmp_path.iterdir())


def test_where_nothing_new_fits_the_old_file_is_overwritten(tmp_path: Path) -> None:
    """A folder that takes no file still tells what is wrong, in the file that is there."""
    path = tmp_path / "status.json"
    write_health(path, {"trouble": ""})
    before = path.stat()
    path.with_suffix(".part").mkdir()  # stands in the new file's way

    assert write_health(path, {"trouble": "the disk is full " * 100})

    assert read_health(path)["trouble"].startswith("the disk is full")
    assert (before.st_ino, before.st_size) == (path.stat().st_ino, path.stat().st_size)
    assert before.st_size > ROOM


def test_a_disk_that_takes_nothing_is_said_to_the_caller(tmp_path: Path) -> None:
    """No file, and none can be made: False, and no exception that would stop the capture."""
    assert not write_health(tmp_path / "nowhere" / "status.json", {})


def test_what_is_no_report_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Garbage and foreign JSON aren't taken for a health report."""
    monkeypatch.setattr(health_file, "AGAIN_SECONDS", 0)
    path = tmp_path / "status.json"
    for content in ("{", "[1]", ""):
        path.write_text(content)
        with pytest.raises(ValueError, match=r"Expecting|not a health"):
            read_health(path)
