"""Make this process a poor place to look for frames: no core dump, no debugger, no swap."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4
_MCL_CURRENT_AND_FUTURE = 3
NOTIFY_SECONDS = 1.0


def harden(*, lock_memory: bool = False) -> list[str]:
    """Forbid core dumps and tracing by other processes of the same user.

    Args:
        lock_memory: also keep all pages out of swap; needs a high `LimitMEMLOCK`.

    Returns:
        What couldn't be done, one sentence each; empty on a well-configured Linux.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sys.platform.startswith("linux"):
        return ["only Linux can forbid memory access by other processes"]
    missing = []
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        missing.append("the process can still be traced")
    if lock_memory and libc.mlockall(_MCL_CURRENT_AND_FUTURE) != 0:
        missing.append("memory can't be locked; raise LimitMEMLOCK or turn swap off")
    return missing


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
