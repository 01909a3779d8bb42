"""Cameras, streams and video files through OpenCV.

Rules:
- Time of a file's frame is what the container says (`CAP_PROP_POS_MSEC` after the read, the
  frame's own presentation time, so variable frame rates stay true). Where a container reports
  nothing, 0 again, or runs backwards, the last time plus one nominal frame is used instead:
  time in a file always grows.
- A live source that returns nothing has lost its camera. OpenCV may also return the last picture
  for ever; `capture.guard` finds that.
- The decoders are silenced: FFmpeg would print to stderr what is in the address or the file.
- A file is opened by its absolute path, and FFmpeg may use only the containers and protocols listed
  here. Otherwise a hostile file's *name* could be an address (`concat:...`) or a pattern for its
  neighbours (`x%d.png`), and its content a playlist that names other files or machines.
- OpenCV and FFmpeg keep the last decoded picture in a buffer of their own until the next read or
  `close`; it can't be wiped from Python.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from agent.capture.ffmpeg import restrict
from agent.capture.files import check_video_file
from agent.capture.source import NS_PER_SECOND, FrameSource, utc_ns
from agent.domain.frame import Frame
from agent.errors import CameraUnavailable, FrameTimeout, MediaError

if TYPE_CHECKING:
    from agent.capture.source import Picture
    from agent.clock import Clock

restrict(os.environ)

OPEN_TIMEOUT_MS = 10_000
READ_TIMEOUT_MS = 5_000
MAX_FRAME_SIDE = 16_384
"""Pixels. A header that claims more is damage or an attack."""
MAX_FRAME_PIXELS = 2**26
"""67 megapixels, 200 MB decoded; an 8K camera has 33."""
DEFAULT_FPS = 25.0
TRUNCATION_MARGIN = 0.05
"""A container's frame count is an estimate: less than this share missing isn't called truncated."""
TRUNCATION_FRAMES = 5


class Kind(Enum):
    """What an address names."""

    INDEX = "index"
    DEVICE = "device"
    URL = "url"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source is.

    Attributes:
        kind: which of OpenCV's backends opens it.
        target: index, device path, URL or file path, as text.
        label: the same without credentials; the only form that may be printed.
    """

    kind: Kind
    target: str
    label: str


