"""What the running agent tells systemd: by a real socket, with real sources."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from datetime import timedelta

import cv2
import numpy as np
import pytest

from agent import watchdog
from agent.clock import SystemClock
from agent.config.pause_file import write_pause
from agent.domain.schedule import Pause
from agent.errors import StoreFull
from agent.process import notify
from agent.service import Agent, RunOptions
from agent.store.segments import SegmentStore
from tests.fakes import VIDEO_FPS, VIDEO_FRAMES, FakeBackend, write_video
from tests.unit.test_service import ready, site  # noqa: F401  (fixtures)

PATIENCE = 0.5


@pytest.fixture
def told(tmp_path, monkeypatch):
    """What systemd was told, by a socket of its kind; its limit is 0.3 s."""
    monkeypatch.setattr(watchdog, "PATIENCE_SECONDS", PATIENCE)
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        server.settimeout(0.2)
        found: list[tuple[float, str]] = []
        over = threading.Event()

        def listen() -> None:
            # The kernel keeps only a few datagrams, and who sends one more has to wait.
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    found.append((time.monotonic(), server.recv(4096).decode()))

        listener = threading.Thread(target=listen)
        listener.start()
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        try:
            yield found
        finally:
            over.set()
            listener.join()


def run(site, source, seconds: float) -> None:  # noqa: F811
    """Run an agent on a source for so long."""
    options = RunOptions(
        sources={"entrance": source},
        backend=lambda _policy: FakeBackend(lambda _f: 2),
        seconds=seconds,
        loop=True,
    )
    Agent(site, options, SystemClock()).run()


def write_still_video(path) -> None:
    """Write a video of one picture."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), VIDEO_FPS, (64, 48))
    for _ in range(VIDEO_FRAMES):
        writer.write(np.full((48, 64, 3), 120, np.uint8))
    writer.release()


def words(told: list[tuple[float, str]]) -> list[str]:
    """Return what was said, without the times."""
    return [message for _, message in told]


def silence(told: list[tuple[float, str]]) -> float:
    """Return for how many seconds before the agent's end nothing was fed."""
    beats = [at for at, message in told if message == "WATCHDOG=1"]
    (end,) = (at for at, message in told if message == "STOPPING=1")
    return end - max(beats)


def test_a_working_camera_feeds_the_watchdog(site, tmp_path, told):  # noqa: F811
    """Frames and commits are fed for, and systemd gets a line about them."""
    clip = tmp_path / "clip.avi"
    write_video(clip)

    run(site, str(clip), 2)

    assert words(told)[0] == "READY=1"
    assert silence(told) < 3 * PATIENCE
    assert any(m.startswith("STATUS=running; frames entrance") for m in words(told))


def test_a_frozen_camera_ends_the_feeding(site, tmp_path, told):  # noqa: F811
    """The same picture again and again isn't fed for, although the loop turns."""
    clip = tmp_path / "still.avi"
    write_still_video(clip)

    run(site, str(clip), 5)

    # Frozen is known 2 s after the first frame; half a second later the patience is over.
    assert silence(told) > PATIENCE


def test_failed_commits_end_the_feeding(site, tmp_path, told, monkeypatch):  # noqa: F811
    """Faces are seen and the disk refuses: the watchdog isn't fed for that."""
    clip = tmp_path / "clip.avi"
    write_video(clip)

    def refuse(*_args):
        raise StoreFull("the disk is full")

    monkeypatch.setattr(SegmentStore, "append", refuse)
    text = site.policy.read_text("utf-8").replace('flush = "5s"', 'flush = "1s"')
    site.policy.write_text(text, "utf-8")

    run(site, str(clip), 4)

    # The first commit fails a second after the first frame, and so does every later one.
    assert silence(told) > PATIENCE


def test_a_pause_does_not_kill_the_agent(site, tmp_path, told):  # noqa: F811
    """No frame comes while somebody paused the capture, and the watchdog is fed all the same."""
    now = SystemClock().now()
    write_pause(site.pause, Pause(since=now, until=now + timedelta(hours=1)))
    clip = tmp_path / "clip.avi"
    write_video(clip)

    run(site, str(clip), 2)

    assert silence(told) < 3 * PATIENCE


def test_a_deaf_systemd_does_not_hold_up_the_camera(tmp_path):
    """Whoever doesn't read its socket makes the agent wait for a second at most."""
    path = tmp_path / "deaf"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as noisy:
            noisy.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(10_000):
                    noisy.sendto(b"x", str(path))

        began = time.monotonic()
        notify("WATCHDOG=1", str(path))

        assert time.monotonic() - began < 5
