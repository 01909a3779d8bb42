"""Cameras that are open only while they may be: pause, windows, masks, rendered faces."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.cameras import Camera, make_camera
from agent.capture.latest import LatestFrame
from agent.clock import SystemClock
from agent.config.pause_file import write_pause
from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.domain.frame import FrameStatus
from agent.domain.policy import Subjects
from agent.domain.schedule import Pause
from agent.errors import CameraUnavailable, ConfigError, PolicyForbids
from agent.service import Agent, RunOptions
from tests.fakes import FakeBackend, FakeSource, FrozenClock, picture, write_video

DEMO = Path(__file__).resolve().parents[2] / "policies" / "demo.toml"
POLICY = load_policy(DEMO)
LEFT = "[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]"


@pytest.fixture
def site(tmp_path):
    """A demo site without keys: statistics only."""
    site = Site(tmp_path / "site")
    site.root.mkdir()
    site.policy.write_bytes(DEMO.read_bytes())
    return site


@pytest.fixture
def clip(tmp_path):
    """A few seconds of noise."""
    return write_video(tmp_path / "clip.avi")


def run(site: Site, clip: Path, backend: FakeBackend, **options) -> dict:
    """Run an agent; return its health."""
    options = RunOptions(
        sources={"entrance": str(clip)}, backend=lambda _policy: backend, **options
    )
    Agent(site, options, SystemClock()).run()
    return json.loads(site.status.read_text("utf-8"))


def test_a_camera_is_closed_and_opened_anew():
    """Closing releases the source; opening again makes a new reader of a new source."""
    sources = []

    def connect() -> LatestFrame:
        sources.append(FakeSource([picture(90)] * 3, live=False))
        return LatestFrame(sources[-1])

    camera = Camera("a", connect)
    assert not camera.close()
    first = camera.open()
    assert first is camera.open()
    first.take(5)

    assert camera.close()
    assert sources[0].closed >= 1
    assert camera.open() is not first
    assert camera.close()
    assert 2 == len(sources)


def test_a_pause_from_the_start_takes_no_frame(site, clip):
    """The camera isn't even opened; each tick is counted as paused."""
    write_pause(site.pause, Pause(SystemClock().now(), None, "inventory"))
    backend = FakeBackend()

    health = run(site, clip, backend, seconds=1)

    assert [] == backend.frames
    assert health["ticks"]["entrance"][FrameStatus.PAUSED] > 0
    assert health["capture"] == {"allowed": False, "reason": "paused", "next_change": None}
    assert "inventory" not in json.dumps(health)


def test_a_pause_in_the_middle_closes_the_camera(site, clip):
    """Somebody pauses a running agent: the camera is closed, its tracks are forgotten."""

    def somebody(looks: int) -> None:
        if looks == 3:
            write_pause(site.pause, Pause(SystemClock().now(), None))

    backend = FakeBackend(on_look=somebody)

    health = run(site, clip, backend, seconds=4, loop=True)

    ticks = health["ticks"]["entrance"]
    assert ticks[FrameStatus.OK] >= 3
    assert ticks[FrameStatus.PAUSED] > 0
    assert health["zones"]["entrance"] == FrameStatus.PAUSED
    assert 1 == backend.resets


def test_a_pause_that_ends_opens_the_camera(site, clip):
    """After its end the same agent captures again, without being told."""
    now = SystemClock().now()
    write_pause(site.pause, Pause(now, now + timedelta(seconds=1)))
    backend = FakeBackend()

    health = run(site, clip, backend)  # until the clip has ended

    ticks = health["ticks"]["entrance"]
    assert ticks[FrameStatus.PAUSED] > 0
    assert ticks[FrameStatus.OK] > 0
    assert health["capture"]["allowed"]


def test_a_damaged_pause_file_closes_the_camera_and_health_says_why(site, clip):
    """Fail closed, loudly."""
    site.pause.parent.mkdir()
    site.pause.write_text("{}")
    backend = FakeBackend()

    health = run(site, clip, backend, seconds=1)

    assert [] == backend.frames
    assert "omokage resume" in health["trouble"]


