"""What the first bytes of a media file say. Pure; decodes nothing.

Source: PNG 3rd edition 5.2 and 11.2.1; ITU-T T.81 annex B (JPEG markers); RFC 9649 (WebP);
TIFF 6.0 section 2; ISO/IEC 14496-12 4.3 (`ftyp`); RFC 9559 (Matroska); BITMAPINFOHEADER.
"""

from __future__ import annotations

import re
import struct
from enum import Enum


class FileType(Enum):
    """Kinds of file that can be told apart by content."""

    JPEG = "jpeg"
    PNG = "png"
    BMP = "bmp"
    WEBP = "webp"
    TIFF = "tiff"
    HEIF = "heif"
    VIDEO = "video"


Size = tuple[int, int]
"""Width, height, pixels."""

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}
_STARTS: tuple[tuple[bytes, FileType], ...] = (
    (b"\xff\xd8\xff", FileType.JPEG),
    (b"\x89PNG\r\n\x1a\n", FileType.PNG),
    (b"BM", FileType.BMP),
    (b"II*\x00", FileType.TIFF),
    (b"MM\x00*", FileType.TIFF),
    (b"\x1aE\xdf\xa3", FileType.VIDEO),  # Matroska, WebM
    (b"\x00\x00\x01\xba", FileType.VIDEO),  # MPEG program stream
    (b"\x00\x00\x01\xb3", FileType.VIDEO),  # MPEG video
    (b"FLV", FileType.VIDEO),
    (b"0&\xb2u\x8ef\xcf\x11", FileType.VIDEO),  # ASF, WMV
)
_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def sniff(head: bytes) -> FileType | None:
    """Return the kind of a file from its first bytes (16 are enough), or None."""
    if head[4:8] == b"ftyp":
        return FileType.HEIF if head[8:12] in _HEIF_BRANDS else FileType.VIDEO
    if head[4:8] in _QUICKTIME_ATOMS:
        return FileType.VIDEO
    if head[:4] == b"RIFF":
        return {b"WEBP": FileType.WEBP, b"AVI ": FileType.VIDEO}.get(head[8:12])
    return next((kind for start, kind in _STARTS if head.startswith(start)), None)


def picture_size(kind: FileType, data: memoryview) -> Size | None:
    """Return a picture's size from its header, or None where the header is damaged."""
    readers = {
        FileType.JPEG: _jpeg_size,
        FileType.PNG: _png_size,
        FileType.BMP: _bmp_size,
        FileType.WEBP: _webp_size,
        FileType.TIFF: _tiff_size,
    }
    try:
        return readers[kind](data)
    except (struct.error, IndexError):
        return None


def unfinished(kind: FileType, data: memoryview) -> bool:
    """Say whether the file stops before the mark that ends a complete picture.

    Searches in place: a copy of the bytes would outlive the picture.
    """
    match kind:
        case FileType.JPEG:
            return re.search(rb"\xff\xd9", data[_jpeg_scan(data) :]) is None
        case FileType.PNG:
            return not _png_is_whole(data)
        case FileType.WEBP:
            return len(data) < int(struct.unpack_from("<I", data, 4)[0]) + 8
        case FileType.BMP:
            return len(data) < int(struct.unpack_from("<I", data, 2)[0])
        case _:
            return False  # TIFF's decoder notices by itself


def _png_size(data: memoryview) -> Size:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _png_is_whole(data: memoryview) -> bool:
    """Follow the chunks up to the one that ends the picture.

    A chunk may claim 2 GB, and a decoder believes it: each must lie within the file.
    """
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        at += 12 + int(length)
        if at > len(data):
            return False
        if bytes(data[at - length - 8 : at - length - 4]) == b"IEND":
            return True
    return False


def _bmp_size(data: memoryview) -> Size:
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)  # negative: rows from top to bottom


def _webp_size(data: memoryview) -> Size | None:
    chunk = bytes(data[12:16])
    if chunk == b"VP8X":
        low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", data, 24)
        return 1 + (low_w | high_w << 16), 1 + (low_h | high_h << 16)
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_segments(data: memoryview) -> list[tuple[int, int]]:
    """Return (marker, offset of its payload) up to the start of the first scan."""
    found: list[tuple[int, int]] = []
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        found.append((marker, at + 4))
        if marker == 0xDA:  # start of scan
            break
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return found


def _jpeg_size(data: memoryview) -> Size | None:
    for marker, at in _jpeg_segments(data):
        # Start of frame: C0-CF without DHT (C4), JPG (C8) and DAC (CC).
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", data, at + 1)
            return width, height
    return None


def _jpeg_scan(data: memoryview) -> int:
    """Return where the first scan starts; a thumbnail before it has an end mark of its own."""
    segments = _jpeg_segments(data)
    return segments[-1][1] if segments and segments[-1][0] == 0xDA else len(data)


def _tiff_size(data: memoryview) -> Size | None:
    order = "<" if data[0] == ord("I") else ">"
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, directory)
    sides: dict[int, int] = {}
    for number in range(entries):
        at = directory + 2 + 12 * number
        tag, kind = struct.unpack_from(f"{order}HH", data, at)
        if tag in {256, 257}:  # ImageWidth, ImageLength; kind 3 is 16-bit, 4 is 32-bit
            sides[tag] = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", data, at + 8)[0]
    return (sides[256], sides[257]) if len(sides) == 2 else None
