"""The port of everything that gives frames, and the one meaning of time in them.

Rules:
- `open` before `read`; `close` may be called at any time and twice; a closed source may be opened
  again.
- `read(out)` decodes into `out` where that array fits and the decoder allows it, so that a picture
  lives in one known place; the frame's `pixels` are then `out` itself.
- The frame's owner wipes it (`Frame.wipe`); a source keeps no reference to its pixels.
- A live source stamps frames with the clock. A file stamps them with the position in the file, in
  both time fields, because smoothing and rates follow the time of the picture and not the time of
  the computer that looks at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from agent.domain.frame import Frame

Picture = npt.NDArray[np.uint8]
"""uint8 (H, W, 3), BGR."""

NS_PER_SECOND = 1_000_000_000


class FrameSource(Protocol):
    """Port of a camera, a stream, a video file or pictures.

    Attributes:
        live: True where frames come in real time.
        frame_count: frames that a file's header promises, an estimate; 0 where unknown.
        truncated: True after the end of a file that stops clearly before what it promised.
    """

    live: bool
    frame_count: int = 0
    truncated: bool = False

    def open(self) -> None:
        """Get ready to read from the start.

        Raises:
            CameraUnavailable: a live source can't be opened.
            MediaError: a file is missing, empty or not what it should be.
        """

    def read(self, out: Picture | None = None) -> Frame | None:
        """Return the next frame, or None at the end of a finite source.

        Args:
            out: uint8 (H, W, 3) that the picture is decoded into where it fits.

        Raises:
            CameraError: a live source gave nothing usable.
            MediaError: a file ends before its first frame.
        """

    def skip(self) -> bool:
        """Pass over one frame without looking at it; False at the end of a finite source.

        Raises:
            CameraError: a live source gave nothing usable.
            MediaError: a file ends before its first frame.
        """

    def close(self) -> None:
        """Release the device or the file."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def utc_ns(instant: datetime) -> int:
    """Return nanoseconds since 1970 (UTC) of an aware instant, without rounding through floats."""
    since = instant - instant.min.replace(year=1970, tzinfo=instant.tzinfo)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
