"""What is installed against the lock, and the lock against known vulnerabilities."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from importlib.metadata import PathDistribution

import pytest

from release.audit import against_lock, changed_files, is_in, read_osv, vulnerable
from release.lock import Pin

PIN = Pin("Some_Package", "1.4.0", ("a" * 64,))


def record(**affected) -> dict:
    """Return a record of OSV's form about the package."""
    package = {"ecosystem": "PyPI", "name": "some-package"}
    return {"id": "OSV-1", "summary": "bad", "affected": [{"package": package, **affected}]}


def ranged(*events: dict) -> dict:
    """Return an entry with one range."""
    return {"ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"versions": ["1.3", "1.4.0"]}, True),
        ({"versions": ["1.3"]}, False),
        (ranged({"introduced": "0"}, {"fixed": "1.4.1"}), True),
        (ranged({"introduced": "0"}, {"fixed": "1.4.0"}), False),
        (ranged({"introduced": "1.4.0"}), True),
        (ranged({"introduced": "1.4.0.post1"}), False),
        (ranged({"introduced": "0"}, {"last_affected": "1.4.0"}), True),
        (ranged({"introduced": "0"}, {"last_affected": "1.3.9"}), False),
        (ranged({"fixed": "1.2"}, {"introduced": "0"}, {"introduced": "1.3"}), True),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, False),
        ({}, False),
    ],
)
def test_a_version_is_judged_as_osv_says(entry, expected) -> None:
    """Listed, or introduced and not fixed yet; commits of a repository aren't versions."""
    assert expected is is_in(PIN, entry)


def test_another_ecosystems_package_is_another_package() -> None:
    """A package of the same name elsewhere isn't ours, and a withdrawn record counts no more."""
    other = record(versions=["1.4.0"])
    other["affected"][0]["package"]["ecosystem"] = "npm"
    withdrawn = record(versions=["1.4.0"]) | {"withdrawn": "2026-01-01T00:00:00Z"}

    assert [] == vulnerable([PIN], [other, withdrawn])
    assert ["Some_Package 1.4.0: OSV-1 bad"] == vulnerable([PIN], [record(versions=["1.4.0"])])


def test_an_export_is_read_as_zip_folder_or_file(tmp_path) -> None:
    """However the list was brought here."""
    one = record(versions=["1.4.0"])
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "OSV-1.json").write_text(json.dumps(one), "utf-8")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("OSV-1.json", json.dumps(one))

    for place in ("folder", "all.zip", "folder/OSV-1.json"):
        assert [one] == list(read_osv(tmp_path / place))


def test_missing_and_other_versions_are_named() -> None:
    """What the lock asks for has to be there, in that version."""
    assert against_lock({}, [PIN]) == ["Some_Package isn't installed"]
    assert against_lock({"some-package": "1.5"}, [PIN]) == [
        "Some_Package is 1.5, the lock says 1.4.0"
    ]
    assert against_lock({"some-package": "1.4.0"}, [PIN]) == []


def test_a_changed_file_is_found(tmp_path) -> None:
    """A file that isn't what the wheel brought is named; so is one that is gone."""
    code = tmp_path / "some_package.py"
    code.write_text("good = True\n", "utf-8")
    digest = base64.urlsafe_b64encode(hashlib.sha256(code.read_bytes()).digest()).rstrip(b"=")
    about = tmp_path / "some_package-1.4.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: some-package\nVersion: 1.4.0\n", "utf-8")
    (about / "RECORD").write_text(
        f"some_package.py,sha256={digest.decode()},12\ngone.py,sha256={digest.decode()},12\n"
        "../../../bin/tool,sha256=x,1\nsome_package-1.4.0.dist-info/RECORD,,\n",
        "utf-8",
    )
    package = PathDistribution(about)

    assert ["gone.py is missing"] == list(changed_files(package))
    code.write_text("good = False\n", "utf-8")
    assert "some_package.py was changed" in list(changed_files(package))
