"""A file played as a camera keeps its pace, takes the clock's time, and may go round for ever."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from agent.capture.opencv import Address, Kind, OpenCvSource
from agent.capture.replay import ReplaySource
from agent.capture.source import utc_ns
from agent.errors import MediaError
from tests.fakes import NOON, VIDEO_FRAMES, FrozenClock

if TYPE_CHECKING:
    from pathlib import Path


def replay(path: Path, clock: FrozenClock, *, loop: bool = False) -> ReplaySource:
    """Return an unopened replay whose sleep moves the clock."""
    file = OpenCvSource(Address(Kind.FILE, str(path), path.name), clock=clock)
    return ReplaySource(file, clock=clock, loop=loop, wait=clock.sleep)


def test_frames_come_at_their_own_pace(video: Path, clock: FrozenClock) -> None:
    """Frame i of a file at 10 frames a second comes i x 100 ms after the start."""
    started = clock.monotonic()

    with replay(video, clock) as source:
        moments = []
        while (frame := source.read()) is not None:
            moments.append(frame.monotonic_ns / 1e9 - started)

    assert moments == pytest.approx([0.1 * i for i in range(VIDEO_FRAMES)], abs=1e-6)


def test_frames_carry_the_clocks_time(video: Path, clock: FrozenClock) -> None:
    """A replayed frame is stamped with the present, not with the file's time."""
    with replay(video, clock) as source:
        source.read()
        frame = source.read()

    assert frame is not None
    assert frame.captured_at_ns - utc_ns(NOON) == pytest.approx(100_000_000, abs=1000)


def test_a_late_reader_doesnt_wait(video: Path, clock: FrozenClock) -> None:
    """Who comes late gets the next frame at once."""
    with replay(video, clock) as source:
        source.read()
        clock.advance(60)
        source.read()

    assert clock.slept == []


def test_a_loop_never_ends_and_time_goes_on(video: Path, clock: FrozenClock) -> None:
    """A looped clip begins again; sequence and time keep growing evenly."""
    with replay(video, clock, loop=True) as source:
        frames = [source.read() for _ in range(2 * VIDEO_FRAMES + 3)]

    assert [frame.sequence for frame in frames if frame] == list(range(2 * VIDEO_FRAMES + 3))
    gaps = {
        round((b.monotonic_ns - a.monotonic_ns) / 1e6)
        for a, b in itertools.pairwise(frames)
        if a and b
    }
    assert gaps == {100}


def test_without_a_loop_it_ends(video: Path, clock: FrozenClock) -> None:
    """A clip that isn't looped ends with None; skipping says so too."""
    with replay(video, clock) as source:
        for _ in range(VIDEO_FRAMES):
            assert source.skip()

        assert not source.skip()
        assert source.read() is None


def test_a_damaged_clip_stays_a_media_error(tmp_path: Path, clock: FrozenClock) -> None:
    """A clip that can't be read isn't taken for a lost camera."""
    path = tmp_path / "bad.avi"
    path.write_bytes(b"RIFF\x00\x00\x00\x00AVI ")

    with pytest.raises(MediaError), replay(path, clock):
        pass


@pytest.mark.parametrize("reads", [1, 2, 4])
def test_a_loop_keeps_its_pace_whoever_passes_the_end(
    video: Path, clock: FrozenClock, reads: int
) -> None:
    """Where the last frame is skipped, too, the next one comes in its place, not a clip later."""
    with replay(video, clock, loop=True) as source:
        gaps, before = [], clock.monotonic()
        for step in range(5 * VIDEO_FRAMES):
            assert source.skip() if step % reads else source.read()
            gaps.append(clock.monotonic() - before)
            before = clock.monotonic()

    assert pytest.approx([0.1] * (len(gaps) - 1), abs=1e-6) == gaps[1:]


def test_a_loop_of_skipped_frames_keeps_its_pace(video: Path, clock: FrozenClock) -> None:
    """Frames that nobody looks at take as long as those that somebody does."""
    with replay(video, clock, loop=True) as source:
        started = clock.monotonic()
        for _ in range(2 * VIDEO_FRAMES + 1):
            assert source.skip()

    assert pytest.approx(0.2 * VIDEO_FRAMES) == clock.monotonic() - started
