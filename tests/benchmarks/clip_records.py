"""Make hours of realistic records out of the demo clip, for measuring how they pack.

The same minute over and over would pack too well: whatever looks for repetitions finds them. So
the clip is shown to the real models again and again, each time as another camera would see it:
mirrored, turned, nearer, brighter, noisier, sampled at other instants. The motion is the clip's,
the numbers are the models' own.

Run as a script: `python -m tests.benchmarks.clip_records HERTZ PASSES FILE.npy` (seconds a pass).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from agent.domain.frame import Frame
from agent.domain.policy import Head
from agent.domain.record import Batch, FeatureRecord, to_batch
from agent.inference.backend import OwnBackend, load_backend
from agent.privacy.minimise import minimise

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 11, 25, tzinfo=UTC)
PAUSE_SECONDS = 2.0
"""Between two passes: long enough for the tracker to forget its faces."""


def clip() -> tuple[list[np.ndarray], float]:
    """Return the demo clip's pictures and how many there are a second."""
    capture = cv2.VideoCapture(str(ROOT / "agent" / "demo" / "clip.mp4"))
    pictures = []
    while (read := capture.read())[0]:
        pictures.append(read[1])
    return pictures, capture.get(cv2.CAP_PROP_FPS)


def seen_anew(pictures: list[np.ndarray], rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the pictures as another camera would take them."""
    height, width = pictures[0].shape[:2]
    mirror = rng.random() < 0.5
    turn = cv2.getRotationMatrix2D(
        (width / 2, height / 2), rng.uniform(-6, 6), rng.uniform(0.85, 1.2)
    )
    turn[:, 2] += rng.uniform(-12, 12, 2)
    gain, sigma = rng.uniform(0.75, 1.2), rng.uniform(1, 6)
    for picture in pictures:
        seen = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        seen = seen[:, ::-1] if mirror else seen
        noisy = gain * seen + rng.normal(0, sigma, seen.shape)
        yield np.ascontiguousarray(np.clip(noisy, 0, 255).astype(np.uint8))


def one_pass(
    backend: OwnBackend, hertz: float, begin: float, seed: int
) -> tuple[list[FeatureRecord], float]:
    """Show the clip once; return its records and the instant of its end, seconds."""
    rng = np.random.default_rng(seed)
    pictures, per_second = clip()
    start = rng.uniform(0, 1 / hertz)
    picks = np.arange(start, len(pictures) / per_second - 1 / per_second, 1 / hertz)
    chosen = [pictures[int(at * per_second)] for at in picks]
    records = []
    for at, picture in zip(picks, seen_anew(chosen, rng), strict=True):
        instant = begin + float(at)
        stamp = int(instant * 1e9)
        for face in backend.look(Frame(picture, stamp, stamp, stamp)).observations:
            when = START + timedelta(seconds=instant % 3600)
            track = (face.track * 40503) % 0x10000  # spread as the agent's random ids are
            records.append(minimise(face, at=when, bucket_start=START, track=track))
    return records, begin + len(pictures) / per_second


def passes(hertz: float, count: int) -> Batch:
    """Return the records of so many passes, in order of time, buckets of an hour end to end."""
    heads = frozenset({Head("au"), Head("gaze"), Head("emotion")})
    backend = load_backend(ROOT / "models", heads=heads, threads=1)
    begin, together = 0.0, []
    for seed in range(count):
        records, end = one_pass(backend, hertz, begin, seed)
        together += records
        begin = end + PAUSE_SECONDS
    return to_batch(together)


if __name__ == "__main__":
    np.save(sys.argv[3], passes(float(sys.argv[1]), int(sys.argv[2])))
