"""What a test may leave behind: no process, and no file in the temporary folder.

Orphans become children of the test's process (prctl(2), PR_SET_CHILD_SUBREAPER), so that nobody
escapes by losing his parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
PATIENCE_S = 5.0
MAY_STAY = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
"""Python's own helpers, which end with the process that started them."""
OF_PYTEST = "pytest-of-"


def adopt_orphans() -> None:
    """Become the parent of every process whose own parent ends; Linux only."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def running_children() -> dict[int, str]:
    """Return this process's children that still run, with their command lines."""
    found = {}
    for pid in _children():
        with contextlib.suppress(OSError):
            base = Path(f"/proc/{pid}")
            state = (
                base.joinpath("stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
            )
            words = (
                base.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
            if state != "Z" and not any(name in words for name in MAY_STAY):
                found[pid] = words.strip()
    return found


def _children() -> Iterator[int]:
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, task.read_text().split())


def await_children() -> dict[int, str]:
    """Give what is still ending a moment; return what goes on all the same, killed."""
    end = time.monotonic() + PATIENCE_S
    while (left := running_children()) and time.monotonic() < end:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return left


def left_files(folder: Path) -> list[str]:
    """Return the names of what lies in a temporary folder, pytest's own part apart."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(OF_PYTEST))
