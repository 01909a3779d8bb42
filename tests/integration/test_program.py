"""The program's environment is built from locked wheels alone, for the place where it will lie."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from agent.errors import ConfigError
from agent.install.program import build_program

TARGET = PurePosixPath("/opt/omokage/venv")
PYTHON = PurePosixPath("/usr/bin/python3")

pytestmark = pytest.mark.slow


def write_wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    """Write a small wheel of version 1."""
    about = f"{name}-1.dist-info"
    files = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in files.items()
    )
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{about}/RECORD", f"{record}{about}/RECORD,,\n")
    return path


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture
def wheels(tmp_path):
    """A folder with a stand-in for Omokage and for what it needs."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    write_wheel(folder, "needed", {"needed.py": "WORD = 'here'\n"})
    write_wheel(
        folder,
        "omokage",
        {
            "standin.py": "import needed\n\n\ndef main():\n    print(needed.WORD)\n",
            "omokage-1.dist-info/entry_points.txt": "[console_scripts]\nomokage = standin:main\n"
            "other = standin:main\n",
        },
    )
    return folder


@pytest.fixture
def lock(tmp_path, wheels):
    """A lock for what is needed."""
    digest = hashlib.sha256((wheels / "needed-1-py3-none-any.whl").read_bytes()).hexdigest()
    path = tmp_path / "requirements.lock"
    path.write_text(f"needed==1 --hash=sha256:{digest}\n", "utf-8")
    return path


def build(tmp_path: Path, wheels: Path, lock: Path) -> Path:
    """Build into a tree; return the environment's folder."""
    root = tmp_path / "tree"
    build_program(root, TARGET, wheels=wheels, lock=lock, python=PYTHON)
    return root / TARGET.relative_to("/")


@pytest.mark.parametrize("depth", [0, 3])
def test_it_names_its_final_place_and_nothing_of_this_machine(tmp_path, wheels, lock, depth):
    """Script and settings name the target, wherever it is built; no command but ours is there."""
    place = build(tmp_path.joinpath(*depth * ["a-folder-with-a-rather-long-name"]), wheels, lock)

    script = (place / "bin" / "omokage").read_text("utf-8")
    assert script.startswith(f"#!{TARGET}/bin/python\n")
    assert PurePosixPath((place / "bin" / "python").readlink()) == PYTHON
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert {p.name for p in (place / "bin").iterdir()} == {"omokage", "python", "python3", version}
    assert "home = /usr/bin" in (place / "pyvenv.cfg").read_text("utf-8")
    told = [p for p in place.rglob("*") if p.is_file() and str(tmp_path).encode() in p.read_bytes()]
    assert [] == told
    assert list(place.rglob("needed*.pyc"))


def test_a_newer_build_takes_the_old_ones_place(tmp_path, wheels, lock):
    """What was there is gone, and no half of it is left beside."""
    place = build(tmp_path, wheels, lock)
    (place / "left-over").touch()

    build(tmp_path, wheels, lock)

    assert not (place / "left-over").exists()
    assert ["venv"] == [p.name for p in place.parent.iterdir()]


def test_another_wheel_than_the_locked_one_is_refused(tmp_path, wheels, lock):
    """A wheel with another hash isn't installed, and what was there before stays."""
    place = build(tmp_path, wheels, lock)
    (place / "as-before").touch()
    write_wheel(wheels, "needed", {"needed.py": "WORD = 'evil'\n"})

    with pytest.raises(ConfigError, match="can't be built"):
        build(tmp_path, wheels, lock)

    assert (place / "as-before").exists()


def test_a_missing_wheel_is_refused(tmp_path, wheels, lock):
    """Nothing is fetched from anywhere else."""
    (wheels / "needed-1-py3-none-any.whl").unlink()

    with pytest.raises(ConfigError, match="can't be built"):
        build(tmp_path, wheels, lock)


def test_two_versions_of_omokage_are_refused(tmp_path, wheels, lock):
    """Nobody guesses which one was meant."""
    (wheels / "omokage-2-py3-none-any.whl").touch()

    with pytest.raises(ConfigError, match="2 wheels of Omokage"):
        build(tmp_path, wheels, lock)
