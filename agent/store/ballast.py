"""Room that is kept for deleting: SQLite can't delete a row on a disk that is full.

Measured: with the disk full, DELETE, a checkpoint and VACUUM all fail; after a file of some MiB is
removed they work. The database's own cap keeps it from filling the disk by itself, but others may.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

BALLAST_BYTES = 8 << 20


class Ballast:
    """A file of zeros beside a database, given up when a deletion needs its room."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_suffix(".ballast")

    def restore(self) -> None:
        """Take the room if the disk has it; no error if not, the next call tries again."""
        if self._path.exists():
            return
        partial = self._path.with_suffix(".ballast-part")
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, BALLAST_BYTES)
            finally:
                os.close(descriptor)
            partial.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)

    def release(self) -> None:
        """Give the room back."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