def test_outside_of_its_windows_no_frame_is_taken(site, clip):
    """A window of one minute, twelve hours from now, is not now."""
    other = SystemClock().now() + timedelta(hours=12)
    window = f"mon-sun {other:%H:%M}-{other + timedelta(minutes=1):%H:%M}"
    text = site.policy.read_text("utf-8").replace("Asia/Tokyo", "UTC")
    schedule = f'[capture.schedule]\nwindows = ["{window}"]\n\n[[capture.zones]]'
    site.policy.write_text(text.replace("[[capture.zones]]", schedule, 1), "utf-8")
    backend = FakeBackend()

    health = run(site, clip, backend, seconds=1)

    assert [] == backend.frames
    assert health["capture"]["reason"] == "outside_windows"
    assert health["capture"]["next_change"] is not None


def test_masked_pixels_never_reach_the_backend(site, clip):
    """The left half is zeros in every frame that is looked at; the right half is not."""
    text = site.policy.read_text("utf-8")
    text = text.replace('source = "demo"', f'source = "demo"\nmasks = [{LEFT}]')
    site.policy.write_text(text, "utf-8")
    seen: list[tuple[int, int]] = []

    class Watching(FakeBackend):
        def look(self, frame):
            half = frame.pixels.shape[1] // 2
            seen.append((int(frame.pixels[:, :half].max()), int(frame.pixels[:, half + 2 :].max())))
            return super().look(frame)

    run(site, clip, Watching())

    assert seen
    assert {0} == {left for left, _ in seen}
    assert all(right > 0 for _, right in seen)


def test_a_track_before_a_pause_isnt_the_one_after_it(tmp_path):
    """Track numbers begin again, so their random ids are drawn anew."""
    from agent.pipeline import _OpenBucket
    from tests.fakes import NOON

    bucket = _OpenBucket("a", NOON, 60)
    before = {bucket.id_of(number) for number in range(200)}
    bucket.forget()
    after = {bucket.id_of(number) for number in range(200)}

    assert before.isdisjoint(after)


@pytest.mark.parametrize("spec", ["0", "/dev/video0", "rtsp://camera/stream"])
def test_rendered_faces_are_no_way_around_the_profiles(spec):
    """A policy for synthetic faces opens no real camera."""
    with pytest.raises(PolicyForbids, match="rendered clips"):
        make_camera(POLICY.zones[0], spec, POLICY, clock=FrozenClock(), loop=False)


def test_a_policy_about_people_opens_a_camera():
    """The same camera is fine once it is said whose faces it sees; nothing is opened yet."""
    policy = replace(POLICY, subjects=Subjects.CUSTOMERS)

    assert make_camera(POLICY.zones[0], "0", policy, clock=FrozenClock(), loop=False).reader is None


def test_a_zone_without_a_source_is_refused():
    """Nobody guesses which camera was meant."""
    with pytest.raises(ConfigError, match="entrance has no source"):
        make_camera(POLICY.zones[0], None, POLICY, clock=FrozenClock(), loop=False)


def test_a_reader_that_was_closed_gives_no_frame():
    """What was read before a pause is wiped with the reader, not shown after it."""
    pixels: list[np.ndarray] = []
    source = FakeSource([picture(90)], live=False)
    camera = Camera("a", lambda: LatestFrame(source))
    frame = camera.open().take(5)
    pixels.append(frame.pixels)

    camera.close()

    assert pixels[0].max() == 0


def test_a_camera_that_hangs_isnt_opened_a_second_time():
    """While its driver hangs in a read, the closed camera is said to be held, and stays closed."""
    going, let_go = threading.Event(), threading.Event()

    def hang() -> None:
        going.set()
        let_go.wait(30)

    source = FakeSource([picture(90)] * 9, live=False, before_read=hang)

    class Impatient(LatestFrame):
        def close(self, timeout: float = 0.0) -> bool:
            return super().close(timeout)

    camera = Camera("till", lambda: Impatient(source))
    camera.open()
    going.wait(30)

    camera.close()
    assert "till doesn't let go" in camera.trouble
    with pytest.raises(CameraUnavailable, match="till"):
        camera.open()

    let_go.set()
    camera.held._thread.join(30)
    assert camera.trouble == ""
