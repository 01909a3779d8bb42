"""What computes works where memory is never both writable and executable, as in the units."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNSUPPORTED = 77
ASK = """
import ctypes, mmap, sys
from pathlib import Path

PR_SET_MDWE, REFUSE = 65, 1  # linux/prctl.h, since Linux 6.3
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE, 0, 0, 0) != 0:
    sys.exit(77)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    print("refused")

from agent.capture.factory import open_source
from agent.clock import SystemClock
from agent.domain.policy import Head
from agent.inference.backend import load_backend

backend = load_backend(Path(sys.argv[1]) / "models", heads=frozenset(Head))
source = open_source("demo", clock=SystemClock(), loop=False, paced=False)
source.open()
faces = 0
for _ in range(900):  # nobody is there at first
    if faces:
        break
    frame = source.read()
    faces += len(backend.look(frame).observations)
    frame.wipe()
source.close()
backend.close()
print("faces", faces > 0)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
def test_models_run_without_executable_memory():
    """Under the kernel's own switch for it, frames are decoded and faces are found."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(ROOT)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode == UNSUPPORTED:
        pytest.skip("this kernel has no PR_SET_MDWE (Linux 6.3)")

    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["refused", "faces True"]
