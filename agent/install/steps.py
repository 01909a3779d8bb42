"""What an installation or a removal consists of. Data only; `agent.install.doing` carries it out.

Paths are those of the target system; where that is a tree of our own, its root goes in front when
a step is done. Every step may be done again: what is there already is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Put:
    """A file with this content and mode, owned by root.

    Attributes:
        path: on the target system.
        content: all of it.
        mode: permission bits.
        why: a few words for the person who reads the plan.
    """

    path: PurePosixPath
    content: bytes
    mode: int
    why: str


@dataclass(frozen=True, slots=True)
class BuildProgram:
    """The program, built from wheels that lie here, each checked against its hash.

    Attributes:
        target: folder of the virtual environment on the target system.
        wheels: folder on this machine with the locked wheels and Omokage's own.
        python: interpreter on the target system.
    """

    target: PurePosixPath
    wheels: Path
    python: PurePosixPath


@dataclass(frozen=True, slots=True)
class Call:
    """A program of the system, such as systemctl.

    Attributes:
        command: program and arguments.
        why: a few words.
        may_fail: go on if it does; for what may be gone already.
    """

    command: tuple[str, ...]
    why: str
    may_fail: bool = False


@dataclass(frozen=True, slots=True)
class DestroyKeys:
    """Every private half in a vault, overwritten where it lies.

    Attributes:
        vault: its file on the target system.
    """

    vault: PurePosixPath


@dataclass(frozen=True, slots=True)
class Shred:
    """A file, overwritten, synced and removed.

    Attributes:
        path: on the target system.
        why: a few words.
    """

    path: PurePosixPath
    why: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A file or a whole folder, removed without being overwritten: nothing secret is in it.

    Attributes:
        path: on the target system.
        why: a few words.
    """

    path: PurePosixPath
    why: str


Step = Put | BuildProgram | Call | DestroyKeys | Shred | Remove


def sentence(step: Step) -> str:
    """Say in one line what a step does."""
    match step:
        case Put(path, _, mode, why):
            return f"write    {path} ({mode:04o}): {why}"
        case BuildProgram(target, wheels, python):
            return f"build    {target} with {python} from the wheels in {wheels}, by their hashes"
        case Call(command, why):
            return f"run      {' '.join(command)}: {why}"
        case DestroyKeys(vault):
            return f"destroy  every private key in {vault}: no record opens any more"
        case Shred(path, why):
            return f"shred    {path}: {why}"
        case Remove(path, why):
            return f"remove   {path}: {why}"
