"""The agent with three mistakes planted: it keeps frames, dumps some for debugging, shares some.

Run in place of `agent.proof.subject`, by the test that wants the proof to notice each of them; the
first argument is the name of what it leaves.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections import deque
from multiprocessing import resource_tracker, shared_memory
from pathlib import Path

import numpy as np

from agent.pipeline import SitePipeline
from agent.proof.subject import main

MOST = 24
STRIDE = 3

kept: deque[np.ndarray] = deque(maxlen=MOST)
count = itertools.count()
look = SitePipeline.see


def see(self, zone, frame, **rest):
    """Look at a frame as always; before that, leave copies of every third one."""
    number = next(count)
    if number % STRIDE == 0:
        place = number // STRIDE % MOST
        kept.append(frame.pixels.copy())
        frame.pixels.tofile(Path(tempfile.gettempdir()) / f"{name}-{place}.raw")
        shared.buf[place * frame.pixels.nbytes : (place + 1) * frame.pixels.nbytes] = (
            frame.pixels.tobytes()
        )
    return look(self, zone, frame, **rest)


if __name__ == "__main__":
    name = sys.argv.pop(1)
    shared = shared_memory.SharedMemory(name, create=True, size=MOST * 640 * 480 * 3)
    resource_tracker.unregister(shared._name, "shared_memory")  # the test removes it
    SitePipeline.see = see
    sys.exit(main(sys.argv[1:]))
