"""What the agent itself takes of its machine: memory and processor time, by the system's books.

Only for whoever may read the site's state: how busy the processor is follows how many faces are
there, so the public metrics leave it out.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")
_KIB = 1024


class Load:
    """Counts from its making on, so that loading models and compiling weigh nothing."""

    def __init__(self, tick: float, status: Path = STATUS) -> None:
        """Begin.

        Args:
            tick: monotonic seconds.
            status: the system's book of this process's memory.
        """
        self._since, self._status = tick, status
        self._work = time.process_time()

    def report(self, tick: float) -> dict[str, Any]:
        """Return memory now and at most, bytes (None where the system doesn't say), and work.

        `cpu_seconds` of all threads were spent in the last `seconds`; one core gives one a second.

        Args:
            tick: monotonic seconds.
        """
        memory = _memory(self._status)
        return {
            "resident_bytes": memory.get("VmRSS"),
            "most_resident_bytes": memory.get("VmHWM"),
            "cpu_seconds": round(time.process_time() - self._work, 3),
            "seconds": round(tick - self._since, 3),
        }


def _memory(path: Path) -> dict[str, int]:
    """Return the lines that give a size, in bytes; none where there is no such book."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return {}
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if len(words) == 2 and words[1] == "kB" and words[0].isdecimal():
            found[name] = int(words[0]) * _KIB
    return found
