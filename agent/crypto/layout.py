"""How values become the bytes that are signed: fixed width or length first, so none can shift."""

from __future__ import annotations

import struct
from datetime import datetime

from agent.domain.segment import to_seconds


def text(words: str) -> bytes:
    """Return UTF-8 after its length in one byte."""
    raw = words.encode()
    return struct.pack(">B", len(raw)) + raw


def instant(when: datetime) -> bytes:
    """Return whole seconds since 1970 UTC, i64 big-endian."""
    return struct.pack(">q", to_seconds(when))


def number(value: int) -> bytes:
    """Return a number, u64 big-endian."""
    return struct.pack(">Q", value)
