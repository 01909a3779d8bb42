"""The watch over what tests leave behind sees what it is there for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import leftovers
from tests.forked import BROKEN, exit_code_of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


def test_an_orphan_is_found_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose own parent is gone, in a session of its own, doesn't escape."""
    monkeypatch.setattr(leftovers, "PATIENCE_S", 0.2)
    subprocess.run(["sh", "-c", "setsid sleep 3456 >/dev/null 2>&1 &"], check=True, timeout=30)

    left = leftovers.await_children()

    assert list(left.values()) == ["sleep 3456"]
    assert leftovers.running_children() == {}


def test_who_is_just_ending_isnt_called_a_leftover() -> None:
    """A moment's patience: what ends by itself is no finding."""
    with subprocess.Popen(["sleep", "0.3"]):
        assert leftovers.await_children() == {}


def test_files_are_named_but_pytests_own(tmp_path: Path) -> None:
    """Folders and files count; what pytest keeps of failed tests doesn't."""
    (tmp_path / "pytest-of-me").mkdir()
    (tmp_path / "omokage-x").mkdir()
    (tmp_path / "a").touch()

    assert leftovers.left_files(tmp_path) == ["a", "omokage-x"]


def test_a_forked_test_never_goes_on_as_pytest() -> None:
    """Whatever is raised there ends it; a signal is told as one; who hangs is killed."""

    def fail() -> int:
        raise KeyboardInterrupt

    def end() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    assert exit_code_of(lambda: 3) == 3
    assert exit_code_of(fail) == BROKEN
    assert exit_code_of(end) == -signal.SIGTERM
    with pytest.raises(TimeoutError):
        exit_code_of(lambda: signal.pause() or 0, seconds=0.2)
