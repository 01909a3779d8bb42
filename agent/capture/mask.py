"""Blanks parts of a picture in place, right after it was decoded and before anything sees it.

Rules:
- A zone's `masks` are blanked; where it has `keep`, everything outside of those is blanked too.
- Polygons are shares of the picture (0-1), drawn once for each size of picture that comes.
- Every pixel that a border touches is blanked, and one more around it, so rounding never shows a
  sliver of what should be hidden.
- A frame that can't be masked is wiped, not passed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from agent.capture.source import FrameSource

if TYPE_CHECKING:
    from agent.capture.source import Picture
    from agent.domain.frame import Frame
    from agent.domain.policy import Polygon

_FRACTION_BITS = 8
"""Corners are handed to OpenCV as fixed-point numbers with so many bits behind the point."""


class Mask:
    """What of a zone's pictures may be seen."""

    def __init__(self, masks: tuple[Polygon, ...], keep: tuple[Polygon, ...] = ()) -> None:
        """Take polygons as the policy has them; nothing is drawn yet."""
        self._masks, self._keep = masks, keep
        self._drawn: dict[tuple[int, int], Picture] = {}

    def blank(self, pixels: Picture) -> None:
        """Set to zero what mustn't be seen, uint8 (H, W, 3), in place."""
        height, width = pixels.shape[:2]
        visible = self._drawn.get((height, width))
        if visible is None:
            # A camera has one size at a time; a stream that changes it forever must not fill RAM.
            self._drawn.clear()
            visible = self._drawn[height, width] = self._draw(height, width)
        cv2.bitwise_and(pixels, visible, dst=pixels)

    def _draw(self, height: int, width: int) -> Picture:
        """Return uint8 (H, W, 3): 255 where a pixel may be seen, else 0."""
        hidden = np.zeros((height, width), np.uint8)
        if self._keep:
            # Growing what is hidden takes the border of a kept polygon away, too.
            hidden.fill(255)
            _fill(hidden, self._keep, 0)
        _fill(hidden, self._masks, 255)
        hidden = np.asarray(cv2.dilate(hidden, np.ones((3, 3), np.uint8)), np.uint8)
        visible: Picture = np.repeat((255 - hidden)[:, :, None], 3, axis=2)
        return visible


def _fill(canvas: Picture, polygons: tuple[Polygon, ...], value: int) -> None:
    """Fill polygons, their borders included; a pixel's centre lies at its number plus a half."""
    height, width = canvas.shape
    for polygon in polygons:
        corners = np.array(polygon, np.float64) * (width, height) - 0.5
        fixed = np.round(corners * (1 << _FRACTION_BITS)).astype(np.int32)
        cv2.fillPoly(canvas, [fixed], (value,), shift=_FRACTION_BITS)


class MaskedSource(FrameSource):
    """A source whose pictures come out masked; everything else is the source's own."""

    def __init__(self, source: FrameSource, mask: Mask) -> None:
        """Wrap a source; owned from now on."""
        self._source, self._mask = source, mask
        self.live = source.live

    def open(self) -> None:
        """Open the source."""
        self._source.open()

    def read(self, out: Picture | None = None) -> Frame | None:
        """Return the next frame, masked; see `FrameSource.read`."""
        frame = self._source.read(out)
        if frame is None:
            return None
        try:
            self._mask.blank(frame.pixels)
        except BaseException:
            frame.wipe()
            raise
        return frame

    def skip(self) -> bool:
        """Pass over one frame; nobody sees it."""
        return self._source.skip()

    def close(self) -> None:
        """Close the source."""
        self._source.close()
