"""`omokage analyze` on marked files, and a way to look into it: `SOCKET` is the last argument.

With `careless` before it, nothing is overwritten when it is freed, and onnxruntime keeps its arena.
"""

from __future__ import annotations

import json
import os
import socket
import sys

import agent.analyze
from agent import process
from agent.cli.main import main
from agent.inference import session
from agent.proof.subject import _line, _say

FRAME = 6
"""Of each file; the look at it is held up here."""


def hold_up(link: socket.socket) -> None:
    """Let each file's sixth frame, or its only one, wait until somebody has looked."""
    rows = agent.analyze._Looker.rows

    def waiting(self, frame):
        found = rows(self, frame)
        if frame.sequence == FRAME or self._still:
            _say(link, {"file": self._source, "faces": self.faces})
            _line(link)
        return found

    agent.analyze._Looker.rows = waiting


if __name__ == "__main__":
    if sys.argv[1] == "careless":
        from tests.privacy.careless_subject import _KeepsItsArena

        process.overwrite_freed_memory = lambda: True
        session.onnxruntime.SessionOptions = _KeepsItsArena
    with socket.socket(fileno=int(sys.argv[-1])) as link:
        order = json.loads(_line(link))
        files = [os.open(f"/proc/self/{name}", os.O_RDONLY) for name in ("smaps", "mem")]
        socket.send_fds(link, [b"open\n"], files)
        hold_up(link)
        main(
            ["analyze", order["folder"], "-o", order["out"], "--no-progress"], standalone_mode=False
        )
        _say(link, {"file": "", "faces": 0})
        _line(link)
