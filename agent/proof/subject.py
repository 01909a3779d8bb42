"""The process under test: the agent as `omokage run` builds it, and a way to look into it.

Run as `python -m agent.proof.subject SOCKET`, with one JSON line on the socket that says what to
run. Before the agent forbids others to read its memory, its own `/proc/self/smaps` and
`/proc/self/mem` are opened and handed over; then it runs until a signal, reports, and waits for the
last look at what it leaves in memory.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_GET_DUMPABLE = 3


def main(arguments: list[str]) -> int:
    """Run the agent for whoever holds the other end of the socket; returns an exit code."""
    # Without who looks there is nothing to prove: a killed proof leaves no agent running. By force,
    # since this process may be standing still to be looked at.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    link = socket.socket(fileno=int(arguments[0]))
    order = json.loads(_line(link))
    maps, memory = (os.open(f"/proc/self/{name}", os.O_RDONLY) for name in ("smaps", "mem"))
    socket.send_fds(link, [b"open\n"], [maps, memory])
    agent = _agent(order)
    agent.run()
    _say(link, {"dumpable": _dumpable(), "overwrites": _overwrites_freed()})
    _line(link)  # whoever looks says when they have seen enough
    return 0


def _agent(order: dict[str, Any]) -> Any:
    from agent.clock import SystemClock  # noqa: PLC0415  (after the files were handed over)
    from agent.config.site import Site  # noqa: PLC0415
    from agent.service import Agent, RunOptions  # noqa: PLC0415

    backend = None
    if order["task_file"] is not None:
        from agent.inference.mediapipe import load_mediapipe  # noqa: PLC0415

        def backend(policy: Any) -> Any:
            return load_mediapipe(Path(order["task_file"]), heads=policy.heads)

    options = RunOptions(
        sources={order["zone"]: order["source"]},
        models=Path(order["models"]),
        backend=backend,
    )
    return Agent(Site(Path(order["site"])), options, SystemClock())


def _dumpable() -> int:
    return int(ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0))


def _overwrites_freed() -> bool:
    """Try it: free a piece of memory of a size that nobody else uses, and look at it again."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    size, mark = 9_999, 0x3C
    place = libc.malloc(size)
    ctypes.memset(place, mark, size)
    libc.free(place)
    # The allocator keeps its own notes in the first bytes; the middle is what matters.
    return ctypes.string_at(place + size // 2, 64) != bytes([mark]) * 64


def _line(link: socket.socket) -> str:
    """Read up to a line's end, byte by byte: nothing more may be taken off the socket."""
    found = b""
    while not found.endswith(b"\n"):
        part = link.recv(1)
        if not part:
            raise SystemExit(1)
        found += part
    return found.decode()


def _say(link: socket.socket, what: dict[str, Any]) -> None:
    link.sendall(json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
