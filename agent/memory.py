"""What one round of deletion remembers for the next, across restarts: clock and database.

The file holds times and a random number, nothing about anybody. Losing it costs no promise: the
next round then judges the clock by the newest row alone.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.errors import NOT_AS_WRITTEN
from agent.retention.trust import Mark


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered.

    Attributes:
        mark: of the clocks.
        store: number of the records' database; None where nothing was stored yet.
    """

    mark: Mark
    store: int | None


def recall(path: Path) -> Memory | None:
    """Read the file; None where there is none, or none that can be understood."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return Memory(_mark(found), None if found["store"] is None else int(found["store"]))
    except (OSError, *NOT_AS_WRITTEN):
        return None


def remember(path: Path, memory: Memory) -> bool:
    """Replace the file, whole or not at all; False where the disk refuses."""
    mark = memory.mark
    found = {
        "proven": mark.proven.isoformat(),
        "wall": mark.wall.isoformat(),
        "since_boot": mark.since_boot,
        "boot": mark.boot,
        "doubted_for": None if mark.doubted_for is None else mark.doubted_for.total_seconds(),
        "store": memory.store,
    }
    partial = path.with_suffix(".part")
    try:
        mode = 0o600 | path.parent.stat().st_mode & 0o040  # as many may read it as its folder
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            os.fchmod(file.fileno(), mode)
            json.dump(found, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        return False
    return True


def _mark(found: dict[str, Any]) -> Mark:
    doubted = found["doubted_for"]
    return Mark(
        proven=_instant(found["proven"]),
        wall=_instant(found["wall"]),
        since_boot=float(found["since_boot"]),
        boot=str(found["boot"]),
        doubted_for=None if doubted is None else timedelta(seconds=float(doubted)),
    )


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a naive instant")
    return found.astimezone(UTC)
