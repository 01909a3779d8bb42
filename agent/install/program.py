"""Build the program's virtual environment from locked wheels, also for a tree of our own.

The folder is made beside its place and swapped in when it is whole, so that a running service never
sees half of it. Scripts name their interpreter by its path on the target system.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

from agent.errors import ConfigError

MINUTES = 20
_SCRIPT = "omokage"


def build_program(
    root: Path, target: PurePosixPath, *, wheels: Path, lock: Path, python: PurePosixPath
) -> None:
    """Put the program into its place; one that is there is replaced.

    Args:
        root: of the target system.
        target: the environment's folder on the target system.
        wheels: folder with the locked wheels and exactly one of Omokage's own.
        lock: `requirements.lock`.
        python: interpreter on the target system.

    Raises:
        ConfigError: a wheel is missing, has another hash, or can't be installed here.
    """
    own = sorted(wheels.glob("omokage-*.whl"))
    if len(own) != 1:
        raise ConfigError(
            f"{wheels} holds {len(own)} wheels of Omokage, not one",
            advice="Make it: `make wheels`.",
        )
    place = root / target.relative_to("/")
    fresh = place.with_name(f"{place.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    _run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(fresh)])
    here = ["--no-index", "--find-links", str(wheels), "--only-binary", ":all:", "--no-compile"]
    _pip(fresh, "--require-hashes", *here, "--requirement", str(lock))
    # By name: pip writes the path of a file that it is given into the environment.
    _pip(fresh, "--no-deps", *here, f"omokage=={own[0].name.split('-')[1]}")
    _relocate(fresh, target, python)
    _compile(fresh, target)
    _swap(fresh, place)


def _pip(environment: Path, *arguments: str) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    _run([*pip, "install", "--quiet", "--quiet", "--disable-pip-version-check", *arguments])


def _run(command: list[str]) -> None:
    # Isolated from whatever the person's own Python settings are.
    try:
        done = subprocess.run(  # noqa: S603  (our own list)
            command, capture_output=True, text=True, timeout=60 * MINUTES, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{Path(command[0]).name} can't be run: {error}") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise ConfigError(
            f"the program can't be built: {said[-1] if said else done.returncode}",
            advice="Make the wheels again with `make wheels`, on a machine with the same Python.",
        )


def _relocate(environment: Path, target: PurePosixPath, python: PurePosixPath) -> None:
    """Let a built environment name its final place and the target's interpreter."""
    programs = environment / "bin"
    for path in programs.iterdir():
        if path.name != _SCRIPT:
            path.unlink()  # activation scripts and other packages' commands are nobody's business
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (programs / "python").symlink_to(python)
    for name in ("python3", version):
        (programs / name).symlink_to("python")
    script = programs / _SCRIPT
    lines = script.read_text("utf-8").splitlines(keepends=True)
    # In a deep folder, whose path no first line can hold, pip lets a shell start the interpreter.
    body = lines[3 if lines[1].startswith("'''exec'") else 1 :]
    script.write_text(f"#!{target}/bin/python\n{''.join(body)}", "utf-8")
    settings = f"home = {python.parent}\ninclude-system-site-packages = false\n"
    number = ".".join(str(part) for part in sys.version_info[:3])
    (environment / "pyvenv.cfg").write_text(f"{settings}version = {number}\n", "utf-8")


def _compile(environment: Path, target: PurePosixPath) -> None:
    """Compile once, as root: the service itself may not write there."""
    # Not an error: a package may carry a file that no Python of this version understands.
    subprocess.run(  # noqa: S603  (our own list)
        [sys.executable, "-m", "compileall", "-q", "-j", "0", "-s", str(environment),
         "-p", str(target), str(environment / "lib")],
        capture_output=True, timeout=60 * MINUTES, check=False,
    )  # fmt: skip


def _swap(fresh: Path, place: Path) -> None:
    old = place.with_name(f"{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)
