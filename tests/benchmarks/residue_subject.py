"""Looks at one face again and again, then stands still to be searched, for `bench_residue`.

Run as `python residue_subject.py KIND PICTURE SOCKET`; KIND `careless` is the agent as it was
before ADR 0024.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import onnxruntime

from agent.clock import SystemClock
from agent.domain.frame import Frame
from agent.domain.policy import Head
from agent.inference import session
from agent.inference.backend import load_backend
from agent.process import overwrite_freed_memory
from agent.proof.experiment import read_clip

ROOT = Path(__file__).resolve().parents[2]
LOOKS = 12


class KeepsItsArena(onnxruntime.SessionOptions):
    """Options whose arena can't be turned off."""

    def __setattr__(self, name, value):
        if name != "enable_cpu_mem_arena":
            super().__setattr__(name, value)


def main(kind: str, number: int, link: socket.socket) -> None:
    """Look, forget, and wait."""
    if kind == "careless":
        session.onnxruntime.SessionOptions = KeepsItsArena
    else:
        overwrite_freed_memory()
    clip = read_clip(SystemClock())
    backend = load_backend(ROOT / "models", heads=frozenset(Head))
    found = 0
    for look in range(LOOKS):
        pixels = clip[number].copy()
        found += len(backend.look(Frame(pixels, look, look * 10**8, look * 10**8)).observations)
        pixels.fill(0)
    for picture in clip:
        picture.fill(0)
    backend.reset()
    link.sendall(b"%d\n" % found)
    link.recv(1)


if __name__ == "__main__":
    end = socket.socket(fileno=int(sys.argv[3]))
    files = [os.open(f"/proc/self/{name}", os.O_RDONLY) for name in ("smaps", "mem")]
    socket.send_fds(end, [b"open\n"], files)
    main(sys.argv[1], int(sys.argv[2]), end)
