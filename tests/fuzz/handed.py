"""Files that somebody hands to `omokage analyze`, `run`, `evaluate` and the pages."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from agent.capture.factory import open_source
from agent.capture.files import PICTURE_SUFFIXES, decode_picture
from agent.clock import SystemClock
from agent.evaluation.clip_truth import read_truth
from agent.evaluation.landmarks import read_pts
from agent.evaluation.reading import read_arrays
from agent.export.job import Job, Outcome
from agent.export.writers import read_part
from dashboard.auth.oidc import FILE_NAME, parse
from tests.fuzz.target import Target, at_path, files, folder
from tests.media import seeds as media_seeds

FRAMES = 5
ARRAYS = {"images": (None, 4, 4), "votes": (None, 10)}
OIDC = b"""
[auth]
redirect_uri = "https://omokage.shop.example/oauth2callback"
client_id = "omokage"
client_secret = "s"
server_metadata_url = "https://id.example.org/.well-known/openid-configuration"
[omokage]
label = "Company"
[accounts]
"hana@example.org" = "hana"
"""


def go_on(content: bytes) -> object:
    """Go on with a batch whose list of finished files is this."""
    out = folder() / "out.csv"
    media = folder() / "clip.mp4"
    media.write_bytes(b"clip")
    out.with_name("out.csv.manifest.jsonl").write_bytes(content)
    job = Job(out, {"every": "1"})
    return job.finished(media), job.whole([media])


def manifests() -> Sequence[bytes]:
    """Return the list of a batch that is done with one of its files, and of one that is whole."""
    with tempfile.TemporaryDirectory(dir=folder()) as place:
        out = Path(place) / "out.csv"
        media = folder() / "clip.mp4"
        media.write_bytes(b"clip")
        job = Job(out, {"every": "1"})
        job.part(media).parent.mkdir()
        job.record(media, Outcome("clip.mp4", "done", 3, 2))
        begun = out.with_name("out.csv.manifest.jsonl").read_bytes()
        out.write_bytes(b"rows")
        job.finish([media])
        return [begun, out.with_name("out.csv.manifest.jsonl").read_bytes()]


def parts() -> Sequence[bytes]:
    """Return rows of a file, packed."""
    rows = [[1, 0.5, "a", None]] * 3
    return [gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0)]


def read_arrays_of(path: Path) -> object:
    """Read a set's arrays."""
    return read_arrays(path, ARRAYS)


def arrays() -> Sequence[bytes]:
    """Return a set of two pictures, packed and not."""
    made = {"images": np.zeros((2, 4, 4), np.uint8), "votes": np.zeros((2, 10), np.int64)}
    found = []
    for save in (np.savez, np.savez_compressed):
        raw = io.BytesIO()
        save(raw, **made)
        found.append(raw.getvalue())
    return found


def read_truth_of(path: Path) -> object:
    """Read the truth beside a clip."""
    return read_truth(path.with_name("clip.mp4"))


def points() -> Sequence[bytes]:
    """Return 68 points."""
    return [b"version: 1\nn_points: 68\n{\n" + b"10.5 20\n" * 68 + b"}\n"]


@cache
def media() -> tuple[tuple[str, bytes], ...]:
    """Return one whole file of each kind, with its suffix."""
    with tempfile.TemporaryDirectory(dir=folder()) as place:
        return tuple((path.suffix, path.read_bytes()) for path in media_seeds(Path(place)))


def watch(path: Path) -> object:
    """Read a file's first frames as `omokage run --source FILE` does."""
    with open_source(str(path), clock=SystemClock()) as source:
        return [source.read() for _ in range(FRAMES)]


HANDED: dict[str, Target] = {
    "manifest": Target(go_on, manifests),
    "part": Target(at_path("part.jsonl.gz", lambda p: list(read_part(p))), parts),
    "arrays": Target(at_path("set.npz", read_arrays_of), arrays),
    "truth": Target(at_path("clip.truth.csv", read_truth_of), files("agent/demo/*.truth.csv")),
    "points": Target(at_path("face.pts", read_pts), points),
    "oidc": Target(lambda c: parse(c, Path(FILE_NAME)), lambda: [OIDC]),
}

MEDIA: dict[str, Target] = {
    "picture": Target(
        at_path("picture.png", decode_picture),
        lambda: [raw for suffix, raw in media() if suffix in PICTURE_SUFFIXES],
    ),
    "video": Target(
        at_path("clip.mp4", watch),
        lambda: [raw for suffix, raw in media() if suffix not in PICTURE_SUFFIXES],
    ),
}
"""Decoders in C: each of them is tried in a process of its own only, since it could end it."""
