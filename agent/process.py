"""Make this process a poor place to look for frames: no core dump, no debugger, no swap."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys
from pathlib import Path

_PR_SET_DUMPABLE = 4
NOTIFY_SECONDS = 1.0
_MCL_CURRENT_FUTURE_ON_FAULT = 7
"""Present and later pages, each one when it is first used: nothing is loaded for the sake of it."""
_M_PERTURB = -6
_FREED_BYTE = 0xA5
"""What glibc writes over freed memory; what it hands out anew is filled with the complement."""


def overwrite_freed_memory() -> bool:
    """Let the C allocator overwrite whatever is freed from now on; False where it can't.

    OpenCV, FFmpeg and onnxruntime free buffers that held pictures without wiping them. Measured
    before and after with `omokage prove-discard` (ADR 0024); the time that it takes wasn't.

    Source: mallopt(3), M_PERTURB; glibc only.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_PERTURB, _FREED_BYTE) == 1


def harden(*, lock_memory: bool = False) -> list[str]:
    """Forbid core dumps and tracing by other processes of the same user; overwrite what is freed.

    Args:
        lock_memory: also keep all pages out of swap; needs `LimitMEMLOCK=infinity`. With a smaller
            limit nothing is locked: later allocations would fail once it is reached.

    Returns:
        What couldn't be done, one sentence each; empty on a well-configured Linux.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sys.platform.startswith("linux"):
        return ["only Linux can forbid memory access by other processes"]
    missing = []
    if not overwrite_freed_memory():
        missing.append("freed memory isn't overwritten: this system has another allocator")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        missing.append("the process can still be traced")
    if lock_memory and not _lock(libc):
        missing.append("memory may go to swap; set LimitMEMLOCK=infinity or turn swap off")
    return missing


def _lock(libc: ctypes.CDLL) -> bool:
    unlimited = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY
    return unlimited and libc.mlockall(_MCL_CURRENT_FUTURE_ON_FAULT) == 0


def swap_is_on() -> bool:
    """Say whether a page of this process may go to swap."""
    try:
        areas = Path("/proc/swaps").read_text("utf-8").strip().splitlines()
        if len(areas) < 2:  # the first line is a heading
            return False
        group = Path("/proc/self/cgroup").read_text("utf-8").strip()
    except OSError:
        return False
    return not any(_forbids_swap(limit) for limit in swap_limits(group))


def swap_limits(group: str) -> list[Path]:
    """Return where this process's control groups say how much of it may be swapped.

    Args:
        group: text of /proc/self/cgroup; only its line of version 2, `0::/PATH`, counts.
    """
    paths = [line[3:] for line in group.splitlines() if line.startswith("0::/")]
    if not paths:
        return []
    own = Path("/sys/fs/cgroup") / paths[0].strip("/")
    return [folder / "memory.swap.max" for folder in (own, *own.parents)][: len(own.parts) - 4]


def _forbids_swap(limit: Path) -> bool:
    try:
        return limit.read_text("utf-8").strip() == "0"
    except OSError:
        return False


def notify(message: str, address: str | None) -> None:
    """Tell systemd about this service (`READY=1`, `STATUS=...`); without an address do nothing.

    Source: sd_notify(3): one datagram to the socket named by NOTIFY_SOCKET.
    """
    if not address:
        return
    import socket  # noqa: PLC0415  (only services need it)

    target = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.settimeout(NOTIFY_SECONDS)  # who doesn't listen mustn't hold up the camera
        link.sendto(message.encode(), target)
