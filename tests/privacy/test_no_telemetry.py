"""Nothing that computes tells its maker about it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOAD = """
import sys
from pathlib import Path
from agent.inference.session import load_model
load_model(Path(sys.argv[1]), "emotion_head")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="watches Linux's cache folders")
def test_onnxruntime_keeps_no_device_id_and_no_events(tmp_path):
    """Loading a model writes nothing below the home: no id of the device, nothing to upload."""
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("XDG_CACHE_HOME", None)

    subprocess.run(
        [sys.executable, "-c", LOAD, str(ROOT / "models")],
        env=environment, cwd=ROOT, check=True, timeout=120, capture_output=True,
    )  # fmt: skip

    assert [] == sorted(tmp_path.rglob("*"))