class OpenCvSource(FrameSource):
    """One camera, stream or video file."""

    def __init__(self, address: Address, *, clock: Clock, threads: int = 1) -> None:
        """Describe the source; nothing is opened yet.

        Args:
            address: what to open.
            clock: stamps live frames.
            threads: of FFmpeg's decoder; 1 keeps a small computer's other cores free.
        """
        self.live = address.kind is not Kind.FILE
        self._address = address
        self._clock = clock
        self._threads = threads
        self._capture: cv2.VideoCapture | None = None
        self._rewind()

    def _rewind(self) -> None:
        self._sequence = 0
        self._position_ns = -1
        self._fps = DEFAULT_FPS
        self.frame_count = 0
        self.truncated = False

    @property
    def fps(self) -> float:
        """Nominal frames a second; a default of 25 where the source doesn't say."""
        return self._fps

    def open(self) -> None:
        """Open the device, stream or file, from its start."""
        self.close()
        self._rewind()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        if not self.live:
            check_video_file(Path(self._address.target))
        try:
            capture = self._new_capture()
            opened = capture.isOpened()
        except cv2.error:
            opened = False
        if not opened:
            raise self._unopened()
        self._capture = capture
        fps = capture.get(cv2.CAP_PROP_FPS)
        self._fps = fps if 0 < fps <= 1000 else DEFAULT_FPS
        self.frame_count = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self._check_size(capture)

    def _new_capture(self) -> cv2.VideoCapture:
        match self._address.kind:
            case Kind.INDEX:
                # CAP_ANY: each system has a native backend of its own for an index.
                capture = cv2.VideoCapture(int(self._address.target))
            case Kind.DEVICE:
                capture = cv2.VideoCapture(self._address.target, cv2.CAP_V4L2)
            case Kind.URL:
                limits = [
                    cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS,
                    cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS,
                    cv2.CAP_PROP_N_THREADS, self._threads,
                ]  # fmt: skip
                capture = cv2.VideoCapture(self._address.target, cv2.CAP_FFMPEG, limits)
            case Kind.FILE:
                threads = [cv2.CAP_PROP_N_THREADS, self._threads]
                path = str(Path(self._address.target).absolute())
                capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, threads)
        if self._address.kind in {Kind.INDEX, Kind.DEVICE}:
            # Old pictures in a driver's queue are late pictures; a driver may ignore this.
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return capture

    def _unopened(self) -> CameraUnavailable | MediaError:
        if self.live:
            return CameraUnavailable(f"{self._address.label} can't be opened")
        return MediaError(f"{self._address.label} isn't a readable video (damaged or cut short)")

    def _check_size(self, capture: cv2.VideoCapture) -> None:
        width = capture.get(cv2.CAP_PROP_FRAME_WIDTH)
        height = capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if max(width, height) > MAX_FRAME_SIDE or width * height > MAX_FRAME_PIXELS:
            self.close()
            message = f"{self._address.label} claims a picture of {width:.0f} x {height:.0f} pixels"
            raise CameraUnavailable(message) if self.live else MediaError(message)

    def read(self, out: Picture | None = None) -> Frame | None:
        """Return the next frame; see `FrameSource.read`."""
        pixels = self._decode(out)
        if pixels is None:
            self._end()
            return None
        return self._stamp(_as_bgr(pixels))

    def skip(self) -> bool:
        """Pass over one frame; see `FrameSource.skip`."""
        try:
            ok = self._opened().grab()
        except cv2.error:
            ok = False
        if not ok:
            self._end()
            return False
        self._advance()
        return True

    def _decode(self, out: Picture | None) -> Picture | None:
        capture = self._opened()
        try:
            ok, pixels = capture.read(out)
        except cv2.error:
            # A stream that changes its size in the middle may not fit `out`.
            try:
                ok, pixels = capture.retrieve()
            except cv2.error:
                return None
        return np.asarray(pixels, np.uint8) if ok and pixels is not None else None

    def _opened(self) -> cv2.VideoCapture:
        if self._capture is None:
            message = f"{self._address.label} isn't open"
            raise CameraUnavailable(message) if self.live else MediaError(message)
        return self._capture

    def _stamp(self, pixels: Picture) -> Frame:
        sequence = self._sequence
        self._advance()
        if not self.live:
            return Frame(pixels, sequence, self._position_ns, self._position_ns)
        moment = int(self._clock.monotonic() * NS_PER_SECOND)
        return Frame(pixels, sequence, utc_ns(self._clock.now()), moment)

    def _advance(self) -> None:
        self._sequence += 1
        if not self.live:
            reported = round(self._opened().get(cv2.CAP_PROP_POS_MSEC) * 1e6)
            self._position_ns = next_position(self._position_ns, reported, self._fps)

    def _end(self) -> None:
        if self.live:
            raise FrameTimeout(f"{self._address.label} gives no picture")
        if self._sequence == 0:
            raise MediaError(f"{self._address.label} holds no readable frame")
        self.truncated = is_truncated(
            self._sequence, self.frame_count, self._position_ns / NS_PER_SECOND, self._fps
        )

    def close(self) -> None:
        """Release the device or the file; harmless when it isn't open."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


def next_position(last_ns: int, reported_ns: int, fps: float) -> int:
    """Return the time of a file's next frame; it always grows.

    Args:
        last_ns: time of the frame before, or -1 before the first.
        reported_ns: what the container says.
        fps: nominal rate, for containers that say nothing useful.
    """
    if last_ns < 0:
        return max(0, reported_ns)
    if reported_ns > last_ns:
        return reported_ns
    return last_ns + round(NS_PER_SECOND / fps)


def is_truncated(frames: int, promised: int, last_seconds: float, fps: float) -> bool:
    """Say whether a file ended clearly before what its header promised.

    Both the count and the time must fall short: the count alone is wrong in files of variable
    rate, the time alone in files with edit lists.

    Args:
        frames: read.
        promised: the header's count; 0 where it has none.
        last_seconds: time of the last frame.
        fps: nominal rate.
    """
    missing = promised - frames
    margin = max(TRUNCATION_FRAMES, TRUNCATION_MARGIN * promised)
    return missing > margin and last_seconds + margin / fps < promised / fps


def _as_bgr(pixels: Picture) -> Picture:
    """Give a camera's gray or four-channel picture the shape that a `Frame` promises."""
    if pixels.ndim == 2:
        return np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.shape[2] == 4:
        return np.ascontiguousarray(pixels[:, :, :3])
    return pixels
