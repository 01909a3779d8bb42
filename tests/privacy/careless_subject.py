"""The agent without what makes freed memory and a net's input go: as it was before ADR 0024."""

from __future__ import annotations

import sys

import onnxruntime

from agent import process
from agent.inference import session
from agent.proof.subject import main


class _KeepsItsArena(onnxruntime.SessionOptions):
    """Options whose arena can't be turned off."""

    def __setattr__(self, name, value):
        if name != "enable_cpu_mem_arena":
            super().__setattr__(name, value)


if __name__ == "__main__":
    process.overwrite_freed_memory = lambda: True
    session.onnxruntime.SessionOptions = _KeepsItsArena
    sys.exit(main(sys.argv[1:]))
