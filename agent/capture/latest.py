"""The newest frame of a source, read by a thread of its own; older ones are never queued.

Rules:
- Three slots are allocated once a picture's size is known and swapped under a lock: one being
  written, one newest, one lent to the caller. No frame waits anywhere else.
- A frame that nobody took before the next one came is counted in `dropped` and wiped.
- The lent frame belongs to the caller until the next `take` or `close`, which wipe it.
- A live source that fails is closed and opened again, with growing pauses; `on_status` hears
  `camera_lost` once and `ok` at the first frame afterwards. A file that fails ends: `take` raises
  its `MediaError`.
- Only the reading thread touches the source. If a driver hangs inside a read, `close` gives up
  after its bound; the thread is a daemon and keeps no slot.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Self

from agent.domain.frame import Frame, FrameStatus
from agent.errors import CameraError, CameraUnavailable, FrameTimeout, MediaError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from agent.capture.source import FrameSource, Picture
    from agent.clock import Clock

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


class LatestFrame:
    """Lends out the newest frame of a source.

    Attributes:
        dropped: frames that came and were overwritten unseen.
        reconnects: how often the source was opened anew after it failed.
    """

    def __init__(
        self,
        source: FrameSource,
        *,
        on_status: Callable[[FrameStatus], None] | None = None,
        first_pause: float = FIRST_PAUSE_SECONDS,
        clock: Clock | None = None,
        max_hz: float | None = None,
    ) -> None:
        """Describe the reader; the source is opened by `start`, in the reading thread.

        Args:
            source: what to read; owned from now on.
            on_status: hears `camera_lost` and `ok`; called from the reading thread.
            first_pause: seconds before the first attempt to reconnect; doubles up to 30.
            clock: needed with `max_hz`.
            max_hz: decode no more frames a second than this and pass over the others, which
                saves a small computer's time; they don't count as dropped. Twice the rate at
                which frames are taken keeps the newest one fresh.
        """
        assert max_hz is None or clock is not None, "max_hz needs a clock"
        self.dropped = 0
        self.reconnects = 0
        self._source = source
        self._on_status = on_status
        self._clock = clock
        self._gap = 0.0 if max_hz is None else 1 / max_hz
        self._decoded_at = -math.inf
        self._first_pause = first_pause
        self._pause = first_pause
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._newest: Frame | None = None
        self._lent: Frame | None = None
        self._spare: list[Picture] = []
        self._lost = False
        self._ended = False
        self._failure: MediaError | None = None

    @property
    def lost(self) -> bool:
        """Whether the camera is gone at present."""
        return self._lost

    def start(self) -> Self:
        """Begin to read; calling it twice is a mistake."""
        assert self._thread is None, "already started"
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()
        return self

    def take(self, timeout: float) -> Frame | None:
        """Return the newest frame that wasn't taken yet, or None when a file has ended.

        Args:
            timeout: seconds to wait for one.

        Raises:
            FrameTimeout: none came in time.
            CameraUnavailable: none came in time and the camera is lost.
            MediaError: the file behind the source failed.
        """
        with self._changed:
            self._reclaim()
            self._changed.wait_for(lambda: self._newest is not None or self._ended, timeout)
            if self._newest is not None:
                self._lent, self._newest = self._newest, None
                return self._lent
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return None
            if self._lost:
                raise CameraUnavailable("the camera is lost; it is being reconnected")
            raise FrameTimeout(f"no new frame within {timeout:g} s")

    def _reclaim(self) -> None:
        """Wipe what was lent and make it a spare slot."""
        if self._lent is not None:
            self._lent.wipe()
            self._spare.append(self._lent.pixels)
            self._lent = None

    def ask_to_close(self) -> None:
        """Let the reading thread end when it can; `close` still has to be called."""
        self._closing.set()

    def close(self, timeout: float = 2.0) -> bool:
        """Stop reading and wipe all slots.

        Args:
            timeout: seconds to wait for the thread.

        Returns:
            False where a driver hangs and the thread was left behind.
        """
        self._closing.set()
        stopped = True
        if self._thread is not None:
            self._thread.join(timeout)
            stopped = not self._thread.is_alive()
        with self._changed:
            self._reclaim()
            if self._newest is not None:
                self._newest.wipe()
                self._newest = None
            self._spare.clear()
            self._ended = True
            self._changed.notify_all()
        return stopped

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                try:
                    self._source.open()
                    self._read_on()
                except CameraError:
                    self._report_lost()
                    self._source.close()
                    self._closing.wait(self._pause)
                    self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
                    self.reconnects += 1
                else:
                    return
        except MediaError as error:
            self._failure = error
        finally:
            self._source.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _read_on(self) -> None:
        """Read until the file's end, a failure, or `close`."""
        while not self._closing.is_set():
            if self._too_soon():
                if not self._source.skip():
                    return
                continue
            slot = self._slot()
            frame = None
            try:
                frame = self._source.read(slot)
            finally:
                if slot is not None and (frame is None or frame.pixels is not slot):
                    slot.fill(0)  # a failed read may have left half a picture
            if frame is None:
                return
            self._publish(frame)

    def _too_soon(self) -> bool:
        if self._clock is None:
            return False
        now = self._clock.monotonic()
        if now - self._decoded_at < self._gap:
            return True
        self._decoded_at = now
        return False

    def _slot(self) -> Picture | None:
        with self._changed:
            return self._spare.pop() if self._spare else None

    def _publish(self, frame: Frame) -> None:
        with self._changed:
            if self._closing.is_set():
                frame.wipe()
                return
            if self._newest is not None:
                self.dropped += 1
                self._newest.wipe()
                self._spare.append(self._newest.pixels)
            self._newest = frame
            # A source that changed its size gave a buffer of its own: old sizes are of no use.
            self._spare = [slot for slot in self._spare if slot.shape == frame.pixels.shape]
            self._changed.notify_all()
        self._pause = self._first_pause
        if self._lost:
            self._lost = False
            self._tell(FrameStatus.OK)

    def _report_lost(self) -> None:
        if not self._lost:
            self._lost = True
            self._tell(FrameStatus.CAMERA_LOST)

    def _tell(self, status: FrameStatus) -> None:
        if self._on_status is not None and not self._closing.is_set():
            self._on_status(status)
