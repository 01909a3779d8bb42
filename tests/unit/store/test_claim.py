"""A state folder has one agent, and is free again the moment that one is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import StoreError, StoreInUse
from agent.store.claim import Claim, is_claimed

HOLD = """
import sys
from pathlib import Path
from agent.store.claim import Claim
claim = Claim(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_agent_is_refused(tmp_path: Path) -> None:
    """Who comes second is told so, with what to do."""
    first = Claim(tmp_path)

    with pytest.raises(StoreInUse) as caught:
        Claim(tmp_path)

    assert "Stop the other agent" in caught.value.advice
    assert 7 == caught.value.exit_code
    first.release()


def test_a_released_folder_can_be_taken_again(tmp_path: Path) -> None:
    """Nothing is left in the folder, and the next one gets it."""
    first = Claim(tmp_path)
    first.release()
    first.release()

    Claim(tmp_path).release()

    assert [] == list(tmp_path.iterdir())


def test_asking_takes_nothing(tmp_path: Path) -> None:
    """Whoever asks whether an agent runs learns it, and isn't one."""
    assert is_claimed(tmp_path) is False

    claim = Claim(tmp_path)
    assert is_claimed(tmp_path) is True
    claim.release()

    assert is_claimed(tmp_path) is False
    assert is_claimed(tmp_path / "nowhere") is None


def test_a_killed_agent_holds_nothing(tmp_path: Path) -> None:
    """`kill -9` frees the folder at once: no stale lock needs a person."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert b"held\n" == other.stdout.readline()
    assert is_claimed(tmp_path) is True
    with pytest.raises(StoreInUse):
        Claim(tmp_path)

    other.kill()
    other.communicate()

    Claim(tmp_path).release()


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """There is nothing to hold where there is no folder."""
    with pytest.raises(StoreError, match="can't open"):
        Claim(tmp_path / "nowhere")
