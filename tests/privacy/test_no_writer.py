"""No way to write a picture is within the agent's reach: the linter refuses, nothing is loaded."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BANNED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"][
    "flake8-tidy-imports"
]["banned-api"]
PICTURES = {name: rule["msg"] for name, rule in BANNED.items() if "pixels" in rule["msg"]}
LIBRARIES = {"PIL", "imageio", "skimage", "matplotlib", "torchvision", "av", "dill", "joblib"}


def linted(code: str, name: str) -> str:
    """Return what the linter says of code that lies under a name."""
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251"]
    return subprocess.run(
        [*command, "--stdin-filename", name, "-"],
        cwd=ROOT, input=code, capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip


def test_the_list_covers_what_writes_pictures() -> None:
    """OpenCV's and numpy's writers and the picture libraries are on the linter's list."""
    assert {
        "cv2.imwrite", "cv2.imencode", "cv2.VideoWriter", "cv2.FileStorage",
        "numpy.save", "numpy.savez", "numpy.savetxt", "PIL", "imageio",
    } <= set(PICTURES)  # fmt: skip


@pytest.mark.parametrize("package", ["agent", "dashboard"])
def test_the_linter_refuses_each_writer(package: str) -> None:
    """Code that uses any of them is refused in the product, and harmless code isn't."""
    lines = []
    for name in PICTURES:
        module, _, attribute = name.rpartition(".")
        lines.append(f"import {module}\n{name}" if module else f"import {attribute}")
    said = linted("\n".join(lines), f"{package}/leak.py")

    assert [] == [name for name in PICTURES if f"`{name}` is banned" not in said]
    assert "is banned" not in linted("import cv2\ncv2.resize", f"{package}/fine.py")


def test_the_running_agent_loads_no_picture_library() -> None:
    """After everything that a run needs is loaded, no library that writes pictures is."""
    program = """
import sys
from pathlib import Path
import agent.service
from agent.domain.policy import Head
from agent.inference.backend import load_backend
load_backend(Path("models"), heads=frozenset(Head))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.split())
    assert {"agent", "cv2", "onnxruntime"} <= loaded
    assert set() == loaded & LIBRARIES
