"""What makes the process a poor place to look for frames."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.process import swap_limits

ROOT = Path(__file__).resolve().parents[2]
HARDENED = """
import ctypes, resource
from agent.process import harden
missing = harden()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
place = libc.malloc(50_000)
ctypes.memset(place, 0x3C, 50_000)
libc.free(place)
left = ctypes.string_at(place + 25_000, 64)
print(missing, libc.prctl(3), resource.getrlimit(resource.RLIMIT_CORE), left == b"<" * 64)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
def test_a_hardened_process_dumps_nothing_and_overwrites_what_it_frees() -> None:
    """No core, not dumpable, and a freed picture isn't there any more."""
    done = subprocess.run(
        [sys.executable, "-c", HARDENED], cwd=ROOT, capture_output=True, text=True, check=True
    )

    if "another allocator" in done.stdout:
        pytest.skip("this system's C library can't overwrite freed memory")
    assert done.stdout.strip() == "[] 0 (0, 0) False"


def test_limits_of_swap_are_looked_for_in_all_groups_above() -> None:
    """A `MemorySwapMax=0` of systemd may stand at the unit or at any slice that holds it."""
    found = swap_limits("1:cpu:/x\n0::/system.slice/omokage-agent.service\n")

    assert [
        "/sys/fs/cgroup/system.slice/omokage-agent.service/memory.swap.max",
        "/sys/fs/cgroup/system.slice/memory.swap.max",
    ] == [str(path) for path in found]
    assert [] == swap_limits("")
    assert [] == swap_limits("12:memory:/user\n")
