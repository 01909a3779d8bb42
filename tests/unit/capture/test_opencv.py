"""Video files give true times and honest ends; live sources give camera errors only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.capture.opencv import Address, Kind, OpenCvSource, is_truncated, next_position
from agent.errors import CameraUnavailable, MediaError
from tests.fakes import VIDEO_FRAMES, FrozenClock, write_picture, write_video

if TYPE_CHECKING:
    from pathlib import Path


def source_of(path: Path) -> OpenCvSource:
    """Return an unopened source of a file."""
    return OpenCvSource(Address(Kind.FILE, str(path), path.name), clock=FrozenClock())


def read_all(source: OpenCvSource) -> list[int]:
    """Return the times of all frames, nanoseconds."""
    times = []
    while (frame := source.read()) is not None:
        times.append(frame.captured_at_ns)
    return times


def test_frames_carry_the_files_own_time(video: Path) -> None:
    """Frame i of a file at 10 frames a second is at i x 100 ms, whatever the clock says."""
    with source_of(video) as source:
        times = read_all(source)

    assert times == [i * 100_000_000 for i in range(VIDEO_FRAMES)]


def test_skipped_frames_count(video: Path) -> None:
    """Passing over frames keeps sequence and time true."""
    with source_of(video) as source:
        source.read()
        assert source.skip()
        assert source.skip()
        frame = source.read()

    assert frame is not None
    assert (frame.sequence, frame.captured_at_ns) == (3, 300_000_000)


def test_decodes_into_the_given_buffer(video: Path) -> None:
    """A buffer that fits is written in place: a picture lives in one known array."""
    out = np.zeros((48, 64, 3), np.uint8)

    with source_of(video) as source:
        frame = source.read(out)

    assert frame is not None
    assert np.shares_memory(frame.pixels, out)
    assert out.max() > 0


def test_a_buffer_of_another_size_is_no_obstacle(video: Path) -> None:
    """A buffer that doesn't fit is left aside and the frame has its true size."""
    with source_of(video) as source:
        frame = source.read(np.zeros((10, 10, 3), np.uint8))

    assert frame is not None
    assert frame.size == (64, 48)


def test_opening_again_starts_again(video: Path) -> None:
    """A source that was closed can be read from its first frame once more."""
    source = source_of(video)
    with source:
        first = read_all(source)
    with source:
        assert read_all(source) == first


def test_whole_file_is_not_truncated(video: Path) -> None:
    """A complete file ends without the flag."""
    with source_of(video) as source:
        read_all(source)

        assert not source.truncated


def test_cut_file_gives_its_frames_and_the_flag(video: Path, tmp_path: Path) -> None:
    """A file cut in the middle gives what it holds, then ends as truncated."""
    whole = video.read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 2])

    with source_of(cut) as source:
        times = read_all(source)

        assert 0 < len(times) < VIDEO_FRAMES
        assert source.truncated


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"this is no video at all", "neither"),
        ("head.mp4", b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", "damaged"),
        ("list.m3u8", b"#EXTM3U\nhttp://192.0.2.1/secret.ts\n", "neither"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Empty, foreign, damaged files and playlists are refused with a clear sentence."""
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(MediaError, match=words), source_of(path):
        pass


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that isn't there is named as such."""
    with pytest.raises(MediaError, match="doesn't exist"), source_of(tmp_path / "gone.avi"):
        pass


def test_a_picture_is_no_video(tmp_path: Path) -> None:
    """A picture under a video's name is refused."""
    path = write_picture(tmp_path / "still.png").rename(tmp_path / "still.mp4")

    with pytest.raises(MediaError, match="is a picture"), source_of(path):
        pass


def test_a_header_without_frames_is_refused(tmp_path: Path) -> None:
    """A container that opens but holds no frame is a MediaError, not an empty success."""
    whole = write_video(tmp_path / "a.avi", frames=3).read_bytes()
    path = tmp_path / "bare.avi"
    path.write_bytes(whole[: whole.index(b"movi") + 4])

    with pytest.raises(MediaError), source_of(path) as source:
        source.read()


def test_reading_a_closed_source_is_refused(video: Path) -> None:
    """Reading before open gives the port's own error, not OpenCV's."""
    with pytest.raises(MediaError, match="isn't open"):
        source_of(video).read()


@pytest.mark.parametrize(
    "address",
    [
        Address(Kind.DEVICE, "/dev/video-none", "/dev/video-none"),
        Address(Kind.INDEX, "97", "camera 97"),
        Address(Kind.URL, "rtsp://user:hunter2@127.0.0.1:1/x", "rtsp://127.0.0.1:1/x"),
    ],
)
def test_a_missing_camera_is_unavailable(
    address: Address, capfd: pytest.CaptureFixture[str]
) -> None:
    """A camera that isn't there raises CameraUnavailable; no password is printed by anybody."""
    with (
        pytest.raises(CameraUnavailable) as caught,
        OpenCvSource(address, clock=FrozenClock()),
    ):
        pass

    printed = "".join(capfd.readouterr())
    assert "hunter2" not in str(caught.value) + printed


def test_an_absurd_picture_size_is_refused(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that claims a picture of millions of pixels a side isn't allocated for."""
    monkeypatch.setattr("agent.capture.opencv.MAX_FRAME_SIDE", 32)

    with pytest.raises(MediaError, match="64 x 48"), source_of(video):
        pass


def test_opencv_errors_stay_inside(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of OpenCV in the middle of a file ends the file; it doesn't escape."""

    class Broken:
        def read(self, out: object) -> None:
            raise cv2.error("boom")

        def retrieve(self) -> None:
            raise cv2.error("boom")

        def release(self) -> None:
            pass

    with source_of(video) as source:
        source.read()
        monkeypatch.setattr(source, "_capture", Broken())

        assert source.read() is None
        assert source.truncated


@given(st.lists(st.integers(-10, 10**12), max_size=40), st.floats(1, 240))
def test_time_in_a_file_always_grows(reported: list[int], fps: float) -> None:
    """Whatever a container reports, each frame is later than the one before."""
    last = -1
    for moment in reported:
        following = next_position(last, moment, fps)
        assert following > last
        last = following


def test_a_container_without_times_uses_its_rate() -> None:
    """A container that says 0 for each frame gets times from its nominal rate."""
    times = [-1]
    for _ in range(3):
        times.append(next_position(times[-1], 0, 25.0))

    assert times[1:] == [0, 40_000_000, 80_000_000]


@pytest.mark.parametrize(
    ("frames", "promised", "last", "expected"),
    [
        (1000, 1000, 39.96, False),
        (990, 1000, 39.5, False),
        (400, 1000, 15.96, True),
        (400, 1000, 39.96, False),  # variable rate: few frames, whole duration
        (100, 0, 3.96, False),  # the header promises nothing
    ],
)
def test_truncated_needs_both_count_and_time(
    frames: int, promised: int, last: float, *, expected: bool
) -> None:
    """A file is truncated only when its frames and its time both fall clearly short."""
    assert is_truncated(frames, promised, last, 25.0) == expected
