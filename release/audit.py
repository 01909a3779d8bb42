"""Compare what is installed with the lock, file by file, and the lock with known vulnerabilities.

    python -m release.audit
    python -m release.audit --osv FILE_OR_FOLDER

Offline. Without `--osv` nothing is said about vulnerabilities: whether one is known can't be told
without a list of them. The list is OSV's export for PyPI: a zip, or a folder of its JSON files,
brought here by whatever way. What isn't locked, such as test tools, is named and not judged.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from release.lock import LOCK, Pin, normal, parse

OWN = "omokage"


def installed() -> dict[str, Distribution]:
    """Return what this Python finds, by normalised name."""
    return {normal(found.metadata["Name"]): found for found in distributions()}


def against_lock(found: Mapping[str, str], lock: Iterable[Pin]) -> list[str]:
    """Say in sentences where the installed versions aren't the locked ones.

    Args:
        found: versions by normalised name.
        lock: what may be installed.
    """
    wrong = []
    for pin in lock:
        version = found.get(normal(pin.name))
        if version is None:
            wrong.append(f"{pin.name} isn't installed")
        elif version != pin.version:
            wrong.append(f"{pin.name} is {version}, the lock says {pin.version}")
    return wrong


def changed_files(package: Distribution) -> Iterator[str]:
    """Yield the files of a package that aren't what its wheel brought."""
    for file in package.files or ():
        if file.hash is None or file.hash.mode != "sha256" or file.parts[0] == "..":
            continue  # commands lie elsewhere, and their first line names this machine's Python
        try:
            content = Path(str(file.locate())).read_bytes()
        except OSError:
            yield f"{file} is missing"
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        if digest != file.hash.value:
            yield f"{file} was changed"


def read_osv(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of an OSV export: a zip, a folder, or one JSON file."""
    if path.is_dir():
        for file in sorted(path.glob("*.json")):
            yield json.loads(file.read_text("utf-8"))
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".json"):
                    yield json.loads(archive.read(name))
    else:
        yield json.loads(path.read_text("utf-8"))


def vulnerable(lock: Iterable[Pin], records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name each known vulnerability of a locked version.

    Source: OSV schema 1.7, "Evaluation": a version is affected if it is listed, or lies in a range
    from `introduced` up to and without `fixed`, or up to `last_affected`.
    """
    versions = {normal(pin.name): pin for pin in lock}
    found = []
    for record in records:
        if record.get("withdrawn"):
            continue
        for affected in record.get("affected", ()):
            package = affected.get("package", {})
            pin = versions.get(normal(str(package.get("name", ""))))
            if pin is not None and package.get("ecosystem") == "PyPI" and is_in(pin, affected):
                found.append(
                    f"{pin.name} {pin.version}: {record['id']} {record.get('summary', '')}"
                )
    return sorted(set(found))


def is_in(pin: Pin, affected: Mapping[str, Any]) -> bool:
    """Say whether an entry of a record is about this version."""
    if pin.version in affected.get("versions", ()):
        return True
    ranges = [r for r in affected.get("ranges", ()) if r.get("type") == "ECOSYSTEM"]
    return any(_in_range(Version(pin.version), one.get("events", ())) for one in ranges)


def _in_range(version: Version, events: Iterable[Mapping[str, str]]) -> bool:
    inside = False
    for event in sorted(events, key=_place):
        at = _version(event)
        if at is None:
            continue
        if "introduced" in event and version >= at:
            inside = True
        elif ("fixed" in event and version >= at) or ("last_affected" in event and version > at):
            inside = False
    return inside


def _place(event: Mapping[str, str]) -> Version:
    return _version(event) or Version("0")


def _version(event: Mapping[str, str]) -> Version | None:
    try:
        return Version(next(iter(event.values())))
    except InvalidVersion:
        return None


def main(arguments: list[str] | None = None) -> int:
    """Print the findings; returns 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m release.audit")
    parser.add_argument("--osv", type=Path, help="OSV's export for PyPI: zip, folder or file")
    asked = parser.parse_args(arguments)
    lock = parse(LOCK.read_text("utf-8"))
    here = installed()
    wrong = against_lock({name: package.version for name, package in here.items()}, lock)
    locked = {normal(pin.name) for pin in lock}
    for name in sorted(locked & set(here)):
        wrong += changed_files(here[name])
    print(f"{len(lock)} packages are locked, {len(locked & set(here))} of them are installed")
    if others := sorted(set(here) - locked - {OWN}):
        print(f"not locked, not judged: {', '.join(others)}")
    if asked.osv is None:
        print("vulnerabilities: not looked for; give a list of them with --osv")
    else:
        known = vulnerable(lock, read_osv(asked.osv))
        print(f"vulnerabilities known to {asked.osv.name}: {len(known)}")
        wrong += known
    print("\n".join(wrong) or "all is as the lock says")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
