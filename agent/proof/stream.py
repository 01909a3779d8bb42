"""A network camera on the loopback address that plays frames out of memory.

The agent under test reads it as it reads any network camera, through FFmpeg. Pictures are sent as
they are (AVI with raw BGR), so that what is searched for is exactly what was sent, and no picture
is ever in a file.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Self

import numpy as np
import numpy.typing as npt

from agent.proof.marks import HEIGHT, WIDTH

Picture = npt.NDArray[np.uint8]

_SIZE = WIDTH * HEIGHT * 3
_ENDLESS = 0x7FFF_0000


class LoopbackCamera:
    """Serves whatever `show` was told, at a fixed rate, to one reader after the other.

    Attributes:
        sent: frames since the last `show`.
    """

    def __init__(self, hz: float) -> None:
        """Listen on a free port of the loopback address; nothing is served before `show`."""
        self.sent = 0
        self._gap = 1 / hz
        self._hz = hz
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.2)
        self._frames: Iterator[Picture] | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="loopback-camera", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Return the address to read."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/camera.avi"

    def show(self, frames: Iterator[Picture] | None) -> None:
        """Go on with other frames; None ends the stream, as if the camera had been unplugged."""
        with self._lock:
            self._frames, self.sent = frames, 0

    def close(self) -> None:
        """End the stream and stop listening."""
        self._closing.set()
        self._thread.join(5)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                link, _ = self._listener.accept()
            except TimeoutError:
                continue
            with link, contextlib.suppress(OSError):
                # Longer than the reader stands still while its memory is copied on a busy machine.
                link.settimeout(120)
                if self._frames is not None:
                    self._send(link)

    def _send(self, link: socket.socket) -> None:
        link.recv(65536)
        link.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/x-msvideo\r\n\r\n")
        link.sendall(avi_header(self._hz))
        while not self._closing.wait(self._gap):
            with self._lock:
                picture = None if self._frames is None else next(self._frames, None)
                self.sent += 1
            if picture is None:
                return
            link.sendall(b"00db" + struct.pack("<I", picture.size) + picture.tobytes())


def avi_header(hz: float) -> bytes:
    """Return everything of an endless AVI of raw BGR pictures that stands before the first one.

    Source: AVI RIFF File Reference (`avih`, `strh`, BITMAPINFOHEADER); a negative height means
    that rows run from the top.
    """
    rate = round(hz)
    avih = struct.pack(
        "<14I", 1_000_000 // rate, _SIZE * rate, 0, 0, 0, 0, 1, _SIZE, WIDTH, HEIGHT, 0, 0, 0, 0
    )
    strh = b"vidsDIB " + struct.pack(
        "<IHHIIIIIIII4H", 0, 0, 0, 0, 1, rate, 0, 0, _SIZE, 0xFFFF_FFFF, 0, 0, 0, WIDTH, HEIGHT
    )
    strf = struct.pack("<IiiHHIIiiII", 40, WIDTH, -HEIGHT, 1, 24, 0, _SIZE, 0, 0, 0, 0)
    stream = _list(b"strl", _chunk(b"strh", strh) + _chunk(b"strf", strf))
    headers = _list(b"hdrl", _chunk(b"avih", avih) + stream)
    return (
        b"RIFF" + struct.pack("<I", _ENDLESS) + b"AVI " + headers
        + b"LIST" + struct.pack("<I", _ENDLESS) + b"movi"
    )  # fmt: skip


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


def _list(name: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", name + content)
