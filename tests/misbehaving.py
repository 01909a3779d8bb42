"""Cameras that misbehave on demand: network cameras on this machine, served by the tests.

`MjpegCamera` speaks what many cheap cameras speak, `multipart/x-mixed-replace` over HTTP, and shows
the demo clip's rendered faces; each of its faults is switched on and off while it runs. `Relay`
stands between a client and any server, and stops, cuts or garbles what it passes on. `rtsp_server`
is GStreamer's, as real cameras have it.
"""

from __future__ import annotations

import itertools
import random
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "agent" / "demo" / "clip.mp4"
FIRST, COUNT = 110, 40
"""Frames of the clip in all of which somebody is seen."""
BOUNDARY = b"--frame\r\n"
PART = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n"
    b"Cache-Control: no-store\r\nConnection: close\r\n\r\n"
)


class Mood(Enum):
    """What a camera does at present."""

    WELL = "well"
    FROZEN = "frozen"
    BLACK = "black"
    SLOW = "slow"
    SMALL = "small"
    SILENT = "silent"
    GARBAGE = "garbage"
    TORN = "torn"
    GONE = "gone"


def faces() -> list[np.ndarray]:
    """Return some of the clip's frames, uint8 (480, 640, 3), somebody in each."""
    video = cv2.VideoCapture(str(CLIP))
    found = [video.read()[1] for _ in range(FIRST + COUNT)][FIRST:]
    video.release()
    return found


def jpeg(pixels: np.ndarray) -> bytes:
    """Return a picture as a camera would send it."""
    ok, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert ok
    return encoded.tobytes()


class MjpegCamera:
    """A network camera; `mood` may be changed at any time.

    Attributes:
        mood: what it does at present.
        sent: pictures that it has sent, over all connections.
        connections: how often somebody connected.
    """

    def __init__(self, fps: float = 10.0) -> None:
        """Start to listen on a free port of this machine."""
        self.mood = Mood.WELL
        self.sent = self.connections = 0
        self._fps = fps
        self._noise = random.Random(3)
        pictures = faces()
        # Forth and back, so that nothing jumps; a sensor's noise would make each one new.
        self._well = [jpeg(picture) for picture in pictures + pictures[-2:0:-1]]
        self._small = [jpeg(cv2.resize(p, (320, 240))) for p in pictures]
        self._black = [jpeg(self._darkness(p.shape, seed)) for seed, p in enumerate(pictures[:8])]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    @property
    def address(self) -> str:
        """What `--source` is given."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/video"

    def close(self) -> None:
        """End it."""
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    @staticmethod
    def _darkness(shape: tuple[int, ...], seed: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 6, shape, dtype=np.uint8)

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            if self.mood is Mood.GONE:
                link.close()
                continue
            self.connections += 1
            thread = threading.Thread(target=self._show, args=(link,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _show(self, link: socket.socket) -> None:
        link.settimeout(5)
        with link, suppress(OSError):
            link.recv(4096)
            link.sendall(HEAD)
            for number in itertools.count():
                if self._closing.is_set() or self.mood is Mood.GONE:
                    return
                self._send(link, number)

    def _send(self, link: socket.socket, number: int) -> None:
        mood = self.mood
        if mood is Mood.SILENT:
            time.sleep(0.05)
            return
        body = self._body(mood, number)
        if mood is Mood.GARBAGE:
            link.sendall(self._noise.randbytes(20_000))
        else:
            link.sendall(BOUNDARY + PART % len(body) + body + b"\r\n")
            self.sent += 1
        self._closing.wait(1.0 if mood is Mood.SLOW else 1 / self._fps)

    def _body(self, mood: Mood, number: int) -> bytes:
        if mood is Mood.BLACK:
            return self._black[number % len(self._black)]
        if mood is Mood.SMALL:
            return self._small[number % len(self._small)]
        if mood is Mood.TORN:
            whole = bytearray(self._well[number % len(self._well)])
            return bytes(whole[: len(whole) // 8])
        place = 0 if mood is Mood.FROZEN else number
        return self._well[place % len(self._well)]


class Flow(Enum):
    """What a relay does with what it should pass on."""

    PASS = "pass"
    STALL = "stall"
    GARBLE = "garble"
    CUT = "cut"


class Relay:
    """Passes one TCP port on to another, as long as it likes to.

    Attributes:
        flow: what it does at present, towards the client.
        connections: how often somebody connected.
    """

    def __init__(self, port: int) -> None:
        """Start to listen; `port` is where the server is."""
        self.flow = Flow.PASS
        self.connections = 0
        self._to = port
        self._noise = random.Random(5)
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                relay.connections += 1
                relay._pass_on(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self._closing = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """End it."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._to), timeout=2)
        except OSError:
            return
        with server:
            back = threading.Thread(target=self._copy, args=(client, server, False), daemon=True)
            back.start()
            self._copy(server, client, True)

    def _copy(self, source: socket.socket, sink: socket.socket, faulty: bool) -> None:
        source.settimeout(0.1)
        with suppress(OSError):
            while not self._closing.is_set():
                if faulty and self.flow is Flow.CUT:
                    break
                if faulty and self.flow is Flow.STALL:
                    time.sleep(0.05)
                    continue
                try:
                    data = source.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    break
                if faulty and self.flow is Flow.GARBLE:
                    data = self._noise.randbytes(len(data))
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


RTSP = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1"); server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    "( multifilesrc loop=true caps=image/jpeg,framerate=10/1 location=" + sys.argv[2] + "/%03d.jpg "
    "! jpegdec ! videoconvert ! video/x-raw,format=I420 ! identity sync=true "
    "! jpegenc ! rtpjpegpay name=pay0 )")
factory.set_shared(True)
server.get_mount_points().add_factory("/cam", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
"""
SYSTEM_PYTHON = "/usr/bin/python3"
"""The one that Debian's python3-gi is for."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def rtsp_server(folder: Path) -> Iterator[int]:
    """Serve the clip's faces at rtsp://127.0.0.1:PORT/cam; skip where GStreamer is missing."""
    needs = "gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    found = shutil.which(SYSTEM_PYTHON) and subprocess.run(
        [SYSTEM_PYTHON, "-c", f"import gi; {needs}"], check=False, capture_output=True
    )
    if not found or found.returncode:
        pytest.skip("no RTSP server here: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0")
    for number, picture in enumerate(faces()):
        (folder / f"{number:03d}.jpg").write_bytes(jpeg(picture))
    port = free_port()
    server = subprocess.Popen(
        [SYSTEM_PYTHON, "-c", RTSP, str(port), str(folder)], stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    try:
        assert b"ready\n" == server.stdout.readline()
        yield port
    finally:
        server.kill()
        server.communicate()
