"""What an interrupted batch has already done, so that the same command goes on from there.

Beside `OUT` lie `OUT.manifest.jsonl` (one line per finished file: path, size, time of change,
outcome) and, until everything succeeded, `OUT.parts/` (the rows of each finished file).
A file counts as done when it is unchanged, its part exists and it didn't fail. Other settings or
another version begin anew. When all files succeeded the parts are removed; the manifest stays, so
that running the command again does nothing. A line that a crash cut short is ignored.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from agent.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

VERSION = 1
SEAL = "."
"""In place of a file's path: the line that says the output is whole."""
_ADVICE = "Check the disk's free space and the permissions of the output's folder."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes:
        source: its name in the table.
        status: `done`, `truncated` (rows up to where the file stops) or `failed` (no rows).
        frames: looked at.
        faces: found, over all frames.
        message: what was wrong, one sentence; empty where nothing was.
    """

    source: str
    status: str
    frames: int
    faces: int
    message: str = ""

    @property
    def complete(self) -> bool:
        """Whether the file gave everything that it holds."""
        return self.status == "done"


class Job:
    """One output, its manifest and its parts."""

    def __init__(self, out: Path, settings: Mapping[str, str]) -> None:
        """Read what an earlier run left, or begin anew where the settings differ.

        Args:
            out: the table that is being made.
            settings: everything that changes rows; part of the manifest's first line.

        Raises:
            StoreError: the manifest can't be read or written.
        """
        self._out = out
        self._manifest = out.with_name(f"{out.name}.manifest.jsonl")
        self._parts = out.with_name(f"{out.name}.parts")
        self._head = {"omokage_manifest": VERSION, "settings": dict(settings)}
        self._lines: dict[str, dict[str, object]] = {}
        try:
            self._load()
        except OSError as error:
            raise self._refused(error) from error

    def _load(self) -> None:
        lines = _json_lines(self._manifest) if self._manifest.exists() else []
        if lines and lines[0] == self._head:
            self._lines = {str(line["file"]): line for line in lines[1:] if _is_sound(line)}
            with self._manifest.open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a crash cut the last line; the next begins its own
                    file.write(b"\n")
            return
        shutil.rmtree(self._parts, ignore_errors=True)
        self._manifest.parent.mkdir(parents=True, exist_ok=True)
        self._manifest.unlink(missing_ok=True)
        self._append(self._head)

    def part(self, path: Path) -> Path:
        """Return where a file's own rows lie."""
        name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:24]
        return self._parts / f"{name}.jsonl.gz"

    def finished(self, path: Path) -> Outcome | None:
        """Return what an earlier run made of a file; None where it must be done (again)."""
        line = self._lines.get(str(path.absolute()))
        if line is None or line["stamp"] != _stamp(path) or line["status"] == "failed":
            return None
        return _outcome(line) if self.part(path).exists() else None

    def record(self, path: Path, outcome: Outcome) -> None:
        """Note a file's outcome; from now on it is done.

        Raises:
            StoreError: the manifest can't be written.
        """
        line = {"file": str(path.absolute()), "stamp": _stamp(path), **asdict(outcome)}
        self._lines[str(path.absolute())] = line
        try:
            self._append(line)
        except OSError as error:
            raise self._refused(error) from error

    def whole(self, paths: Sequence[Path]) -> list[Outcome] | None:
        """Return all outcomes where the output already holds exactly these files, unchanged."""
        seal = self._lines.get(SEAL)
        names = [str(path.absolute()) for path in paths]
        if seal is None or seal["files"] != names or seal["stamp"] != _stamp(self._out):
            return None
        lines = [self._lines[name] for name in names if name in self._lines]
        if len(lines) < len(names):
            return None
        if any(line["stamp"] != _stamp(path) for line, path in zip(lines, paths, strict=True)):
            return None
        return [_outcome(line) for line in lines]

    def finish(self, paths: Sequence[Path]) -> None:
        """Note that the output is whole and remove the parts.

        Raises:
            StoreError: the manifest can't be written.
        """
        names = [str(path.absolute()) for path in paths]
        seal: dict[str, object] = {"file": SEAL, "stamp": _stamp(self._out), "files": names}
        try:
            self._append(seal)
        except OSError as error:
            raise self._refused(error) from error
        shutil.rmtree(self._parts, ignore_errors=True)

    def _append(self, line: Mapping[str, object]) -> None:
        with self._manifest.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _refused(self, error: OSError) -> StoreError:
        name = self._manifest.name
        return StoreError(f"{name} can't be used ({error.strerror or error})", advice=_ADVICE)


def _json_lines(path: Path) -> list[dict[str, object]]:
    found = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict):
            found.append(line)
    return found


def _is_sound(line: Mapping[str, object]) -> bool:
    """Say whether a line is one that this program writes; what isn't counts as not there."""
    if not isinstance(line.get("file"), str) or not isinstance(line.get("stamp"), list):
        return False
    if line["file"] == SEAL:
        return isinstance(line.get("files"), list)
    numbers = (line.get("frames"), line.get("faces"))
    words = (line.get("source"), line.get("status"), line.get("message"))
    return all(isinstance(n, int) for n in numbers) and all(isinstance(w, str) for w in words)


def _stamp(path: Path) -> list[int]:
    """Return size and time of change: what tells an unchanged file."""
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def _outcome(line: Mapping[str, object]) -> Outcome:
    return Outcome(
        source=str(line["source"]),
        status=str(line["status"]),
        frames=int(str(line["frames"])),
        faces=int(str(line["faces"])),
        message=str(line["message"]),
    )
