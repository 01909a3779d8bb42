"""One agent a state folder: two would count every face twice and delete behind each other's back.

The folder itself is locked (`flock`), not a file in it: that leaves nothing behind, works where the
disk can't be written to, and the kernel lets go when the process ends, however it ends. Short
commands that only read or delete don't need it.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from agent.errors import StoreError, StoreInUse

TRIES = 4
"""`omokage status` holds the lock for a moment when it asks; that is no second agent."""
BETWEEN_SECONDS = 0.1


class Claim:
    """A held folder."""

    def __init__(self, folder: Path) -> None:
        """Take the folder.

        Raises:
            StoreInUse: another process holds it.
            StoreError: the folder can't be opened or locked.
        """
        try:
            self._handle: int | None = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StoreError(f"can't open the {folder.name} folder: {error.strerror}") from error
        try:
            _lock(self._handle)
        except OSError as error:
            self.release()
            if isinstance(error, BlockingIOError):
                raise StoreInUse("another agent is running on this site") from error
            raise StoreError(f"can't lock the {folder.name} folder: {error.strerror}") from error

    def release(self) -> None:
        """Let go; twice is harmless."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def is_claimed(folder: Path) -> bool | None:
    """Say whether an agent holds a folder; None where that can't be told."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    else:
        return False
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    for attempt in range(TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt == TRIES - 1:
                raise
            time.sleep(BETWEEN_SECONDS)
        else:
            return
