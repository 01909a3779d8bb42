"""Measure what sealed records cost: bytes on the disk, and seconds to open a month of them.

Run as a script from the repository's root: `python -m tests.benchmarks.bench_open [RECORDS]`.
The faces are simulated: Action Units in short episodes between neutral stretches, left and right
alike but not equal, with a model's jitter, smoothed; pose, gaze and probabilities as random walks.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np

from agent.crypto.codec import in_time_order
from agent.domain.facs import SIDE_INDEX
from agent.domain.record import (
    ANGLE_STEP_DEGREES,
    AU_STEP,
    PROBABILITY_STEP,
    RECORD_DTYPE,
    Batch,
    FeatureRecord,
    from_batch,
)
from agent.store.segments import SegmentReader, SegmentStore
from tests.sealing import BUCKET_START, bucket, opener, verifier

HERTZ = 10
FLUSH_SECONDS = 5
MONTH = 2_600_000


def _episodes(rng: np.random.Generator, length: int) -> np.ndarray:
    """Return one AU's intensity: neutral, with rises of 0.5-4 s about every 6 s."""
    intensity = np.zeros(length)
    at = int(rng.exponential(60))
    while at < length:
        end = min(length, at + int(rng.integers(5, 40)))
        shape = np.sin(np.linspace(0, np.pi, end - at))
        intensity[at:end] = rng.uniform(0.5, 3.5) * shape
        at = end + int(rng.exponential(60))
    return intensity


def _walk(rng: np.random.Generator, shape: tuple[int, ...], step: float, jitter: float):
    return np.cumsum(rng.normal(0, step, shape), 0) + rng.normal(0, jitter, shape)


def visit(rng: np.random.Generator, length: int, track: int, jitter: float = 0.1) -> Batch:
    """Simulate one face for `length` tenths of a second."""
    sides = np.empty((length, 32))
    for positions in SIDE_INDEX:
        active = _episodes(rng, length)
        for i in positions:
            noise = _walk(rng, (length,), 0.01, jitter) + abs(rng.normal(0, 0.15))
            sides[:, i] = np.clip(active * rng.uniform(0.85, 1.15) + noise, 0, 5)
    for at in range(1, length):
        sides[at] = (sides[at] + sides[at - 1]) / 2
    present = np.stack([sides[:, list(p)].max(1) > 1 for p in SIDE_INDEX], axis=1)
    logits = _walk(rng, (length, 8), 0.1, 0.15) + np.array([3, 1, 0, 0, 0, -1, -1, -1])
    chances = np.exp(logits - logits.max(1, keepdims=True))
    batch = np.zeros(length, RECORD_DTYPE)
    batch["offset"] = np.arange(length)
    batch["track"] = track
    batch["au_sides"] = np.rint(sides / AU_STEP)
    batch["presence"] = present @ (1 << np.arange(19))
    batch["emotion"] = np.rint(chances / chances.sum(1, keepdims=True) / PROBABILITY_STEP)
    for name, shape in (("pose", (length, 3)), ("gaze", (length, 2))):
        degrees = np.clip(_walk(rng, shape, 0.7, 1.0), -90, 90)
        batch[name] = np.rint(degrees / ANGLE_STEP_DEGREES)
    batch["quality"] = np.clip(np.rint(16 + rng.normal(0, 0.6, length)), 0, 20)
    batch["calibrated"] = 1
    return batch


def flushes(faces: int, hertz: int, *, seed: int = 1) -> list[list[FeatureRecord]]:
    """Return six minutes of some faces, cut at each flush; `hertz` divides 10."""
    rng = np.random.default_rng(seed)
    thinned = [visit(rng, 3600, 1000 * f + 7)[:: HERTZ // hertz] for f in range(faces)]
    each = FLUSH_SECONDS * hertz
    cuts = []
    for start in range(0, len(thinned[0]), each):
        together = np.concatenate([v[start : start + each] for v in thinned])
        cuts.append(from_batch(together[in_time_order(together)]))
    return cuts


def hurry(store: SegmentStore) -> None:
    """Let the store's one connection write without waiting for the disk: reading is measured."""
    with closing(store._engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA synchronous=OFF")


def stored_bytes(path: Path, parts: list[list[FeatureRecord]], hours: int) -> tuple[float, float]:
    """Store `parts` over and over for some hours; return bytes a record: ciphertext, and disk."""
    count = ciphertext = 0
    with SegmentStore(path) as store:
        hurry(store)
        for hour in range(hours):
            writer = bucket(start=BUCKET_START + timedelta(hours=hour))
            for part in parts:
                segment = writer.seal(part)
                store.append(segment, writer.sealed_key)
                count += len(part)
                ciphertext += len(segment.ciphertext)
        store.expire(BUCKET_START)  # nothing is due; it moves the log into the file
    return ciphertext / count, path.stat().st_size / count


def fill(path: Path, total: int, parts: list[list[FeatureRecord]]) -> int:
    """Store at least `total` records, an hour's worth in each bucket; return how many segments."""
    done = segments = hour = 0
    with SegmentStore(path) as store:
        hurry(store)
        while done < total:
            writer = bucket(start=BUCKET_START + timedelta(hours=hour))
            hour += 1
            for i in range(3600 // FLUSH_SECONDS):
                if done >= total:
                    break
                part = parts[i % len(parts)]
                store.append(writer.seal(part), writer.sealed_key)
                done += len(part)
                segments += 1
    return segments


def read(path: Path) -> tuple[int, str, str]:
    """Open everything; return records, and time in the store and in opening and decoding.

    CPU time stands beside wall time, since other work on the machine stretches only the latter.
    """
    began = time.perf_counter(), time.process_time()
    with SegmentReader(path) as reader:
        buckets = list(reader.buckets())
    middle = time.perf_counter(), time.process_time()
    count = sum(len(opener().open_bucket(b.segments, b.key, verifier())) for b in buckets)
    end = time.perf_counter(), time.process_time()
    return count, _spent(began, middle), _spent(middle, end)


def _spent(start: tuple[float, float], end: tuple[float, float]) -> str:
    return f"{end[0] - start[0]:.2f} s ({end[1] - start[1]:.2f} s CPU)"


def main(total: int) -> None:
    """Print both measurements."""
    print("bytes a record (RECORD_DTYPE is", RECORD_DTYPE.itemsize, "bytes wide)")
    with tempfile.TemporaryDirectory() as folder:
        for faces, hertz in ((1, 10), (2, 10), (3, 10), (1, 5), (1, 1)):
            path = Path(folder) / f"{faces}-{hertz}.sqlite"
            inside, disk = stored_bytes(path, flushes(faces, hertz), hours=24)
            print(f"{faces} faces at {hertz:2d} Hz: ciphertext {inside:5.1f}, on disk {disk:5.1f}")
        path = Path(folder) / "month.sqlite"
        segments = fill(path, total, flushes(2, 10))
        count, store, opened = read(path)
        print(f"{count} records in {segments} segments: read {store}, open {opened}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MONTH)
