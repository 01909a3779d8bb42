"""What an operator writes becomes the right source; passwords are never said back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.capture import factory
from agent.capture.factory import open_source, safe_name
from agent.capture.files import PictureSource
from agent.capture.opencv import OpenCvSource
from agent.capture.replay import ReplaySource
from agent.errors import AgentError, ConfigError
from tests.fakes import FrozenClock, write_picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("spec", ["0", " 3 ", "/dev/video0", "rtsp://cam/1", "https://cam:8443/x"])
def test_cameras_and_streams_are_live(spec: str, clock: FrozenClock) -> None:
    """Numbers, devices and addresses become live sources; nothing is opened yet."""
    source = open_source(spec, clock=clock)

    assert isinstance(source, OpenCvSource)
    assert source.live


def test_files_and_folders(video: Path, tmp_path: Path, clock: FrozenClock) -> None:
    """A video, a picture, a folder and a looped video each become their own source."""
    still = write_picture(tmp_path / "a.png")

    assert not open_source(str(video), clock=clock).live
    assert isinstance(open_source(str(still), clock=clock), PictureSource)
    assert isinstance(open_source(str(tmp_path), clock=clock), PictureSource)
    assert isinstance(open_source(str(video), clock=clock, loop=True), ReplaySource)


def test_a_paced_video_is_played_once(video: Path, clock: FrozenClock) -> None:
    """A file that stands in for a camera keeps its pace and ends at its end."""
    source = open_source(str(video), clock=clock, paced=True)

    assert isinstance(source, ReplaySource)
    assert source.live
    assert not source._loop


@pytest.mark.parametrize("name", ["a.png", ""])
def test_pictures_are_played_one_a_second(tmp_path: Path, clock: FrozenClock, name: str) -> None:
    """A picture or a folder of pictures can stand in for a slow camera."""
    write_picture(tmp_path / "a.png")

    with open_source(str(tmp_path / name), clock=clock, paced=True) as source:
        assert source.live
        assert source.read() is not None
        assert source.read() is None


def test_demo_is_the_bundled_clip(
    video: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word demo names the bundled clip, played as a camera."""
    monkeypatch.setattr(factory, "DEMO_CLIP", video)

    with open_source("demo", clock=clock) as source:
        assert source.live
        assert source.read() is not None


@pytest.mark.parametrize(
    "spec",
    ["", "  ", "ftp://cam/x", "rtsp://", "rtsp://:554/x", "http://[bad", "nowhere.mp4", "-1", "²",
     "file:///etc/passwd", "concat:a.mp4|b.mp4", "rtsp://cam:99999/", "a\x00b"],
)  # fmt: skip
def test_nonsense_is_refused(spec: str, clock: FrozenClock) -> None:
    """What names no source is a ConfigError that says what could be written."""
    with pytest.raises(ConfigError) as caught:
        open_source(spec, clock=clock)

    assert "demo" in caught.value.advice


def test_an_empty_folder_is_refused(tmp_path: Path, clock: FrozenClock) -> None:
    """A folder without pictures is a ConfigError."""
    with pytest.raises(ConfigError, match="no picture"):
        open_source(str(tmp_path), clock=clock)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("rtsp://user:hunter2@cam:554/live?token=hunter2", "rtsp://cam:554/live"),
        ("rtsp://user:hun@ter2@cam/live", "rtsp://cam/live"),
        ("http://cam/x#hunter2", "http://cam/x"),
        ("0", "0"),
        ("/home/somebody/clip.mp4", "clip.mp4"),
        ("demo", "demo"),
    ],
)
def test_safe_name_hides_credentials(spec: str, expected: str) -> None:
    """User, password, token and folders are left out of what may be shown."""
    assert safe_name(spec) == expected


@given(
    st.text("abcXYZ0123456789-._~!$&'()*+,;=:@%", min_size=1, max_size=12),
    st.sampled_from(["rtsp", "http", "ftp", "x"]),
    st.sampled_from(["cam", "[bad", "", "cam:port"]),
)
def test_no_error_ever_says_a_password(password: str, scheme: str, host: str) -> None:
    """Whatever is wrong with an address, no message repeats its password."""
    secret = f"Q{password}Q"
    spec = f"{scheme}://user:{secret}@{host}/x"

    assert secret not in safe_name(spec)
    with pytest.raises(AgentError) as caught:
        open_source(spec, clock=FrozenClock()).read()
    assert secret not in f"{caught.value} {caught.value.advice}"
