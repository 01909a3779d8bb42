"""The positive control: a process that keeps whatever it is given, as a careless program would.

Run as `python -m agent.proof.keeper SOCKET`. What the scan doesn't find here it wouldn't find in
the agent either.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys


def main(arguments: list[str]) -> int:
    """Keep pieces of memory until the other end of the socket is closed; returns an exit code."""
    link = socket.socket(fileno=int(arguments[0]))
    files = [os.open(f"/proc/self/{name}", os.O_RDONLY) for name in ("smaps", "mem")]
    socket.send_fds(link, [b"open\n"], files)
    kept: list[bytearray] = []
    reader = link.makefile("rb")
    while line := reader.readline():
        piece = bytearray(reader.read(json.loads(line)["size"]))
        kept.append(piece)
        address = ctypes.addressof(ctypes.c_char.from_buffer(piece))
        link.sendall(json.dumps({"address": address}).encode() + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
