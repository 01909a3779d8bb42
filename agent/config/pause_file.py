"""A site's pause on disk: written whole or not at all, and read with the worst in mind.

`state/pause.json` says until when nothing may be captured. Whatever can't be understood counts as
a pause without an end: a damaged file must never switch a camera on.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from agent.domain.schedule import Pause
from agent.errors import NOT_AS_WRITTEN, StoreError

_LARGEST = 16_384
"""Bytes; a larger file isn't one of ours."""
_KEYS = {"since", "until", "reason"}


def read_pause(path: Path) -> Pause | None:
    """Return the pause, one marked `damaged` where the file can't be understood, or None."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError:
        return Pause(None, None, damaged=True)
    try:
        return _parse(raw)
    except NOT_AS_WRITTEN:
        return Pause(None, None, damaged=True)


def _parse(raw: bytes) -> Pause:
    table = json.loads(raw.decode())
    if len(raw) > _LARGEST or not isinstance(table, dict) or set(table) != _KEYS:
        raise ValueError("not a pause")
    if not isinstance(table["reason"], str):
        raise TypeError("the reason isn't text")
    until = table["until"]
    return Pause(
        since=_instant(table["since"]),
        until=None if until is None else _instant(until),
        reason=table["reason"],
    )


def _instant(text: object) -> datetime:
    if not isinstance(text, str):
        raise TypeError("an instant is text")
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return instant.astimezone(UTC)


def write_pause(path: Path, pause: Pause) -> None:
    """Put a pause in place durably; another reader sees the old one or the new one, whole.

    Raises:
        StoreError: the disk refuses.
    """
    assert pause.since is not None, "only a read pause may lack its beginning"
    table = {
        "since": pause.since.isoformat(),
        "until": None if pause.until is None else pause.until.isoformat(),
        "reason": pause.reason,
    }
    partial = path.with_suffix(".part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            json.dump(table, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"can't write the pause: {error.strerror}",
            advice="Nothing was paused. Check the disk, or stop the agent.",
        ) from error


def remove_pause(path: Path) -> bool:
    """Take a pause away; returns whether there was one.

    Raises:
        StoreError: the disk refuses; the pause goes on.
    """
    try:
        path.unlink()
        _sync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(
            f"can't remove the pause: {error.strerror}",
            advice="The pause goes on. Check the state folder's permissions.",
        ) from error
    return True


def _sync_folder(folder: Path) -> None:
    """Make a rename or a removal survive a power cut, where the system lets folders be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
