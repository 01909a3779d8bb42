"""In-memory implementations of the project's ports, and small media files, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import cv2
import numpy as np

from agent.capture.source import FrameSource, Picture, utc_ns
from agent.domain.facs import AU_SIDE_LABELS, SIDE_INDEX
from agent.domain.frame import Frame, FrameStatus
from agent.domain.observation import Look, Observation
from agent.errors import CameraUnavailable, FrameTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

VIDEO_FRAMES = 30
VIDEO_FPS = 10
NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


class FrozenClock:
    """A clock that moves only when told to; `sleep` moves it."""

    def __init__(self, now: datetime = NOON, monotonic: float = 100.0) -> None:
        self._now = now
        self._monotonic = monotonic
        self.boot_name = "first-boot"
        self.served: datetime | None = None
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the set instant."""
        return self._now

    def monotonic(self) -> float:
        """Return the set seconds."""
        return self._monotonic

    def since_boot(self) -> float:
        """Return the set seconds: this machine started when its monotonic clock did."""
        return self._monotonic

    def boot(self) -> str:
        """Return this machine's only run."""
        return self.boot_name

    def served_at(self) -> datetime | None:
        """Return what was set: no time server by default."""
        return self.served

    def set_wall(self, now: datetime) -> None:
        """Set the wall clock, as a person or a server does; no time passes."""
        self._now = now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass and remember how much."""
        self.slept.append(seconds)
        self.advance(seconds)


def picture(value: int = 128, size: tuple[int, int] = (64, 48)) -> Picture:
    """Return one gray picture of (width, height), uint8 (H, W, 3)."""
    return np.full((size[1], size[0], 3), value, np.uint8)


class FakeSource(FrameSource):
    """A camera (or file) whose pictures are given; an exception among them is raised.

    Each `open` after the first goes on with what is left, as a camera does.

    Attributes:
        outs: the buffers that `read` was given.
        dirt: the brightest value in each of them at that time; 0 for one that was wiped.
    """

    def __init__(
        self,
        pictures: Iterable[Picture | Exception],
        *,
        live: bool = True,
        refusals: int = 0,
        before_read: Callable[[], object] | None = None,
    ) -> None:
        """Describe the source.

        Args:
            pictures: given one after the other; then a file ends and a camera times out.
            live: camera or file.
            refusals: how many times `open` fails first.
            before_read: called before each read, to keep a test in step.
        """
        self.live = live
        self.opened = 0
        self.closed = 0
        self.skipped = 0
        self.outs: list[Picture | None] = []
        self.dirt: list[int] = []
        self._left = iter(list(pictures))
        self._refusals = refusals
        self._before_read = before_read
        self._sequence = 0

    def open(self) -> None:
        """Open, or refuse as told."""
        if self._refusals:
            self._refusals -= 1
            raise CameraUnavailable("no such camera")
        self.opened += 1

    def read(self, out: Picture | None = None) -> Frame | None:
        """Return the next picture in `out` where it fits."""
        if self._before_read is not None:
            self._before_read()
        self.outs.append(out)
        self.dirt.append(0 if out is None else int(out.max()))
        content = next(self._left, None)
        if content is None:
            if self.live:
                raise FrameTimeout("nothing left")
            return None
        if isinstance(content, Exception):
            raise content
        pixels = content.copy()
        if out is not None and out.shape == content.shape:
            out[...] = content
            pixels = out
        sequence, self._sequence = self._sequence, self._sequence + 1
        moment = sequence * 40_000_000
        return Frame(pixels, sequence, utc_ns(NOON) + moment, moment)

    def skip(self) -> bool:
        """Pass over one picture."""
        self.skipped += 1
        return self.read() is not None

    def close(self) -> None:
        """Count the closings."""
        self.closed += 1


def observation(track: int = 7, *, seed: int = 0, emotion: bool = True) -> Observation:
    """Return a plausible observation, the same for the same seed."""
    random = np.random.default_rng(seed)
    sides = random.uniform(0, 5, len(AU_SIDE_LABELS)).astype(np.float32)
    au = np.array([sides[list(index)].max() for index in SIDE_INDEX], np.float32)
    raw = random.uniform(0.1, 1, 8)
    return Observation(
        track=track,
        box=np.array([10, 12, 40, 44], np.float32) + 100 * track,
        confidence=0.9,
        landmarks=random.uniform(10, 40, (68, 2)).astype(np.float32),
        pose=np.array([10, -20, 5], np.float32),
        gaze=np.array([4, -6], np.float32),
        au_sides=sides,
        au=au,
        presence=au >= 1.0,
        emotion=(raw / raw.sum()).astype(np.float32) if emotion else None,
        quality=0.8,
        calibrated=True,
    )


class FakeBackend:
    """Sees as many faces as a script says; keeps what it was asked, never a pixel.

    Attributes:
        sums: the sum of each frame's pixels at the time of the look.
        frames: the frames themselves, to prove that they were wiped afterwards.
    """

    name = "fake"

    def __init__(
        self,
        faces: Callable[[Frame], int] = lambda frame: 1,
        *,
        on_look: Callable[[int], object] | None = None,
        offset: float = 0.0,
    ) -> None:
        """Describe what is seen.

        Args:
            faces: how many faces a frame shows.
            on_look: hears the number of looks so far; may raise.
            offset: added to every intensity, to tell two backends apart.
        """
        self.sums: list[int] = []
        self.frames: list[Frame] = []
        self.resets = 0
        self.closed = 0
        self._faces = faces
        self._on_look = on_look
        self._offset = np.float32(offset)

    def look(self, frame: Frame) -> Look:
        """See the scripted number of faces."""
        self.sums.append(int(frame.pixels.sum()))
        self.frames.append(frame)
        if self._on_look is not None:
            self._on_look(len(self.sums))
        seen = tuple(self._see(frame, number) for number in range(self._faces(frame)))
        return Look(FrameStatus.OK if seen else FrameStatus.NO_FACE, seen)

    def _see(self, frame: Frame, number: int) -> Observation:
        base = observation(900 + number, seed=frame.sequence * 10 + number)
        au = base.au + self._offset
        return Observation(
            track=base.track,
            box=np.array([10 + 60 * number, 5, 50 + 60 * number, 45], np.float32),
            confidence=base.confidence,
            landmarks=base.landmarks,
            pose=base.pose + self._offset,
            gaze=base.gaze,
            au_sides=base.au_sides,
            au=au,
            presence=base.presence,
            emotion=base.emotion,
            quality=base.quality,
            calibrated=base.calibrated,
        )

    def reset(self) -> None:
        """Count the resets."""
        self.resets += 1

    def close(self) -> None:
        """Count the closings."""
        self.closed += 1


def write_video(path: Path, frames: int = VIDEO_FRAMES, size: tuple[int, int] = (64, 48)) -> Path:
    """Write a video of noise whose brightness grows frame by frame."""
    random = np.random.default_rng(5)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), VIDEO_FPS, size)
    assert writer.isOpened()
    for number in range(frames):
        noise = random.integers(0, 60, (size[1], size[0], 3), dtype=np.uint8)
        writer.write(noise + np.uint8(5 * number % 180))
    writer.release()
    return path


def write_picture(path: Path, value: int = 90, size: tuple[int, int] = (64, 48)) -> Path:
    """Write a still picture, darker on its left half."""
    pixels = np.full((size[1], size[0], 3), value, np.uint8)
    pixels[:, : size[0] // 2] //= 3
    ok, encoded = cv2.imencode(path.suffix, pixels)
    assert ok
    path.write_bytes(encoded.tobytes())
    return path
