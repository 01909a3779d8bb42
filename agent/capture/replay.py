"""A video file or a folder of pictures played as if it were a camera: for demo and rehearsal.

Frames come at their own pace and are stamped with the clock, not with the file's time. A reader
that comes late gets the next frame at once; nothing is made up for.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from agent.capture.source import NS_PER_SECOND, FrameSource, utc_ns
from agent.domain.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.capture.files import PictureSource
    from agent.capture.opencv import OpenCvSource
    from agent.capture.source import Picture
    from agent.clock import Clock


class ReplaySource(FrameSource):
    """A file in a camera's clothes; its errors stay a file's errors."""

    live = True

    def __init__(
        self,
        file: OpenCvSource | PictureSource,
        *,
        clock: Clock,
        loop: bool = False,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Describe the replay; nothing is opened yet.

        Args:
            file: the video, or pictures (one a second).
            clock: paces and stamps the frames.
            loop: begin again at the end, for ever.
            wait: sleeps for so many seconds; by default one that `close` ends at once.
        """
        self._file = file
        self._clock = clock
        self._loop = loop
        self._closing = threading.Event()
        self._wait = wait if wait is not None else self._closing.wait
        self._sequence = 0
        self._start = 0.0
        self._position = 0.0

    def open(self) -> None:
        """Open the file and start its time now."""
        self._file.open()
        self._closing.clear()
        self._sequence = 0
        self._start = self._clock.monotonic()
        self._position = self._before_first

    @property
    def _before_first(self) -> float:
        """Where the frame before the first one would be, seconds."""
        return -1 / self._file.fps

    def read(self, out: Picture | None = None) -> Frame | None:
        """Return the next frame when its time has come; see `FrameSource.read`."""
        frame = self._file.read(out)
        if frame is None:
            if not self._rewind():
                return None
            frame = self._file.read(out)
            if frame is None:
                return None
        self._keep_pace(frame.monotonic_ns / NS_PER_SECOND)
        moment = int(self._clock.monotonic() * NS_PER_SECOND)
        sequence, self._sequence = self._sequence, self._sequence + 1
        return Frame(frame.pixels, sequence, utc_ns(self._clock.now()), moment)

    def skip(self) -> bool:
        """Pass over one frame when its time has come."""
        if not self._file.skip() and not (self._rewind() and self._file.skip()):
            return False
        self._keep_pace(self._position + 1 / self._file.fps)
        self._sequence += 1
        return True

    def _keep_pace(self, position: float) -> None:
        self._position = position
        ahead = self._start + position - self._clock.monotonic()
        if ahead > 0:
            self._wait(ahead)

    def _rewind(self) -> bool:
        if not self._loop or self._closing.is_set():
            return False
        self._file.open()
        # The last frame is shown for as long as every other.
        self._start += self._position + 1 / self._file.fps
        self._position = self._before_first
        return True

    def close(self) -> None:
        """End a wait and release the file."""
        self._closing.set()
        self._file.close()
