"""The wheel works where there is no checkout: everything that the program looks for is in it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASK = """
from agent.shipped import shipped
for name in ("models", "policies", "systemd", "docs/examples"):
    for path in sorted(shipped(name).rglob("*")):
        if path.is_file():
            print(path.relative_to(shipped(name)).as_posix(), path)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The wheel's content, as an installation puts it."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("setuptools isn't here, so no wheel can be built")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", str(folder), str(ROOT)],
        check=True, timeout=240, cwd=folder,
    )  # fmt: skip
    (wheel,) = folder.glob("omokage-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(unpacked: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the unpacked program, from a folder without a checkout."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        cwd=unpacked.parent, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_data_is_found_in_the_wheel(unpacked):
    """Models, policies, units and examples are found inside of the package, file by file."""
    found = dict(line.split(" ", 1) for line in run(unpacked, "-c", ASK).stdout.splitlines())
    expected = {
        path.relative_to(ROOT / name).as_posix()
        for name in ("models", "policies", "systemd", "docs/examples")
        for path in (ROOT / name).rglob("*")
        if path.is_file()
    }

    assert expected == set(found)
    assert all(path.startswith(str(unpacked)) for path in found.values())


def test_the_wheels_models_are_trusted(unpacked, tmp_path):
    """The program from the wheel reads a recording with the wheel's own models."""
    clip = ROOT / "agent" / "demo" / "clip.mp4"
    out = tmp_path / "out.csv"

    done = run(unpacked, "-m", "agent.cli.main", "analyze", str(clip), "--every", "300",
               "--out", str(out), "--no-progress")  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "AU12_r" in out.read_text("utf-8")


def test_the_pages_bring_their_words_and_styles(unpacked):
    """Texts, styles, scripts, fonts and the logo of the pages are in the wheel, file by file."""
    expected = {
        path.relative_to(ROOT)
        for path in (ROOT / "dashboard").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".md"}
    }

    assert expected
    assert {path for path in expected if not (unpacked / path).is_file()} == set()
