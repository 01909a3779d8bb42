"""Read another process's memory: every page that it has, while it stands still.

The process under test forbids this to others of its own user (`PR_SET_DUMPABLE`), as it should. It
therefore opens its own `/proc/self/mem` and `/proc/self/smaps` before it does so and hands the two
open files over; nothing is weakened for the sake of the proof.

Left out is only what can't hold a frame: mapped files of which no page was changed (programs and
libraries), regions without a single page, and the kernel's own pages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

PIECE = 16 << 20
"""Bytes read at once."""

OVERLAP = 64
"""Bytes by which pieces overlap, so that nothing is cut in two."""

_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+) *(.*)")
_FIELD = re.compile(r"(\w+): +(\d+) kB")


@dataclass(frozen=True, slots=True)
class Region:
    """One region of `smaps`.

    Attributes:
        start: first address.
        end: first address after it.
        name: `heap`, `stack`, `anonymous`, `shared`, or `file` for a mapped file.
        unchanged: bytes of a mapped file that nobody has written to; they are the file's own.
        locked: bytes that can't go to swap.
        swapped: bytes that are in swap.
    """

    start: int
    end: int
    name: str
    unchanged: int = 0
    locked: int = 0
    swapped: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Copied memory.

    Attributes:
        pieces: region and its bytes, by address of the first byte.
        unread: bytes that the kernel didn't hand out (device memory, pages beyond a file's end).
        unchanged: bytes of mapped files that were left out, since nobody has written to them.
        locked: bytes that can't go to swap.
        swapped: bytes that are in swap; they are among the pieces.
    """

    pieces: tuple[tuple[Region, int, bytes], ...]
    unread: int
    unchanged: int
    locked: int
    swapped: int

    @property
    def size(self) -> int:
        """Return the number of copied bytes."""
        return sum(len(data) for _, _, data in self.pieces)


def parse_maps(text: str) -> list[Region]:
    """Return the readable regions that have pages.

    Args:
        text: of `/proc/PID/smaps`.
    """
    regions = []
    for head, numbers in _entries(text):
        readable = head[3][0] == "r" and not head[5].startswith(("[vvar", "[vsyscall"))
        swapped = numbers.get("Swap", 0)
        if not readable or numbers.get("Rss", 0) + swapped == 0:
            continue
        start, end, name = int(head[1], 16), int(head[2], 16), _name(head[3], head[5])
        untouched = name == "file" and numbers.get("Anonymous", 0) + swapped == 0
        regions.append(
            Region(
                start,
                end,
                name,
                unchanged=end - start if untouched else 0,
                locked=numbers.get("Locked", 0) << 10,
                swapped=swapped << 10,
            )
        )
    return regions


def _entries(text: str) -> Iterator[tuple[re.Match[str], dict[str, int]]]:
    head: re.Match[str] | None = None
    numbers: dict[str, int] = {}
    for line in text.splitlines():
        if (field := _FIELD.match(line)) is not None:
            numbers[field[1]] = int(field[2])
        elif (found := _LINE.fullmatch(line)) is not None:
            if head is not None:
                yield head, numbers
            head, numbers = found, {}
    if head is not None:
        yield head, numbers


def _name(permissions: str, path: str) -> str:
    if permissions[3] == "s":
        return "shared"
    if path in {"[heap]", "[stack]"}:
        return path.strip("[]")
    return "file" if path.startswith("/") else "anonymous"


def read_text(descriptor: int) -> str:
    """Read a file of /proc from its start."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts).decode("utf-8", errors="replace")


def copy_memory(maps: int, memory: int) -> Snapshot:
    """Copy everything that a process can read; stop it first, or pages change underway.

    Args:
        maps: open file `/proc/PID/smaps`.
        memory: open file `/proc/PID/mem`.
    """
    pieces, unread, unchanged, locked, swapped = [], 0, 0, 0, 0
    for region in parse_maps(read_text(maps)):
        unchanged, locked = unchanged + region.unchanged, locked + region.locked
        swapped += region.swapped
        if region.unchanged:
            continue
        got = 0
        for start, data in _pieces(memory, region):
            pieces.append((region, start, data))
            got = start + len(data) - region.start
        unread += region.end - region.start - got
    return Snapshot(tuple(pieces), unread, unchanged, locked, swapped)


def _pieces(memory: int, region: Region) -> Iterator[tuple[int, bytes]]:
    start = region.start
    while start < region.end:
        wanted = min(PIECE, region.end - start)
        try:
            data = os.pread(memory, wanted, start)
        except OSError:
            return
        if not data:
            return
        yield start, data
        if start + len(data) >= region.end:
            return
        start += max(len(data) - OVERLAP, 1)
