"""The agent's health on the disk: replaced whole, and still written where the disk is full.

A file in its place needs no room that it doesn't have already. So where nothing new can be written,
the old one is overwritten: an operator has to learn of a full disk from somewhere.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

ROOM = 8192
"""Bytes that the file always takes, so that a longer report later finds its room."""

AGAIN_SECONDS = 0.1


def write_health(path: Path, report: dict[str, Any]) -> bool:
    """Write the report; False where the disk takes nothing at all.

    Args:
        path: of the health file.
        report: what JSON can hold, no feature value.
    """
    text = json.dumps(report, indent=1).encode()
    content = text.ljust(ROOM) + b"\n"  # JSON lets blanks follow
    partial = path.with_suffix(".part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        return _overwrite(path, content)
    return True


def _overwrite(path: Path, content: bytes) -> bool:
    """Write into the file that is there; a reader may meet it half written, and asks again."""
    try:
        with path.open("r+b", buffering=0) as file:
            file.write(content)
            file.truncate()
    except OSError:
        return False
    return True


def read_health(path: Path) -> dict[str, Any]:
    """Return the report.

    Raises:
        OSError: there is none.
        ValueError: it isn't one.
    """
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        time.sleep(AGAIN_SECONDS)  # it may just be overwritten
        found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError("not a health report")  # noqa: TRY004  (the content's fault)
    return found
