"""What computes in the agent reports to nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOAD = """
import onnxruntime
onnxruntime.InferenceSession("models/emotion_head.onnx", providers=["CPUExecutionProvider"])
"""
OURS = """
from pathlib import Path
from agent.inference.session import load_model
load_model(Path("models"), "emotion_head")
"""


def left_in_home(program: str, home: Path, **environment: str) -> list[Path]:
    """Run a program with an empty home, its temporary folder in it; return the files it left."""
    (home / "tmp").mkdir(parents=True)
    # Its maker switches the reports off where these are set, so they would hide a mistake.
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"CI", "ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"}
    }
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, check=True, timeout=60,
        env={**kept, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"),
             "TMPDIR": str(home / "tmp"), **environment},
    )  # fmt: skip
    return [path for path in home.rglob("*") if path.is_file()]


def home_and_temporary(found: list[Path], home: Path) -> set[str]:
    """Return in which of the two something was left."""
    return {"temporary" if path.is_relative_to(home / "tmp") else "home" for path in found}


@pytest.mark.parametrize("switched", ["", "0", "1"])
def test_onnxruntime_keeps_no_number_of_the_machine(tmp_path: Path, switched: str) -> None:
    """Loaded by the agent it leaves no file for its maker, whatever the environment says."""
    assert [] == left_in_home(OURS, tmp_path / "home", ORT_DISABLE_TELEMETRY=switched)


def test_the_check_can_fail(tmp_path: Path) -> None:
    """Loaded by itself, onnxruntime's present wheel does leave such files, so they'd be seen."""
    found = left_in_home(LOAD, tmp_path / "home")

    if not found:
        pytest.skip("this build of onnxruntime reports nothing")
    assert any("onnxruntime" in str(path) for path in found)
    assert home_and_temporary(found, tmp_path / "home") == {"home", "temporary"}


def test_nothing_loads_onnxruntime_before_the_agent() -> None:
    """Whatever imports onnxruntime lies in a package that switches its reports off first."""
    importing = {
        path.relative_to(ROOT).parts[0]
        for folder in ("agent", "dashboard", "training", "release")
        for path in (ROOT / folder).rglob("*.py")
        if "import onnxruntime" in path.read_text("utf-8")
    }

    assert importing <= {"agent", "training"}
    for package in importing:
        text = (ROOT / package / "__init__.py").read_text("utf-8")
        assert "ORT_DISABLE_TELEMETRY" in text or "import agent" in text, package
