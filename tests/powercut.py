"""A disk that forgets what it was never told to keep.

A program's system calls are recorded by `strace` and played to a model of a disk. At any point of
the recording the power can be cut: what was synced is there, of everything else the disk keeps what
it likes. The rules are those of POSIX and no kinder:

- `write`, `ftruncate`: on the disk after an `fsync` of the file, or not, sector by sector (512
  bytes) and in any order;
- a file's name (create, rename, unlink): on the disk after an `fsync` of its folder, or not; of
  several changes a beginning is kept, as a file system's journal does.

Files that are only mapped into memory (`-shm`) aren't modelled; SQLite builds them anew.
Limits: one process, no `O_DIRECT`, no `writev`; anything else that could write raises an error
instead of being passed over.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from pathlib import Path

import pytest

SECTOR = 512
CALLS = (
    "openat,open,creat,close,write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,"
    "ftruncate,truncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,"
    "link,linkat,lseek,dup,dup2,dup3"
)
UNMODELLED = {"writev", "pwritev", "pwritev2", "sendfile", "copy_file_range", "truncate"}
_LINE = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)\) += (-?\d+)(?:<[^>]*>)?")
_FILE = re.compile(r"^(-?\d+)<(.*?)>$", re.DOTALL)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


class Luck(Enum):
    """What the disk kept of what it wasn't told to keep."""

    NOTHING = "nothing"
    EVERYTHING = "everything"
    SOMETHING = "something"


@dataclass(frozen=True, slots=True)
class Call:
    """One system call that succeeded.

    Attributes:
        name: of the call.
        words: its arguments, as strace writes them.
        result: what it returned.
    """

    name: str
    words: tuple[str, ...]
    result: int


def record(command: Sequence[str], log: Path, cwd: Path) -> list[Call]:
    """Run a program under strace; return its calls. Skips where that isn't possible.

    Args:
        command: program and arguments.
        log: where strace writes.
        cwd: folder to run in.
    """
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace isn't installed: apt-get install strace")
    words = [strace, "-f", "-qq", "-xx", "-y", "-s", "67108864", "-e", f"trace={CALLS}"]
    done = subprocess.run(
        [*words, "-o", str(log), *command], check=False, capture_output=True, text=True, cwd=cwd
    )
    if "ptrace" in done.stderr.lower() and not log.stat().st_size:
        pytest.skip("this machine doesn't let strace look at a program")
    assert 0 == done.returncode, done.stderr[-3000:]
    return list(parse(log.read_text("ascii", errors="replace").splitlines()))


def parse(lines: Sequence[str]) -> Iterator[Call]:
    """Read strace's lines; those of calls that failed are left out."""
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            assert "unfinished" not in line, "two threads called at once: not modelled"
            continue
        name, arguments, result = found[1], found[2], int(found[3])
        if result >= 0:
            yield Call(name, tuple(_split(arguments)), result)


def _split(arguments: str) -> Iterator[str]:
    """Split at commas that stand in no string, no bracket and no path."""
    depth, quoted, start = 0, False, 0
    for at, char in enumerate(arguments):
        if char == '"':
            quoted = not quoted
        elif not quoted and char in "<{[":
            depth += 1
        elif not quoted and char in ">}]":
            depth -= 1
        elif char == "," and not quoted and depth == 0:
            yield arguments[start:at].strip()
            start = at + 1
    yield arguments[start:].strip()


@dataclass(slots=True, eq=False)
class Inode:
    """A file's content: what is safe, and what was done to it since.

    Attributes:
        safe: bytes on the disk.
        pending: changes that no sync has followed yet: (offset, bytes), or (size, None).
        size: as the program sees it.
    """

    safe: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    size: int = 0

    def sync(self) -> None:
        """Make everything safe."""
        self.safe = _applied(self.safe, self.pending)
        self.pending.clear()

    def after(self, luck: Luck, chance: random.Random) -> bytes:
        """Return what is on the disk after a cut."""
        if luck is Luck.NOTHING:
            return self.safe
        if luck is Luck.EVERYTHING:
            return _applied(self.safe, self.pending)
        kept: list[tuple[int, bytes | None]] = []
        for at, data in self.pending:
            if data is None:
                kept += [(at, None)] if chance.random() < 0.5 else []
                continue
            edges = [at, *range(at - at % SECTOR + SECTOR, at + len(data), SECTOR), at + len(data)]
            pieces = pairwise(edges)
            kept += [(a, data[a - at : b - at]) for a, b in pieces if chance.random() < 0.5]
        chance.shuffle(kept)
        return _applied(self.safe, kept)


def _applied(content: bytes, changes: Sequence[tuple[int, bytes | None]]) -> bytes:
    data = bytearray(content)
    for at, piece in changes:
        if piece is None:
            data = data[:at] + bytes(max(0, at - len(data)))
        else:
            data += bytes(max(0, at - len(data)))
            data[at : at + len(piece)] = piece
    return bytes(data)


