"""Small media files, and ways to spoil them.

Run as a program it reads spoiled files one after the other as the product does, in a process of its
own, so that a decoder's crash is seen: `python -m tests.media FOLDER SEED COUNT`.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from agent.capture.factory import open_source
from agent.clock import SystemClock
from agent.errors import ConfigError, MediaError

FRAMES_READ = 40
SIZE = (96, 64)
PICTURES = (".jpg", ".png", ".bmp", ".webp", ".tiff")
VIDEOS = {".avi": "MJPG", ".mp4": "mp4v", ".mkv": "MJPG", ".mov": "mp4v"}
SUFFIXES = (*PICTURES, *VIDEOS, ".flv", ".wmv", ".m4v")


def seeds(folder: Path) -> list[Path]:
    """Write one whole file of each kind; return those that this build of OpenCV can write."""
    noise = np.random.default_rng(5)
    pixels = noise.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    made = []
    for suffix in PICTURES:
        path = folder / f"seed{suffix}"
        ok, encoded = cv2.imencode(suffix, pixels)
        assert ok
        path.write_bytes(encoded.tobytes())
        made.append(path)
    for suffix, code in VIDEOS.items():
        path = folder / f"clip{suffix}"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), 25, SIZE)
        for _ in range(12):
            writer.write(noise.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8))
        writer.release()
        if path.exists() and path.stat().st_size:
            made.append(path)
    return made


def cut(whole: bytes, chance: random.Random) -> bytes:
    """End it early."""
    return whole[: chance.randrange(len(whole))]


def flip(whole: bytes, chance: random.Random) -> bytes:
    """Turn some bits, most of them near the beginning, where the headers are."""
    data = bytearray(whole)
    for _ in range(chance.choice((1, 4, 32, 256))):
        reach = chance.choice((64, 512, len(data)))
        data[chance.randrange(min(reach, len(data)))] ^= 1 << chance.randrange(8)
    return bytes(data)


def exaggerate(whole: bytes, chance: random.Random) -> bytes:
    """Put an extreme number where a size or a count may be."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(max(1, min(len(data), 4096) - 4))
        number = (b"\xff" * 4, b"\x7f" + b"\xff" * 3, b"\0" * 4, b"\x80" + b"\0" * 3)
        data[at : at + 4] = chance.choice(number)
    return bytes(data)


def shuffle(whole: bytes, chance: random.Random) -> bytes:
    """Move, repeat or leave out a piece."""
    a, b = sorted(chance.randrange(len(whole)) for _ in range(2))
    at = chance.randrange(len(whole))
    return chance.choice(
        (whole[:a] + whole[b:], whole[:at] + whole[a:b] + whole[at:], whole[b:] + whole[:b])
    )


def chimera(whole: bytes, chance: random.Random) -> bytes:
    """Let text of another format follow the first bytes."""
    tails = (
        b"\n#EXTM3U\nhttp://127.0.0.1:9/x.ts\n", b"\nffconcat version 1.0\nfile /etc/hostname\n",
        b"\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 26\n", b"<svg xmlns='x'><image href='/x'/></svg>",
        b"%PDF-1.7\n1 0 obj\n", b"#!/bin/sh\ntouch owned\n",
    )  # fmt: skip
    return whole[: chance.choice((0, 3, 8, 12, 16, 64))] + chance.choice(tails)


SPOILERS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    cut, flip, flip, exaggerate, shuffle, chimera,
)  # fmt: skip


def spoiled(wholes: list[Path], folder: Path, chance: random.Random) -> Path:
    """Write a file that may be anything, but once was one of these; its name may lie."""
    whole = chance.choice(wholes)
    data = whole.read_bytes()
    for _ in range(chance.randint(1, 2)):
        data = chance.choice(SPOILERS)(data, chance) or b"\0"
    suffix = whole.suffix if chance.random() < 0.8 else chance.choice(SUFFIXES)
    path = folder / f"spoiled{suffix}"
    path.write_bytes(data)
    return path


def look(path: Path) -> str:
    """Read a file as `omokage run --source FILE` does; return how that ended.

    Anything but the errors that are meant for it goes through.
    """
    try:
        with open_source(str(path), clock=SystemClock()) as source:
            for _ in range(FRAMES_READ):
                frame = source.read()
                if frame is None:
                    return "whole"
                assert frame.pixels.dtype == np.uint8
                assert frame.pixels.shape[2] == 3
    except (MediaError, ConfigError) as error:
        return type(error).__name__
    return "whole"


def main() -> None:
    """Read so many spoiled files; print what became of them and how long the slowest took."""
    folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance, ends, slowest = random.Random(seed), Counter[str](), 0.0
    wholes = seeds(folder)
    for number in range(count):
        path = spoiled(wholes, folder, chance)
        (folder / "now").write_text(f"{seed} {number} {path.name}")
        began = time.monotonic()
        ends[look(path)] += 1
        slowest = max(slowest, time.monotonic() - began)
        path.unlink()
    print(dict(ends), f"slowest {slowest:.2f} s")


if __name__ == "__main__":
    main()
