"""Pictures: content decides, bounds hold, damage is refused, orientation is applied."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.capture.files import PictureSource, decode_picture, file_type, media_files, natural_key
from agent.capture.headers import FileType, picture_size, sniff, unfinished
from agent.errors import MediaError
from tests.fakes import write_picture

SUFFIXES = [".jpg", ".png", ".bmp", ".webp", ".tiff"]


def exif_jpeg(path: Path, orientation: int) -> Path:
    """Write a JPEG whose left half is dark, with an Exif orientation."""
    plain = write_picture(path).read_bytes()
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\x00*\x00\x00\x00\x08" + struct.pack(">H", 1) + entry + b"\x00" * 4
    payload = b"Exif\x00\x00" + tiff
    segment = b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload
    path.write_bytes(plain[:2] + segment + plain[2:])
    return path


def png_claiming(path: Path, width: int, height: int) -> Path:
    """Write a PNG of a few bytes whose header claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\x00")), (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(name + body))
        content += struct.pack(">I", len(body)) + name + body + checksum
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_format_is_decoded(tmp_path: Path, suffix: str) -> None:
    """Every supported format gives uint8 BGR of its true size."""
    pixels = decode_picture(write_picture(tmp_path / f"a{suffix}"))

    assert pixels.dtype == np.uint8
    assert pixels.shape == (48, 64, 3)
    assert pixels[:, :20].mean() < pixels[:, 44:].mean()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_header_gives_the_size(tmp_path: Path, suffix: str) -> None:
    """The size is known from the header alone, for every supported format."""
    content = write_picture(tmp_path / f"a{suffix}", size=(70, 30)).read_bytes()
    kind = sniff(content[:64])

    assert kind is not None
    assert picture_size(kind, memoryview(content)) == (70, 30)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cut_picture_is_refused(tmp_path: Path, suffix: str) -> None:
    """A picture that ends too early is refused, rather than filled up with gray."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (60, 80, 3), dtype=np.uint8)
    whole = cv2.imencode(suffix, noise)[1].tobytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: len(whole) * 2 // 3])

    with pytest.raises(MediaError):
        decode_picture(path)


def test_a_cut_jpeg_with_a_whole_thumbnail_is_refused(tmp_path: Path) -> None:
    """The end mark of a thumbnail isn't taken for the picture's own."""
    plain = write_picture(tmp_path / "a.jpg").read_bytes()
    payload = b"thumb" + plain
    segment = b"\xff\xe2" + struct.pack(">H", len(payload) + 2) + payload
    path = tmp_path / "thumb.jpg"
    path.write_bytes((plain[:2] + segment + plain[2:])[:-40])

    with pytest.raises(MediaError, match="ends before"):
        decode_picture(path)


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    """A camera held upright gives an upright picture: orientation 6 turns it by 90 degrees."""
    upright = decode_picture(exif_jpeg(tmp_path / "turned.jpg", 6))

    assert upright.shape == (64, 48, 3)
    assert upright[:20].mean() < upright[44:].mean()


def test_sixteen_bit_gray_and_alpha_become_bgr(tmp_path: Path) -> None:
    """16-bit, gray and transparent pictures all arrive as 8-bit BGR with their brightness."""
    deep = np.full((20, 30), 40_000, np.uint16)
    clear = np.full((20, 30, 4), 156, np.uint8)
    for name, content in (("deep.png", deep), ("clear.png", clear)):
        (tmp_path / name).write_bytes(cv2.imencode(".png", content)[1].tobytes())
        pixels = decode_picture(tmp_path / name)
        assert pixels.shape == (20, 30, 3)
        assert pixels.dtype == np.uint8
        assert abs(int(pixels[0, 0, 0]) - 156) <= 1


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    """A JPEG under a PNG's name is read as what it is."""
    path = write_picture(tmp_path / "a.jpg").rename(tmp_path / "a.png")

    assert file_type(path) is FileType.JPEG
    assert decode_picture(path).shape == (48, 64, 3)


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (2**31 - 1, 2), (0, 5)])
def test_decompression_bombs_are_refused(tmp_path: Path, width: int, height: int) -> None:
    """A few bytes that claim a giant (or empty) picture are refused before decoding."""
    with pytest.raises(MediaError, match=r"claims|no size"):
        decode_picture(png_claiming(tmp_path / "bomb.png", width, height))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, this is text", "neither"),
        (b"\xff\xd8\xff\xe0", "no size"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "no size|complete"),
        (b"\x00\x00\x00\x18ftypheic" + b"\x00" * 20, "HEIC"),
        (b"\x00\x00\x00\x18ftypisom" + b"\x00" * 20, "is a video"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Empty, foreign and damaged files are refused with a clear sentence."""
    path = tmp_path / "a.jpg"
    path.write_bytes(content)

    with pytest.raises(MediaError, match=words):
        decode_picture(path)


def test_missing_and_unreadable_are_refused(tmp_path: Path) -> None:
    """A missing file and a folder are refused by name, without a path."""
    (tmp_path / "folder.jpg").mkdir()

    with pytest.raises(MediaError, match=r"^gone\.jpg doesn't exist$"):
        decode_picture(tmp_path / "gone.jpg")
    with pytest.raises(MediaError, match=r"^folder\.jpg is a folder$"):
        decode_picture(tmp_path / "folder.jpg")


def test_a_picture_with_damaged_content_is_refused(tmp_path: Path) -> None:
    """A picture whose header is fine but whose content isn't gives a MediaError."""
    with pytest.raises(MediaError):
        decode_picture(png_claiming(tmp_path / "a.png", 40, 40))


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(content: bytes) -> None:
    """No sequence of bytes makes the header readers fail in any other way than None."""
    data = memoryview(content)
    sniff(content)
    for kind in (FileType.JPEG, FileType.PNG, FileType.BMP, FileType.WEBP, FileType.TIFF):
        size = picture_size(kind, data)
        assert size is None or len(size) == 2
        if size is not None:
            unfinished(kind, data)


@given(st.binary(max_size=200), st.sampled_from([b"II*\x00", b"MM\x00*", b"\xff\xd8"]))
def test_damaged_headers_are_survived(content: bytes, start: bytes) -> None:
    """Headers that begin well and go on badly end in None or a size, never in a crash."""
    data = memoryview(start + content)

    for kind in (FileType.JPEG, FileType.TIFF):
        size = picture_size(kind, data)
        assert size is None or all(side >= 0 for side in size)


def test_folder_is_listed_in_natural_order(tmp_path: Path) -> None:
    """`2` comes before `10`; hidden and foreign files are left out; folders are entered."""
    for name in (
        "b/10.png",
        "b/2.png",
        "a/x.JPG",
        "notes.txt",
        ".hidden.png",
        ".git/z.png",
        "1.mp4",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    names = [path.relative_to(tmp_path).as_posix() for path in media_files(tmp_path)]

    assert names == ["1.mp4", "a/x.JPG", "b/2.png", "b/10.png"]


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    """A link to its own parent folder doesn't make the listing endless."""
    write_picture(tmp_path / "a.png")
    (tmp_path / "loop").symlink_to(tmp_path)

    assert len(media_files(tmp_path)) == 1


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """A folder that can't be listed is a MediaError, not an empty list."""
    with pytest.raises(MediaError, match="can't be listed"):
        media_files(tmp_path / "gone")


@given(st.lists(st.text("ab12.²", max_size=6), max_size=6))
def test_natural_keys_always_compare(names: list[str]) -> None:
    """Any two names can be ordered."""
    sorted((Path(name) for name in names), key=natural_key)


def test_picture_source_gives_each_once(tmp_path: Path) -> None:
    """A folder's pictures come one after the other, then the source ends."""
    paths = [write_picture(tmp_path / f"{i}.png", value=30 * (i + 1)) for i in range(3)]

    with PictureSource(paths) as source:
        first = source.read()
        assert source.skip()
        last = source.read()
        assert source.read() is None
        assert not source.skip()

    assert first is not None
    assert last is not None
    assert (first.sequence, last.sequence) == (0, 2)


def test_a_png_chunk_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    """A chunk's length is held against the file's before a decoder makes room for it."""
    whole = write_picture(tmp_path / "whole.png").read_bytes()
    bomb = whole[:33] + struct.pack(">I", 0x7FFFFFFF) + b"zTXt" + whole[33:]
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb)

    with pytest.raises(MediaError, match="ends before the picture is complete"):
        decode_picture(path)
