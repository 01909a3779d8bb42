"""Write `requirements.lock`: the exact wheels that an installation may use, by hash.

    python -m release.lock            write it anew, from constraints.txt
    python -m release.lock --check    say whether it is still what constraints.txt asks for

pip itself says which wheel it would take on each platform; the lock holds all of their hashes, and
nothing of where they came from. Only wheels count, so nothing is ever compiled on a shop's PC. The
versions are those of constraints.txt; which of them are needed at run time follows from
`[project] dependencies`, and the extra `sites`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
CONSTRAINTS = ROOT / "constraints.txt"
PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = ("x86_64", "aarch64")
GLIBC = (5, 12, 17, 24, 26, 27, 28, 31, 34)
"""Minor versions of glibc 2 whose wheels run on Debian 12 (2.36); 3.11 came with it."""

HEADER = """\
# Exact wheels of everything that runs, for Linux on x86-64 and ARM with Python {pythons}.
# `make lock` writes this file; `pip install --require-hashes --only-binary :all: -r` reads it.
"""


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of the lock.

    Attributes:
        name: as constraints.txt spells it.
        version: exact.
        hashes: SHA-256 of each wheel that may be installed, hex, sorted.
    """

    name: str
    version: str
    hashes: tuple[str, ...]


def normal(name: str) -> str:
    """Return a package's name as packages are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins_of(text: str) -> dict[str, str]:
    """Return the versions of a constraints file by normalised name."""
    found = {}
    for line in text.splitlines():
        spec = line.partition("#")[0].strip()
        if spec:
            name, _, version = spec.partition("==")
            found[normal(name)] = version
    return found


def parse(text: str) -> list[Pin]:
    """Read a lock.

    Raises:
        ValueError: a line is neither a comment nor a pin with hashes.
    """
    found = []
    for entry in text.replace("\\\n", " ").splitlines():
        spec = entry.partition("#")[0].strip()
        if not spec:
            continue
        pin = re.fullmatch(r"([A-Za-z0-9._-]+)==(\S+)((?:\s+--hash=sha256:[0-9a-f]{64})+)", spec)
        if pin is None:
            raise ValueError(f"not a pin with hashes: {spec[:60]}")
        found.append(Pin(pin[1], pin[2], tuple(re.findall(r"sha256:([0-9a-f]{64})", pin[3]))))
    return found


def render(pins: Iterable[Pin]) -> str:
    """Return the lock's text, packages in alphabetical order."""
    lines = [HEADER.format(pythons=", ".join(PYTHONS))]
    for pin in sorted(pins, key=lambda pin: normal(pin.name)):
        hashes = " \\\n".join(f"    --hash=sha256:{digest}" for digest in pin.hashes)
        lines.append(f"{pin.name}=={pin.version} \\\n{hashes}\n")
    return "".join(lines)


def merge(reports: Iterable[Mapping[str, Any]]) -> list[Pin]:
    """Join what pip said for each platform.

    Args:
        reports: of `pip install --report`.

    Raises:
        ValueError: a platform would get another version, or something else than a wheel.
    """
    versions: dict[str, str] = {}
    hashes: dict[str, set[str]] = defaultdict(set)
    for report in reports:
        for item in report["install"]:
            name, version = item["metadata"]["name"], item["metadata"]["version"]
            if versions.setdefault(name, version) != version:
                raise ValueError(f"{name} would be {versions[name]} and {version}")
            archive = item["download_info"]
            if not archive["url"].endswith(".whl"):
                raise ValueError(f"{name} {version} has no wheel")
            hashes[name].add(archive["archive_info"]["hashes"]["sha256"])
    return [Pin(name, versions[name], tuple(sorted(hashes[name]))) for name in versions]


def differences(lock: Iterable[Pin], constraints: Mapping[str, str]) -> list[str]:
    """Say in sentences where a lock isn't what the constraints ask for."""
    found = []
    for pin in lock:
        asked = constraints.get(normal(pin.name))
        if asked != pin.version:
            found.append(f"{pin.name} is locked at {pin.version}, constraints.txt says {asked}")
    return found


def ask_pip(python: str, machine: str) -> dict[str, Any]:
    """Have pip say which wheels it would install on a platform.

    Raises:
        subprocess.CalledProcessError: a package has no wheel there; pip's words are on stderr.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    # A service can't fetch a driver later: it has no network for that.
    sites = project["optional-dependencies"]["sites"]
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC]
    platforms += [f"{old}_{machine}" for old in ("manylinux2014", "manylinux2010", "manylinux1")]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--quiet", "--dry-run",
                   "--disable-pip-version-check", "--ignore-installed", "--only-binary", ":all:",
                   "--target", str(Path(folder) / "nowhere"), "--implementation", "cp",
                   "--python-version", python, *(f"--platform={name}" for name in platforms),
                   "--constraint", str(CONSTRAINTS), "--report", str(out),
                   *project["dependencies"], *sites]  # fmt: skip
        subprocess.run(command, check=True)
        report: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return report


def main(arguments: list[str] | None = None) -> int:
    """Write or check the lock; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m release.lock")
    parser.add_argument("--check", action="store_true", help="compare with constraints.txt only")
    if parser.parse_args(arguments).check:
        wrong = differences(parse(LOCK.read_text("utf-8")), pins_of(CONSTRAINTS.read_text("utf-8")))
        print("\n".join(wrong) or "the lock is what constraints.txt asks for")
        return 1 if wrong else 0
    reports = []
    for python in PYTHONS:
        for machine in MACHINES:
            print(f"asking pip for Python {python} on {machine}")
            reports.append(ask_pip(python, machine))
    LOCK.write_text(render(merge(reports)), "utf-8")
    print(f"wrote {LOCK.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
