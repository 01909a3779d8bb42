"""Write the list of parts: every package with its licence and hashes, every model with its card.

    python -m release.sbom --wheels dist/wheels --out dist

CycloneDX 1.6 as JSON. Facts come from the wheels themselves and from the models' cards; the same
wheels give the same bytes. Where a package came from isn't in it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tomllib
import uuid
import zipfile
from collections.abc import Iterable
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

from release.lock import LOCK, ROOT, Pin, normal, parse

NAME = "omokage.cdx.json"
SPACE = uuid.UUID("6f6d6f6b-6167-4500-8000-000000000000")
"""Of the serial numbers, which follow from the content."""
OWN = "omokage"
Parts = Iterable[dict[str, Any]]


def metadata_of(wheel: Path) -> Message:
    """Return a wheel's own description.

    Raises:
        ValueError: it has none.
    """
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.count("/") == 1 and name.endswith(".dist-info/METADATA"):
                return message_from_bytes(archive.read(name))
    raise ValueError(f"{wheel.name} has no METADATA")


def library(wheel: Path) -> dict[str, Any]:
    """Return the component of a package.

    Args:
        wheel: its file.
    """
    about = metadata_of(wheel)
    name, version = str(about["Name"]), str(about["Version"])
    reference = f"pkg:pypi/{normal(name)}@{version}"
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "purl": reference,
        "hashes": [{"alg": "SHA-256", "content": _sha256(wheel)}],
    }
    if about["Summary"]:
        found["description"] = str(about["Summary"])
    if licences := _licences(about):
        found["licenses"] = licences
    return found


def _licences(about: Message) -> list[dict[str, Any]]:
    """Return what a package says of its licence; the expression, where it gives one."""
    if about["License-Expression"]:
        return [{"expression": str(about["License-Expression"])}]
    classified = [
        str(line).rsplit(" :: ", 1)[-1]
        for line in about.get_all("Classifier", [])
        if str(line).startswith("License :: ")
    ]
    if classified:
        return [{"license": {"name": name}} for name in classified]
    said = str(about["License"] or "").strip().splitlines()
    return [{"license": {"name": said[0][:120]}}] if said else []


def model(card: Path) -> dict[str, Any]:
    """Return the component of a model.

    Args:
        card: `NAME.card.toml` beside `NAME.onnx`.
    """
    facts = tomllib.loads(card.read_text("utf-8"))
    name = card.name.removesuffix(".card.toml")
    digest = _sha256(card.with_name(f"{name}.onnx"))
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{name}@{digest[:16]}",
        "name": name,
        "version": digest[:16],
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"license": {"name": str(facts.get("licence", "see its card"))[:120]}}],
    }


def bill(
    libraries: Iterable[dict[str, Any]], models: Iterable[dict[str, Any]], version: str
) -> str:
    """Return the whole document.

    Args:
        libraries: components of packages, Omokage's own excepted.
        models: components of models.
        version: of Omokage.
    """
    parts = [
        *sorted(libraries, key=lambda part: part["bom-ref"]),
        *sorted(models, key=lambda part: part["bom-ref"]),
    ]
    own = f"pkg:pypi/{OWN}@{version}"
    serial = uuid.uuid5(SPACE, json.dumps(parts, sort_keys=True) + version)
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": OWN,
                "version": version,
                "purl": own,
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": parts,
        "dependencies": [{"ref": own, "dependsOn": [part["bom-ref"] for part in parts]}],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def check(libraries: Iterable[dict[str, Any]], lock: Iterable[Pin]) -> list[str]:
    """Say in sentences where the wheels aren't the locked ones."""
    locked = {normal(pin.name): pin for pin in lock}
    wrong = []
    seen = set()
    for part in libraries:
        pin = locked.get(normal(part["name"]))
        seen.add(normal(part["name"]))
        if pin is None:
            wrong.append(f"{part['name']} isn't locked")
        elif part["hashes"][0]["content"] not in pin.hashes:
            wrong.append(f"{part['name']} {part['version']} isn't the locked wheel")
    return wrong + [f"{locked[name].name} has no wheel" for name in sorted(set(locked) - seen)]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Write the list; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m release.sbom")
    parser.add_argument("--wheels", type=Path, required=True, help="from `make wheels`")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    asked = parser.parse_args(arguments)
    parts = [library(wheel) for wheel in sorted(asked.wheels.glob("*.whl"))]
    own = [part for part in parts if normal(part["name"]) == OWN]
    others = [part for part in parts if part not in own]
    if wrong := check(others, parse(LOCK.read_text("utf-8"))):
        print("\n".join(wrong), file=sys.stderr)
        return 1
    models = [model(card) for card in sorted((ROOT / "models").glob("*.card.toml"))]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / NAME).write_text(bill(others, models, project["version"]), "utf-8")
    print(f"{asked.out / NAME}  ({len(others)} packages, {len(models)} models)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
