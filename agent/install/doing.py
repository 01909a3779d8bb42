"""Carry out a plan's steps, here or in a tree of our own. What is there already is left alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from agent.crypto.destroy import destroy_epochs
from agent.crypto.files import remove
from agent.crypto.vault import load_vault
from agent.errors import AgentError, ConfigError
from agent.install.program import build_program
from agent.install.steps import (
    BuildProgram,
    Call,
    DestroyKeys,
    Put,
    Remove,
    Shred,
    Step,
    sentence,
)
from agent.shipped import shipped

SECONDS = 300


def inside(root: Path, path: PurePosixPath) -> Path:
    """Return where a path of the target system lies on this one."""
    return root / path.relative_to("/")


def carry_out(steps: Iterable[Step], root: Path, say: Callable[[str], None]) -> int:
    """Do the steps in their order; returns how many changed something.

    Raises:
        ConfigError: one can't be done; those before it stay done, and may be done again.
    """
    changed = 0
    for step in steps:
        did = _do(step, root)
        changed += did
        say(f"{sentence(step)}{'' if did else '  (as it is)'}")
    return changed


def _do(step: Step, root: Path) -> bool:
    """Do one step; False where there was nothing to do."""
    try:
        match step:
            case Put():
                return _put(inside(root, step.path), step)
            case BuildProgram():
                lock = shipped("requirements.lock")
                build_program(root, step.target, wheels=step.wheels, lock=lock, python=step.python)
                return True
            case Call():
                return _call(step)
            case DestroyKeys():
                return destroy_all(inside(root, step.vault)) > 0
            case Shred():
                return _shred(inside(root, step.path))
            case Remove():
                return _remove(inside(root, step.path))
    except OSError as error:
        raise ConfigError(
            f"can't {sentence(step)}: {error.strerror or error}", advice="Run it as root."
        ) from error


def _put(path: Path, step: Put) -> bool:
    if path.is_file() and not path.is_symlink():
        same = path.read_bytes() == step.content
        if same and path.stat().st_mode & 0o7777 == step.mode:
            return False
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.new")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(step.content)
        os.fchmod(handle, step.mode)
        os.fsync(handle)
    partial.replace(path)
    return True


def _call(step: Call) -> bool:
    program = shutil.which(step.command[0])
    if program is None:
        if step.may_fail:
            return False
        raise ConfigError(
            f"{step.command[0]} isn't on this machine",
            advice="Omokage is installed as a service by systemd; `omokage run` works without.",
        )
    done = subprocess.run(  # noqa: S603  (our own list)
        [program, *step.command[1:]],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode and not step.may_fail:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ConfigError(
            f"{' '.join(step.command[:2])} refuses: {said[-1] if said else done.returncode}",
            advice="Mend that and run the same command again; it goes on where it ended.",
        )
    return done.returncode == 0


def destroy_all(vault: Path) -> int:
    """Destroy every private half of a vault; return how many there were.

    A vault that can't be understood is overwritten as a whole, which destroys as much.
    """
    if not vault.exists():
        return 0
    try:
        ids = [epoch.id for epoch in load_vault(vault).epochs]
        destroyed = len(destroy_epochs(vault, ids)) if ids else 0
    except AgentError:
        destroyed = 1
    remove(vault)
    return destroyed


def _shred(path: Path) -> bool:
    if path.is_symlink():
        path.unlink()  # what it leads to isn't ours
        return True
    if not path.exists():
        return False
    remove(path)
    return True


def _remove(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
    else:
        return False
    return True
