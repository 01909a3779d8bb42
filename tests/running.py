"""`omokage run` as a process of its own, for tests that look at it from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.config.site import Site

ROOT = Path(__file__).parents[1]


class RunningAgent:
    """An agent that a test started; what it says goes into a file."""

    def __init__(self, site: Site, log: Path, *words: str) -> None:
        """Start `omokage run` on a site with further words."""
        self.site, self.log = site, log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agent.cli.main", "run", "--site", str(site.root), *words],
                cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def health(self) -> dict:
        """Return the health file, or nothing while there is none."""
        try:
            return json.loads(self.site.status.read_text("utf-8"))
        except (OSError, ValueError):
            return {}

    def wait_until(self, holds: Callable[[dict], bool], seconds: float = 30) -> dict:
        """Wait until the health says so, and return it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.health()
            if found and holds(found):
                return found
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        pytest.fail(f"waited too long: {self.health()}\n{self.log.read_text()}")
