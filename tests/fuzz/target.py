"""What a target is, and how readers of paths and of texts become readers of bytes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agent.errors import AgentError

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Target:
    """One reader of files.

    Attributes:
        read: takes the bytes.
        seeds: whole files, as they ought to be.
        refusals: what it may raise.
    """

    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    refusals: tuple[type[Exception], ...] = (AgentError,)

    def try_one(self, content: bytes) -> bool:
        """Read one file; returns whether it was accepted.

        Raises:
            Exception: whatever isn't a proper refusal; that is a finding.
        """
        try:
            self.read(content)
        except self.refusals as error:
            if isinstance(error, AgentError) and not (str(error).strip() and error.advice.strip()):
                raise AssertionError("a refusal without a sentence or without advice") from error
            return False
        return True


@cache
def folder() -> Path:
    """Return a folder for readers that want a path; `leave` removes it."""
    return Path(tempfile.mkdtemp(prefix="omokage-fuzz-"))


def leave() -> None:
    """Remove the folder. A test's worker may end without `atexit`."""
    shutil.rmtree(folder())
    folder.cache_clear()


def at_path(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """Let a reader of paths read bytes."""

    def through_file(content: bytes) -> object:
        path = folder() / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        return read(path)

    return through_file


def files(*patterns: str) -> Callable[[], Sequence[bytes]]:
    """Return the contents of files of the repository."""
    return lambda: [p.read_bytes() for pattern in patterns for p in sorted(ROOT.glob(pattern))]


def texts(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """Let a reader of text read bytes; what isn't UTF-8 is refused before it."""
    return lambda content: read(content.decode("utf-8", errors="replace"))
