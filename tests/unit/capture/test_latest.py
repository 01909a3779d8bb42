"""The newest frame wins, older ones are counted and wiped, a lost camera comes back."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from agent.capture.latest import LatestFrame
from agent.domain.frame import FrameStatus
from agent.errors import CameraUnavailable, FrameTimeout, MediaError
from tests.fakes import FakeSource, FrozenClock, picture

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def pictures(*values: int) -> list[np.ndarray]:
    """Return one picture per gray value."""
    return [picture(value) for value in values]


def test_newest_frame_wins_and_the_others_are_counted() -> None:
    """Of frames that came before anybody looked, the last is given and the others are dropped."""
    reader = LatestFrame(FakeSource(pictures(10, 20, 30), live=False))

    with reader:
        until(lambda: reader._ended)
        frame = reader.take(1)

        assert frame is not None
        assert int(frame.pixels[0, 0, 0]) == 30
        assert reader.dropped == 2


def test_dropped_frames_are_wiped() -> None:
    """The pictures of frames that nobody took are zeros in memory, not leftovers."""
    source = FakeSource(pictures(10, 20, 30, 40, 50), live=False)

    with LatestFrame(source) as reader:
        until(lambda: reader._ended)

    assert any(out is not None for out in source.outs)
    assert source.dirt == [0] * 6


def test_slots_are_reused() -> None:
    """However many frames pass, they share at most three buffers."""
    source = FakeSource(pictures(*range(1, 60)), live=False)

    with LatestFrame(source) as reader:
        until(lambda: reader._ended)

    buffers = {id(out) for out in source.outs if out is not None}
    assert len(buffers) <= 3
    assert sum(out is None for out in source.outs) <= 3


def test_lent_frame_is_wiped_by_the_next_take() -> None:
    """A frame lives until its taker asks for the next one, not longer."""
    gate = threading.Semaphore(0)
    source = FakeSource(pictures(10, 20, 30), live=False, before_read=gate.acquire)

    with LatestFrame(source) as reader:
        gate.release()
        first = reader.take(5)
        assert first is not None
        pixels = first.pixels
        assert int(pixels[0, 0, 0]) == 10
        with pytest.raises(FrameTimeout):
            reader.take(0.01)
        assert int(pixels.max()) == 0
        for _ in range(3):
            gate.release()


def test_a_lent_frame_is_not_overwritten_by_newer_ones() -> None:
    """While a frame is being looked at, the thread writes to other slots."""
    gate = threading.Semaphore(0)
    source = FakeSource(pictures(10, 20, 30, 40), live=False, before_read=gate.acquire)

    with LatestFrame(source) as reader:
        gate.release()
        frame = reader.take(5)
        assert frame is not None
        for _ in range(4):
            gate.release()
        until(lambda: reader._ended)
        assert int(frame.pixels.min()) == int(frame.pixels.max()) == 10


def test_close_wipes_every_slot() -> None:
    """After close neither the lent nor the waiting frame holds a picture."""
    gate = threading.Semaphore(0)
    source = FakeSource(pictures(10, 20), live=False, before_read=gate.acquire)
    reader = LatestFrame(source).start()
    gate.release()
    lent = reader.take(5)
    gate.release(2)
    until(lambda: reader._ended)
    waiting = reader._newest
    assert lent is not None
    assert waiting is not None

    stopped = reader.close()

    assert stopped
    assert int(lent.pixels.max()) == 0
    assert int(waiting.pixels.max()) == 0
    assert source.closed >= 1


def test_end_of_a_file_is_none() -> None:
    """A finite source ends with None, after its last frame was given."""
    with LatestFrame(FakeSource(pictures(10), live=False)) as reader:
        until(lambda: reader._ended)

        assert reader.take(1) is not None
        assert reader.take(1) is None


def test_no_frame_in_time_is_refused() -> None:
    """A camera that is open but silent raises FrameTimeout."""
    gate = threading.Semaphore(0)
    source = FakeSource(pictures(10), before_read=gate.acquire)

    with LatestFrame(source) as reader:
        with pytest.raises(FrameTimeout):
            reader.take(0.02)
        gate.release(2)


def test_a_lost_camera_is_opened_again() -> None:
    """A camera that fails is reported lost once, reopened, and reported well at its next frame."""
    heard: list[FrameStatus] = []
    content = [picture(10), FrameTimeout("unplugged"), FrameTimeout("still"), picture(20)]
    gate = threading.Semaphore(4)
    source = FakeSource(content, before_read=gate.acquire)

    with LatestFrame(source, on_status=heard.append, first_pause=0.01) as reader:
        until(lambda: len(heard) == 2)
        frame = reader.take(1)
        gate.release()

    assert frame is not None
    assert int(frame.pixels.max()) in {0, 20}
    assert heard == [FrameStatus.CAMERA_LOST, FrameStatus.OK]
    assert reader.reconnects >= 2


def test_a_camera_that_is_not_there_at_first_is_waited_for() -> None:
    """A missing camera at the start isn't fatal: the reader keeps trying."""
    gate = threading.Semaphore(1)
    source = FakeSource(pictures(33), refusals=3, before_read=gate.acquire)

    with LatestFrame(source, first_pause=0.005) as reader:
        frame = reader.take(5)
        assert frame is not None
        assert int(frame.pixels.max()) == 33
        gate.release()


