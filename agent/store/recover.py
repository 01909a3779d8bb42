"""Open the segments' database whatever state it is in, and never lose sight of a damaged one."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from agent.errors import StoreCorrupt
from agent.store.database import DEFAULT_MAX_BYTES
from agent.store.identity import marker_of
from agent.store.quarantine import Quarantined, move_aside
from agent.store.segments import SegmentStore


def open_or_replace(
    path: Path, *, now: datetime, longest: timedelta, max_bytes: int = DEFAULT_MAX_BYTES
) -> tuple[SegmentStore, list[Quarantined]]:
    """Open the store; a damaged one is moved aside and a new one takes its place.

    Args:
        path: of the database.
        now: aware UTC.
        longest: the longest life of a bucket: its own length and its retention.
        max_bytes: as of `SegmentStore`.

    Returns:
        The store, and what was moved aside and newly registered: empty when all is well.

    Raises:
        StoreError: as `SegmentStore`, but never `StoreCorrupt` for a file that could be moved.
    """
    try:
        store = SegmentStore(path, max_bytes=max_bytes)
    except StoreCorrupt:
        # The marker goes first: a crash in between finds the damaged file again, not a gap.
        marker_of(path).unlink(missing_ok=True)
        move_aside(path, now)
        store = SegmentStore(path, max_bytes=max_bytes)
    try:
        return store, store.adopt(longest)
    except BaseException:
        store.close()
        raise
