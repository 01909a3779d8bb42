"""The list of parts: facts from wheels and cards, the same bytes each time."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from release.lock import ROOT, Pin
from release.sbom import bill, check, library, model

METADATA = "Metadata-Version: 2.4\nName: Some_Package\nVersion: 1.4.0\nSummary: does things\n"


def wheel(folder: Path, more: str = "", name: str = "some_package-1.4.0-py3-none-any.whl") -> Path:
    """Write a wheel with this description."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("some_package-1.4.0.dist-info/METADATA", METADATA + more)
    return path


def test_a_package_is_described_by_its_own_wheel(tmp_path) -> None:
    """Name, version, hash and address of the package's kind, not of a server."""
    path = wheel(tmp_path, "License-Expression: MIT\n")

    found = library(path)

    assert found["purl"] == "pkg:pypi/some-package@1.4.0"
    assert found["hashes"][0]["content"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found["licenses"] == [{"expression": "MIT"}]
    assert "://" not in json.dumps(found)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            "Classifier: License :: OSI Approved :: BSD License\n",
            [{"license": {"name": "BSD License"}}],
        ),
        ("License: Apache 2.0\n", [{"license": {"name": "Apache 2.0"}}]),
        ("", None),
    ],
)
def test_a_licence_is_what_the_package_says(tmp_path, more, expected) -> None:
    """A classifier or a word, where there is no expression; nothing is guessed."""
    assert expected == library(wheel(tmp_path, more)).get("licenses")


def test_a_wheel_without_description_is_refused(tmp_path) -> None:
    """Something that only looks like a wheel isn't listed."""
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.py", "")

    with pytest.raises(ValueError, match="METADATA"):
        library(path)


def test_every_model_is_a_part() -> None:
    """Models are listed with the hash that their cards state."""
    cards = sorted((ROOT / "models").glob("*.card.toml"))

    found = [model(card) for card in cards]

    assert len(found) == len(list((ROOT / "models").glob("*.onnx"))) > 0
    assert all(part["type"] == "machine-learning-model" for part in found)
    assert all(
        part["hashes"][0]["content"] in card.read_text("utf-8")
        for part, card in zip(found, cards, strict=True)
    )


def test_the_same_parts_give_the_same_bytes(tmp_path) -> None:
    """No time and no random number is in it, and every reference leads to a part."""
    parts = [library(wheel(tmp_path))]
    models = [model(card) for card in sorted((ROOT / "models").glob("*.card.toml"))]

    text = bill(parts, models, "1.0")

    assert text == bill(parts, list(reversed(models)), "1.0")
    document = json.loads(text)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    references = {part["bom-ref"] for part in document["components"]}
    assert set(document["dependencies"][0]["dependsOn"]) == references


def test_a_wheel_that_isnt_the_locked_one_is_found(tmp_path) -> None:
    """Another hash, a package that nobody locked, one that is missing: each is named."""
    part = library(wheel(tmp_path))
    digest = part["hashes"][0]["content"]

    assert check([part], [Pin("some-package", "1.4.0", (digest,))]) == []
    assert check([part], [Pin("some-package", "1.4.0", ("0" * 64,))]) == [
        "Some_Package 1.4.0 isn't the locked wheel"
    ]
    assert check([part], []) == ["Some_Package isn't locked"]
    assert check([], [Pin("some-package", "1.4.0", (digest,))]) == ["some-package has no wheel"]
