"""The lock: what may be installed, by hash, and never anything that has to be compiled."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution

import pytest

from release.lock import (
    CONSTRAINTS,
    LOCK,
    ROOT,
    Pin,
    differences,
    merge,
    normal,
    parse,
    pins_of,
    render,
)

A, B = "a" * 64, "b" * 64


def report(name: str, version: str, url: str, digest: str) -> dict:
    """Return what pip says of one package."""
    return {
        "install": [
            {
                "metadata": {"name": name, "version": version},
                "download_info": {"url": url, "archive_info": {"hashes": {"sha256": digest}}},
            }
        ]
    }


def locked() -> list[Pin]:
    """Return the repository's lock."""
    return parse(LOCK.read_text("utf-8"))


def test_the_lock_is_what_the_constraints_ask_for() -> None:
    """Every locked version is that of constraints.txt."""
    assert [] == differences(locked(), pins_of(CONSTRAINTS.read_text("utf-8")))


def test_every_dependency_is_locked() -> None:
    """What pyproject.toml asks for, the centre's driver too, and what that needs is in the lock."""
    names = {normal(pin.name) for pin in locked()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["sites"]]
    wanted = [normal(re.split(r"[<>=~!\[ ;]", line)[0]) for line in asked]
    wanted.append("psycopg-binary")
    missing = set()
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in names:
            missing.add(name)
            continue
        needs = [line for line in distribution(name).requires or () if ";" not in line]
        wanted += [normal(re.split(r"[<>=~!\[ (]", line)[0]) for line in needs]

    assert set() == missing


def test_the_lock_says_nothing_of_where_packages_come_from() -> None:
    """No address stands in it: wherever the wheels come from, their hashes decide."""
    text = LOCK.read_text("utf-8")

    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


def test_what_is_written_is_read_again() -> None:
    """Packages and hashes survive."""
    pins = [Pin("beta", "2.0", (A, B)), Pin("Alpha", "1.0", (A,))]

    assert [pins[1], pins[0]] == parse(render(pins))


@pytest.mark.parametrize(
    "line", ["numpy==1.0", "numpy>=1.0 --hash=sha256:" + A, "numpy==1 --hash=md5:" + A[:32], "-e ."]
)
def test_a_pin_without_its_hash_is_refused(line) -> None:
    """Nothing is accepted by its name alone."""
    with pytest.raises(ValueError, match="not a pin"):
        parse(line)


def test_platforms_are_joined() -> None:
    """Each platform's wheel may be installed; the same one counts once."""
    found = merge([
        report("cffi", "1.0", "file:///cffi-cp311.whl", B),
        report("cffi", "1.0", "file:///cffi-cp312.whl", A),
        report("cffi", "1.0", "file:///cffi-cp312.whl", A),
    ])  # fmt: skip

    assert [Pin("cffi", "1.0", (A, B))] == found


def test_what_has_to_be_compiled_is_refused() -> None:
    """A source archive would need a compiler on a shop's PC, and run its author's code there."""
    with pytest.raises(ValueError, match="no wheel"):
        merge([report("cffi", "1.0", "file:///cffi-1.0.tar.gz", A)])


def test_two_versions_are_refused() -> None:
    """All platforms get the same version."""
    with pytest.raises(ValueError, match="would be"):
        merge([report("x", "1", "file:///x.whl", A), report("x", "2", "file:///x.whl", B)])


def test_another_version_than_asked_for_is_named() -> None:
    """A lock that wasn't written anew after a change of the constraints is found."""
    assert differences([Pin("X_y", "1", (A,))], {"x-y": "2"}) == [
        "X_y is locked at 1, constraints.txt says 2"
    ]
