"""Files: which are pictures, which are videos, and pictures decoded within bounds.

Rules:
- The content decides, not the name: the first bytes say what a file is.
- A picture's size is read from its header before anything is decoded, so that a few bytes can't
  claim gigabytes.
- A picture that ends too early is refused; a decoder would fill the rest with gray and go on.
- Orientation in Exif is applied. 16-bit pictures are brought to 8 bit, gray ones to three
  channels; transparency is dropped.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import cv2
import numpy as np

from agent.capture.headers import FileType, picture_size, sniff, unfinished
from agent.capture.source import NS_PER_SECOND, FrameSource
from agent.domain.frame import Frame
from agent.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.capture.source import Picture

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp"}
)
MAX_PICTURE_PIXELS = 2**27
"""134 megapixels, 400 MB decoded; the largest phone sensors have 200 and deliver 12-50."""
MAX_PICTURE_BYTES = 2**28
HEAD_BYTES = 64


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts `frame2` before `frame10`."""
    pieces = re.split(r"(\d+)", path.as_posix().casefold())
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pieces)


def media_files(folder: Path) -> list[Path]:
    """List a folder's pictures and videos by suffix, below it too, in natural order.

    Hidden files and folders are left out; links to folders aren't followed, as they may circle.

    Raises:
        MediaError: the folder can't be listed.
    """
    found: list[Path] = []

    def refuse(error: OSError) -> None:
        raise MediaError(f"{folder.name} can't be listed ({error.strerror})") from error

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        base = folder / os.path.relpath(root, folder)
        found += [
            base / name
            for name in names
            if not name.startswith(".")
            and (base / name).suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES
        ]
    return sorted(found, key=natural_key)


def file_type(path: Path) -> FileType:
    """Say what a file is, from its first bytes.

    Raises:
        MediaError: missing, empty, unreadable, or of no known kind.
    """
    try:
        if path.is_dir():
            raise MediaError(f"{path.name} is a folder")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError:
        raise MediaError(f"{path.name} doesn't exist") from None
    except OSError as error:
        raise MediaError(f"{path.name} can't be read ({error.strerror})") from error
    if not head:
        raise MediaError(f"{path.name} is empty")
    kind = sniff(head)
    if kind is None:
        raise MediaError(f"{path.name} is neither a picture nor a video that Omokage knows")
    if kind is FileType.HEIF:
        raise MediaError(
            f"{path.name} is a HEIC or AVIF picture, which isn't supported",
            advice="Convert the picture to JPEG or PNG first.",
        )
    return kind


def check_video_file(path: Path) -> None:
    """Refuse what isn't a video container; playlists too, as they may name other places.

    Raises:
        MediaError: missing, empty, unreadable, or not a video.
    """
    if file_type(path) is not FileType.VIDEO:
        raise MediaError(f"{path.name} is a picture, not a video")


def decode_picture(path: Path) -> Picture:
    """Return a still picture, uint8 (H, W, 3) BGR, upright.

    Raises:
        MediaError: missing, empty, too large, cut short, damaged, or not a picture.
    """
    kind = file_type(path)
    if kind is FileType.VIDEO:
        raise MediaError(f"{path.name} is a video, not a picture")
    if path.stat().st_size > MAX_PICTURE_BYTES:
        raise MediaError(f"{path.name} is larger than {MAX_PICTURE_BYTES >> 20} MB")
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as error:
        raise MediaError(f"{path.name} can't be read ({error.strerror})") from error
    try:
        return _decode(encoded, kind, path.name)
    finally:
        encoded.fill(0)


def _decode(encoded: Picture, kind: FileType, name: str) -> Picture:
    size = picture_size(kind, encoded.data)
    if size is None or min(size) < 1:
        raise MediaError(f"{name} is damaged: its header gives no size")
    if size[0] * size[1] > MAX_PICTURE_PIXELS:
        raise MediaError(f"{name} claims {size[0]} x {size[1]} pixels, more than is accepted")
    if unfinished(kind, encoded.data):
        raise MediaError(f"{name} ends before the picture is complete")
    try:
        pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.size == 0:
        raise MediaError(f"{name} can't be decoded (damaged)")
    return pixels.astype(np.uint8, copy=False)


class PictureSource(FrameSource):
    """Still pictures, one after the other; a picture has no time, so each stands for a second."""

    live = False
    fps = 1.0

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._left: Iterator[Path] = iter(())
        self._sequence = 0

    def open(self) -> None:
        """Start with the first picture."""
        if not self._paths:
            raise MediaError("there is no picture to read")
        self._left = iter(self._paths)
        self._sequence = 0

    def read(self, out: Picture | None = None) -> Frame | None:  # noqa: ARG002  # sizes differ
        """Return the next picture; see `FrameSource.read`."""
        path = next(self._left, None)
        if path is None:
            return None
        sequence, self._sequence = self._sequence, self._sequence + 1
        position = sequence * NS_PER_SECOND
        return Frame(decode_picture(path), sequence, position, position)

    def skip(self) -> bool:
        """Pass over one picture without opening it."""
        self._sequence += 1
        return next(self._left, None) is not None

    def close(self) -> None:
        """Forget what is left."""
        self._left = iter(())
