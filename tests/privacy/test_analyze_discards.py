"""`omokage analyze` leaves nothing of the pictures that it has looked at, as the agent doesn't."""

from __future__ import annotations

import struct
import sys
from itertools import islice
from pathlib import Path

import cv2
import pytest

from agent.clock import SystemClock
from agent.proof.children import Child
from agent.proof.detect import Detector
from agent.proof.experiment import read_clip
from agent.proof.marks import Kind, Marks, clean_frames, draw_marks, marked_frames
from agent.proof.stream import avi_header

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 12
CLEAN, ENDED = "9-clean.avi", ""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc"),
]


@pytest.fixture(scope="module")
def marks() -> Marks:
    """Return the marks of this run."""
    return draw_marks(20261127)


@pytest.fixture(scope="module")
def media(marks: Marks, tmp_path_factory) -> Path:
    """Return a folder: a film and a picture of each kind, uncompressed; at last a clean film."""
    folder = tmp_path_factory.mktemp("media")
    clip = read_clip(SystemClock())
    films = {f"{n}-{kind}": marked_frames(marks, kind, clip) for n, kind in enumerate(Kind)}
    for name, frames in {**films, "9-clean": clean_frames(3)}.items():
        shown = list(islice(frames, FRAMES))
        chunks = [b"00db" + struct.pack("<I", one.size) + one.tobytes() for one in shown]
        (folder / f"{name}.avi").write_bytes(avi_header(20) + b"".join(chunks))
        if name != "9-clean":
            assert cv2.imwrite(str(folder / f"{name}.png"), shown[-1])
    return folder


def looks(media: Path, out: Path, marks: Marks, *words: str) -> dict[str, dict[Kind, int]]:
    """Run the command on the folder; return the bytes found at each halt, by kind of frame."""
    detector, found, faces = Detector(marks), {}, 0
    program = Path(__file__).with_name("analyze_subject.py")
    with Child((sys.executable, str(program), *words), ROOT) as child:
        child.say(folder=str(media), out=str(out))
        child.receive_files()
        while True:
            said = child.hear()
            faces += said["faces"]
            bytes_of = dict.fromkeys(Kind, 0)
            for _, start, data in child.copy().pieces:
                for hit in detector.search(data, start):
                    bytes_of[hit.kind] += hit.size
            found[said["file"]] = bytes_of
            child.say(go="on")
            if said["file"] == ENDED:
                break
    assert faces > 1
    assert out.read_text("utf-8").count("\n") > 4 * FRAMES
    return found


def test_nothing_is_left_of_files_that_were_looked_at(media: Path, marks: Marks, tmp_path) -> None:
    """While the next file is read and when the batch is through, no piece of one before is left."""
    found = looks(media, tmp_path / "out.csv", marks)

    assert len(found) == 2 * len(Kind) + 2
    for name, bytes_of in found.items():
        seen = {kind for kind, size in bytes_of.items() if size}
        assert seen == {kind for kind in Kind if kind in name}, name
    assert not any(found[ENDED].values())
    assert not any(found[CLEAN].values())


def test_without_overwriting_pieces_would_be_left(media: Path, marks: Marks, tmp_path) -> None:
    """What the command does first is what makes that hold: without it, frames survive."""
    found = looks(media, tmp_path / "out.csv", marks, "careless")

    assert sum(found[ENDED].values()) > 100_000