class Disk:
    """The files below one folder, as a program changes them.

    Attributes:
        said: what the program has printed so far.
    """

    def __init__(self, before: Path, root: Path) -> None:
        """Begin with what was there: all of it is safe.

        Args:
            before: a copy of the folder from before the program began.
            root: the folder as the program knows it.
        """
        self.said = ""
        self._root = str(root.resolve())
        self._safe: dict[str, Inode] = {}
        for path in before.rglob("*"):
            if path.is_file() and not path.name.endswith("-shm"):
                content = path.read_bytes()
                name = f"{self._root}/{path.relative_to(before)}"
                self._safe[name] = Inode(content, size=len(content))
        self._now = dict(self._safe)
        self._renames: list[Callable[[dict[str, Inode]], None]] = []
        self._places: dict[int, int] = {}
        self._open: dict[int, tuple[Inode, bool]] = {}

    def play(self, call: Call) -> None:
        """Do what the program did."""
        if call.name in UNMODELLED:
            assert not self._mine(call.words[0]), f"{call.name} isn't modelled"
            return
        step = getattr(self, f"_{call.name}", None)
        if step is not None:
            step(call)

    def cut(self, luck: Luck, chance: random.Random, target: Path) -> None:
        """Write what a cut of the power leaves into an empty folder."""
        names = dict(self._safe)
        last = {
            Luck.NOTHING: 0,
            Luck.EVERYTHING: len(self._renames),
            Luck.SOMETHING: chance.randint(0, len(self._renames)),
        }[luck]
        for change in self._renames[:last]:
            change(names)
        for name, inode in names.items():
            if name.endswith("-shm"):
                continue
            path = target / Path(name).relative_to(self._root)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with path.open("wb") as file:
                content = inode.after(luck, chance)
                file.write(content.rstrip(b"\0"))  # a reserve of zeros needs no room here
                file.truncate(len(content))
            path.chmod(0o600)

    # One method a system call; the arguments are strace's.

    def _openat(self, call: Call) -> None:
        name, flags = _path(call.words[1]), call.words[2]
        if not name.startswith(self._root) or "O_DIRECTORY" in flags:
            self._open.pop(call.result, None)
            return
        inode = self._now.get(name)
        if inode is None:
            if "O_CREAT" not in flags:
                return  # a file that this run hasn't made and that wasn't there: a folder
            inode = Inode()
            self._change(lambda names, name=name, inode=inode: names.__setitem__(name, inode))
        if "O_TRUNC" in flags and inode.size:
            inode.pending.append((0, None))
            inode.size = 0
        self._open[call.result] = (inode, "O_APPEND" in flags)
        self._places[call.result] = 0

    def _close(self, call: Call) -> None:
        self._open.pop(_handle(call.words[0]), None)

    def _write(self, call: Call) -> None:
        handle, data = _handle(call.words[0]), _data(call.words[1])[: call.result]
        if handle == 1:
            self.said += data.decode()
        if handle in self._open:
            inode, appends = self._open[handle]
            at = inode.size if appends else self._places[handle]
            self._put(inode, at, data)
            self._places[handle] = at + len(data)

    def _pwrite64(self, call: Call) -> None:
        handle = _handle(call.words[0])
        if handle in self._open:
            data = _data(call.words[1])[: call.result]
            self._put(self._open[handle][0], int(call.words[3]), data)

    def _lseek(self, call: Call) -> None:
        self._places[_handle(call.words[0])] = call.result

    def _ftruncate(self, call: Call) -> None:
        self._resize(call, int(call.words[1]))

    def _fallocate(self, call: Call) -> None:
        handle = _handle(call.words[0])
        if handle in self._open:
            size = int(call.words[2]) + int(call.words[3])
            self._resize(call, max(size, self._open[handle][0].size))

    def _resize(self, call: Call, size: int) -> None:
        handle = _handle(call.words[0])
        if handle in self._open:
            inode = self._open[handle][0]
            inode.pending.append((size, None))
            inode.size = size

    def _put(self, inode: Inode, at: int, data: bytes) -> None:
        inode.pending.append((at, data))
        inode.size = max(inode.size, at + len(data))

    def _fsync(self, call: Call) -> None:
        handle = _handle(call.words[0])
        if handle in self._open:
            self._open[handle][0].sync()
        elif self._mine(call.words[0]):  # a folder: names below it are safe from now on
            for change in self._renames:
                change(self._safe)
            self._renames.clear()

    _fdatasync = _fsync

    def _rename(self, call: Call) -> None:
        self._move(_path(call.words[0]), _path(call.words[1]))

    def _renameat(self, call: Call) -> None:
        self._move(_path(call.words[1]), _path(call.words[3]))

    _renameat2 = _renameat

    def _move(self, old: str, new: str) -> None:
        if old.startswith(self._root):
            self._change(lambda names: names.__setitem__(new, names.pop(old)))

    def _link(self, call: Call) -> None:
        old, new = _path(call.words[0]), _path(call.words[1])
        if old.startswith(self._root):
            self._change(lambda names: names.__setitem__(new, names[old]))

    def _unlink(self, call: Call) -> None:
        name = _path(call.words[0])
        if name.startswith(self._root):
            self._change(lambda names: names.pop(name, None))

    def _unlinkat(self, call: Call) -> None:
        self._unlink(Call(call.name, call.words[1:], call.result))

    def _change(self, change: Callable[[dict[str, Inode]], object]) -> None:
        def done(names: dict[str, Inode]) -> None:
            change(names)

        done(self._now)
        self._renames.append(done)

    def _mine(self, word: str) -> bool:
        found = _FILE.match(word)
        return found is not None and _plain(found[2]).startswith(self._root)


def _handle(word: str) -> int:
    return int(re.match(r"-?\d+", word)[0])  # type: ignore[index]


def _plain(text: str) -> str:
    """Undo strace's hexadecimal writing of a path."""
    if "\\x" not in text:
        return text
    return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text)


def _path(word: str) -> str:
    found = _TEXT.match(word)
    assert found is not None, word
    return str(Path(bytes.fromhex(found[1].replace("\\x", "")).decode()))


def _data(word: str) -> bytes:
    found = _TEXT.match(word)
    assert found is not None, word
    assert found[2] is None, "strace cut a write short"
    return bytes.fromhex(found[1].replace("\\x", ""))