def test_take_says_that_the_camera_is_lost() -> None:
    """While the camera is away, take raises CameraUnavailable rather than a plain timeout."""
    source = FakeSource([], refusals=10_000)

    with LatestFrame(source, first_pause=30) as reader:
        until(lambda: reader.lost)
        with pytest.raises(CameraUnavailable):
            reader.take(0.01)


def test_close_ends_a_long_pause_at_once() -> None:
    """Close doesn't wait for the next attempt to reconnect."""
    reader = LatestFrame(FakeSource([], refusals=10_000), first_pause=30).start()
    until(lambda: reader.lost)
    started = time.monotonic()

    stopped = reader.close()

    assert stopped
    assert time.monotonic() - started < 2


def test_close_gives_up_on_a_hanging_driver() -> None:
    """A read that never returns can't hold close beyond its bound."""
    gate = threading.Semaphore(0)
    reader = LatestFrame(FakeSource(pictures(10), before_read=gate.acquire)).start()

    stopped = reader.close(timeout=0.05)

    assert not stopped
    gate.release(2)


def test_a_file_that_fails_is_not_retried() -> None:
    """A damaged file's MediaError reaches the taker; there is no reconnecting."""
    source = FakeSource([picture(10), MediaError("damaged")], live=False)

    with LatestFrame(source) as reader:
        until(lambda: reader._ended)
        reader.take(1)
        with pytest.raises(MediaError, match="damaged"):
            reader.take(1)

    assert source.opened == 1


def test_a_camera_may_change_its_size() -> None:
    """A picture of another size gets a buffer of its own; the old ones are let go."""
    content = [picture(10), picture(20), picture(30, (32, 24)), picture(40, (32, 24))]

    with LatestFrame(FakeSource(content, live=False)) as reader:
        until(lambda: reader._ended)
        frame = reader.take(1)

        assert frame is not None
        assert frame.size == (32, 24)
        assert all(slot.shape == (24, 32, 3) for slot in reader._spare)


def test_no_more_frames_are_decoded_than_asked_for() -> None:
    """With a limit of 10 a second, a camera of 40 a second has every fourth frame decoded."""
    clock = FrozenClock()
    source = FakeSource(
        pictures(*range(1, 41)), live=False, before_read=lambda: clock.advance(0.025)
    )

    with LatestFrame(source, clock=clock, max_hz=10) as reader:
        until(lambda: reader._ended)

    assert 9 <= len(source.outs) - source.skipped <= 11
    assert reader.dropped <= 10
