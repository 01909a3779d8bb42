"""Build the Debian package: the program with all of its packages, for a PC without internet.

    python -m release.deb --wheels dist/wheels --out dist

The virtual environment is made here and belongs to dpkg file by file, so that `dpkg --verify` finds
a changed one and a removal leaves none. It fits the Python whose wheels it holds, which the
package's dependencies say.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from agent.errors import AgentError
from agent.install.plan import PROGRAM
from agent.install.program import build_program

ROOT = Path(__file__).resolve().parent.parent
DEBIAN = Path(__file__).resolve().parent / "debian"
SCRIPTS = ("postinst", "prerm", "postrm")
CONTENT = {
    "omokage.sysusers": "usr/lib/sysusers.d/omokage.conf",
    "omokage.tmpfiles": "usr/lib/tmpfiles.d/omokage.conf",
    "omokage.sh": "usr/bin/omokage",
}
UNITS = "lib/systemd/system"
DOC = "usr/share/doc/omokage"


def lay_out(stage: Path) -> None:
    """Put everything but the program into a folder, as it will lie on the PC."""
    for name, place in CONTENT.items():
        copy(ROOT / "systemd" / name, stage / place, 0o755 if name.endswith(".sh") else 0o644)
    for unit in sorted((ROOT / "systemd").glob("omokage-*")):
        copy(unit, stage / UNITS / unit.name, 0o644)
    copy(ROOT / "NOTICE", stage / DOC / "copyright", 0o644)
    for example in sorted((ROOT / "docs" / "examples").glob("*.toml")):
        copy(example, stage / DOC / "examples" / example.name, 0o644)


def copy(source: Path, place: Path, mode: int) -> None:
    """Copy one file with this mode."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, place)
    place.chmod(mode)


def control(version: str, architecture: str, kibibytes: int) -> str:
    """Return the package's description for dpkg.

    Args:
        version: of Omokage.
        architecture: by dpkg's name, such as `amd64`.
        kibibytes: that the content takes.
    """
    text = (DEBIAN / "control.in").read_text("utf-8")
    major, minor = sys.version_info[:2]
    return text.format(
        version=version,
        architecture=architecture,
        kibibytes=kibibytes,
        python=f"{major}.{minor}",
        next_python=f"{major}.{minor + 1}",
    )


def finish(stage: Path, architecture: str) -> None:
    """Add what dpkg wants to know: description, scripts, a checksum of each file."""
    folder = stage / "DEBIAN"
    folder.mkdir(mode=0o755)
    size = sum(path.lstat().st_size for path in files(stage))
    sums = "".join(
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  "
        f"{path.relative_to(stage).as_posix()}\n"
        for path in files(stage)
        if not path.is_symlink()
    )
    (folder / "md5sums").write_text(sums, "utf-8")
    (folder / "control").write_text(control(own_version(), architecture, -(-size // 1024)), "utf-8")
    for name in SCRIPTS:
        copy(DEBIAN / name, folder / name, 0o755)


def files(stage: Path) -> Iterator[Path]:
    """Yield the content's files and links in order."""
    for path in sorted(stage.rglob("*")):
        ours = path.relative_to(stage).parts[0] != "DEBIAN"
        if ours and (path.is_symlink() or path.is_file()):
            yield path


def own_version() -> str:
    """Return the version of this tree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return str(project["version"])


def architecture_here() -> str:
    """Return this machine's architecture by dpkg's name."""
    asked = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    )  # fmt: skip
    return asked.stdout.strip()


def pack(stage: Path, out: Path) -> Path:
    """Make the package of a finished folder; returns its file."""
    architecture = architecture_here()
    finish(stage, architecture)
    for path in (stage, *stage.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    out.mkdir(parents=True, exist_ok=True)
    package = out / f"omokage_{own_version()}_{architecture}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zzstd", "--build", str(stage), str(package)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return package


def main(arguments: list[str] | None = None) -> int:
    """Build the package; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m release.deb")
    parser.add_argument("--wheels", type=Path, required=True, help="from `make wheels`")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--sbom", type=Path, help="a list of parts to put beside the examples")
    asked = parser.parse_args(arguments)
    if shutil.which("dpkg-deb") is None:
        print("dpkg-deb isn't here; on Debian: apt-get install dpkg-dev", file=sys.stderr)
        return 2
    major, minor = sys.version_info[:2]
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "stage"
        stage.mkdir()
        lay_out(stage)
        if asked.sbom:
            copy(asked.sbom, stage / DOC / asked.sbom.name, 0o644)
        try:
            build_program(
                stage, PROGRAM, wheels=asked.wheels, lock=ROOT / "requirements.lock",
                python=PurePosixPath(f"/usr/bin/python{major}.{minor}"),
            )  # fmt: skip
        except AgentError as error:
            print(f"error: {error}\n{error.advice}", file=sys.stderr)
            return error.exit_code
        package = pack(stage, asked.out)
    print(f"{package}  ({package.stat().st_size / 1e6:.0f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
