"""What lies around the process: files that it may have written, and how the system is set."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.proof.detect import Detector, Hit
from agent.proof.memory import OVERLAP, PIECE

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (looked through, never written to)
MOST_BYTES = 2 << 30
"""Of one place; what lies beyond isn't read, and the certificate says so."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that was looked through.

    Attributes:
        name: `state`, `temporary`, `shared memory`.
        files: looked into.
        size: bytes read.
        skipped: files that couldn't be read, or lie beyond the limit.
        hits: found in them.
    """

    name: str
    files: int
    size: int
    skipped: int
    hits: tuple[Hit, ...]


def places(state: Path) -> dict[str, tuple[Path, ...]]:
    """Return the folders in which a frame could have ended up, by name.

    Args:
        state: folder of the site that ran, also the working folder of the process.
    """
    temporary = {Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")}  # noqa: S108
    return {
        "state": (state,),
        "temporary": tuple(sorted(temporary)),
        "shared memory": (SHARED_MEMORY,),
    }


def look_through(
    name: str, folders: tuple[Path, ...], detector: Detector, *, since: float, leave_out: Path
) -> Place:
    """Search all files of our own user in some folders that were changed since the proof began.

    Args:
        name: of the place.
        folders: with everything below them.
        detector: of this run.
        since: seconds since 1970; older files are left out.
        leave_out: a folder that isn't entered, since it is looked through by itself.
    """
    files = size = skipped = 0
    hits: list[Hit] = []
    for path in _files(folders, since, leave_out):
        try:
            for offset, data in _read(path, MOST_BYTES - size):
                size += len(data)
                hits += detector.search(data, offset)
        except OSError:
            skipped += 1
        else:
            files += 1
    return Place(name, files, size, skipped, tuple(hits))


def _files(folders: tuple[Path, ...], since: float, leave_out: Path) -> Iterator[Path]:
    for folder in folders:
        for root, names, files in os.walk(folder):
            names[:] = [n for n in names if folder == leave_out or Path(root, n) != leave_out]
            for name in files:
                path = Path(root, name)
                with contextlib.suppress(OSError):
                    found = path.lstat()
                    ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
                    if ours and found.st_mtime >= since:
                        yield path


def _read(path: Path, most: int) -> Iterator[tuple[int, bytes]]:
    if path.stat().st_size > most:
        raise OSError(errno.EFBIG, "beyond the limit of a place")
    with path.open("rb") as file:
        offset = 0
        while data := file.read(PIECE):
            yield offset, data
            if len(data) < PIECE:
                return
            offset += PIECE - OVERLAP
            file.seek(offset)


def swap_devices(text: str) -> int:
    """Count the swap areas in the text of /proc/swaps; its first line is a heading."""
    return max(0, len(text.strip().splitlines()) - 1)


def system_settings() -> dict[str, str | int | None]:
    """Return what the system does with memory of a crashed or a sleeping process."""
    return {
        "core_pattern": _text("/proc/sys/kernel/core_pattern"),
        "swap_areas": swap_devices(_text("/proc/swaps") or ""),
        "overwrites_freed_pages": _boot_option("init_on_free"),
        "kernel": os.uname().release,
        "machine": os.uname().machine,
    }


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text("utf-8", errors="replace").strip()
    except OSError:
        return None


def _boot_option(name: str) -> str | None:
    line = _text("/proc/cmdline")
    if line is None:
        return None
    return next((w.partition("=")[2] for w in line.split() if w.startswith(f"{name}=")), None)
