"""Measure what sealed records cost: bytes on the disk, and seconds to open a month of them.

Run as a script from the repository's root, with one thread (`OMP_NUM_THREADS=1`):

    python -m tests.benchmarks.bench_open bytes FIVE.npy [TEN.npy]
    python -m tests.benchmarks.bench_open month [RECORDS]
    python -m tests.benchmarks.bench_open purge

`bytes` plays a shop's day out of records that `clip_records` made, through the same flushes and
closings as the agent, and divides the database's size by the records in it. `month` fills a
database in `build/` once, with simulated faces: Action Units in short episodes between neutral
stretches, left and right alike but not equal, with a model's jitter, smoothed; pose, gaze and
probabilities as random walks. Then it opens and aggregates it, beside a file of the same records
that nothing protects. `purge` deletes one day of eight zones out of three, from a real disk.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from agent.aggregate.batch import add_batch
from agent.aggregate.window import BucketWindow
from agent.crypto.codec import in_time_order
from agent.crypto.seal import BucketSealer
from agent.domain.facs import SIDE_INDEX
from agent.domain.record import (
    ANGLE_STEP_DEGREES,
    AU_STEP,
    MISSING,
    PRESENCE_BYTES,
    PROBABILITY_STEP,
    RECORD_DTYPE,
    Batch,
    from_batch,
)
from agent.domain.segment import (
    CLOSING_SEQUENCE,
    FIRST_LINK,
    Closing,
    SealedBucketKey,
    SealedSegment,
    counter_nonce,
    delete_by,
)
from agent.store.segments import SegmentReader, SegmentStore
from tests.fixed import NOW, START, opener, sealer, verifier

FLUSH_TENTHS = 50
MONTH = 2_600_000
OPEN_HOURS = (0.2, 0.35, 0.5, 0.9, 1.0, 0.8, 0.5, 0.6, 0.9, 0.3)
"""How busy a shop is in each of its hours, as a share of the busiest one."""
BUILD = Path(__file__).resolve().parents[2] / "build"
ROUNDS = 5


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
    bits = np.packbits(present, axis=1, bitorder="little")
    batch["presence"] = bits[:, :PRESENCE_BYTES]
    batch["emotion"] = np.rint(chances / chances.sum(1, keepdims=True) / PROBABILITY_STEP)
    for name, shape in (("pose", (length, 3)), ("gaze", (length, 2))):
        degrees = np.clip(_walk(rng, shape, 0.7, 1.0), -90, 90)
        batch[name] = np.rint(degrees / ANGLE_STEP_DEGREES)
    batch["quality"] = np.clip(np.rint(16 + rng.normal(0, 0.6, length)), 0, 20)
    batch["calibrated"] = 1
    return batch


def simulated_hour(rng: np.random.Generator, records: int) -> Batch:
    """Simulate visits of one to three minutes, sampled 5 times a second, until they are enough."""
    visits, count = [], 0
    while count < records:
        length = int(rng.integers(600, 1800))
        one = visit(rng, length, int(rng.integers(0, 65536)))[::2]
        one["offset"] += int(rng.integers(0, 36000 - length))
        visits.append(one)
        count += len(one)
    hour = np.concatenate(visits)[:records]
    return hour[in_time_order(hour)]


def busy(hour: Batch, share: float, rng: np.random.Generator) -> Batch:
    """Keep so many of an hour's visits, whole ones."""
    tracks = np.unique(hour["track"])
    chosen = tracks[rng.random(len(tracks)) < share]
    return hour[np.isin(hour["track"], chosen)]


def au_only(batch: Batch) -> Batch:
    """Return records as they are where only the Action Units' head is loaded."""
    bare = batch.copy()
    bare["emotion"], bare["gaze"] = MISSING, -128
    return bare


def bucket(start: datetime, previous: bytes = FIRST_LINK) -> BucketSealer:
    """Open a bucket of an hour with keys that are the same in every run."""
    return sealer().open_bucket(
        "door",
        start,
        3600,
        delete_by=delete_by(start, 3600, timedelta(days=60)),
        policy_digest="ab" * 32,
        models=("face_encoder@0123abcd",),
        now=NOW,
        previous=previous,
    )


def cut(hour: Batch, tenths: int) -> Iterator[Batch]:
    """Yield an hour's parts of so many tenths of a second that hold anything."""
    for start in range(0, 36_000, tenths):
        part = hour[(hour["offset"] >= start) & (hour["offset"] < start + tenths)].copy()
        part["offset"] -= start
        if len(part):
            yield part


def hurry(store: SegmentStore) -> None:
    """Let the store's one connection write without waiting for the disk: reading is measured."""
    with closing(store._engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA synchronous=OFF")


def stored_bytes(path: Path, day: list[Batch], minutes: int, *, close: bool) -> tuple[int, int]:
    """Play a day through the store; return how many records, and the database's size."""
    count = number = 0
    with SegmentStore(path) as store:
        hurry(store)
        for hour in day:
            for part in cut(hour, minutes * 600):
                writer = bucket(START + timedelta(minutes=number * minutes))
                number += 1
                for flush in cut(part, FLUSH_TENTHS):
                    store.append(writer.seal(from_batch(flush)), writer.sealed_key)
                if close:
                    store.close_bucket(writer.sealed_key, writer.finish())
                count += len(part)
        store.purge(())  # moves the log into the file, as the agent does each minute
    return count, sum(p.stat().st_size for p in path.parent.glob(path.name + "*"))


def measure_bytes(five: Batch, ten: Batch | None) -> None:
    """Print bytes a record of a day at several settings."""
    cases = [
        ("5 Hz, 1 h (default)", au_only(five), 60),
        ("5 Hz, 15 min", au_only(five), 15),
        ("5 Hz, 1 h, all heads", five, 60),
        ("1 Hz, 1 h", au_only(five)[(five["offset"] // 2 % 5 == 0)], 60),
    ]
    if ten is not None:
        cases += [("10 Hz, 1 h", au_only(ten), 60), ("10 Hz, 1 h, all heads", ten, 60)]
    for name, hour, minutes in cases:
        rng = np.random.default_rng(1)
        day = [busy(hour, share, rng) for share in OPEN_HOURS]
        with tempfile.TemporaryDirectory() as folder:
            count, size = stored_bytes(Path(folder) / "a.sqlite", day, minutes, close=True)
            _, flushed = stored_bytes(Path(folder) / "b.sqlite", day, minutes, close=False)
        print(f"{name:24s} {count:7d} records: {size / count:5.1f} bytes a record on the disk, "
              f"{flushed / count:5.1f} if never closed", flush=True)  # fmt: skip


def fill(path: Path, plain: Path, total: int) -> None:
    """Store so many records as a month of closed buckets, and the same ones unprotected."""
    rng = np.random.default_rng(2)
    hours = [simulated_hour(rng, 8667) for _ in range(10)]
    done = number = 0
    with SegmentStore(path) as store, plain.open("wb") as file:
        hurry(store)
        while done < total:
            hour = hours[number % len(hours)][: total - done]
            day, at = divmod(number, len(OPEN_HOURS))
            start = START + timedelta(days=day, hours=at)
            writer = bucket(start, store.last_link("door"))
            writer.seal(from_batch(hour))
            store.close_bucket(writer.sealed_key, writer.finish())
            file.write(hour.tobytes())
            done += len(hour)
            number += 1
        store.purge(())


def read_month(path: Path) -> tuple[int, dict[str, float]]:
    """Open and aggregate every bucket; return records, and CPU seconds spent on each part.

    CPU time, because other work on the machine stretches wall time; all of it is on one thread.
    """
    spent = dict.fromkeys(("store", "open", "aggregate"), 0.0)
    count, reviewer, device = 0, opener(), verifier()
    with SegmentReader(path) as reader:
        buckets = reader.buckets()
        while True:
            began = time.process_time()
            found = next(buckets, None)
            fetched = time.process_time()
            spent["store"] += fetched - began
            if found is None:
                return count, spent
            batch = reviewer.open_bucket(
                found.segments, found.key, device, now=NOW, deadline=found.deadline
            )
            opened = time.process_time()
            summarise(batch)
            spent["open"] += opened - fetched
            spent["aggregate"] += time.process_time() - opened
            count += len(batch)


def summarise(batch: Batch) -> None:
    """Aggregate one bucket as the agent would have."""
    window = BucketWindow("door", START, 3600)
    add_batch(window, batch)
    window.summary()


def read_plain(plain: Path, size: int = 8667) -> float:
    """Read and aggregate the unprotected records; return CPU seconds."""
    began = time.process_time()
    batch = np.fromfile(plain, RECORD_DTYPE)
    for start in range(0, len(batch), size):
        summarise(batch[start : start + size])
    return time.process_time() - began


def measure_month(total: int) -> None:
    """Print how long a month takes, the best of some rounds, and the ratio to no protection."""
    BUILD.mkdir(exist_ok=True)
    path, plain = BUILD / f"month-{total}.sqlite", BUILD / f"month-{total}.bin"
    if not plain.exists():  # written last: an interrupted build starts anew
        path.unlink(missing_ok=True)
        path.with_suffix(".marker").unlink(missing_ok=True)
        partial = plain.with_suffix(".part")
        fill(path, partial, total)
        partial.rename(plain)
    rounds = [read_month(path) for _ in range(ROUNDS)]
    bare = [read_plain(plain) for _ in range(ROUNDS)]
    count, best = min(rounds, key=lambda r: sum(r[1].values()))
    seconds = sum(best.values())
    middle = statistics.median(sum(spent.values()) for _, spent in rounds)
    parts = ", ".join(f"{k} {v:.2f}" for k, v in best.items())
    print(f"{count} records, {path.stat().st_size / count:.1f} bytes each: {seconds:.2f} s CPU "
          f"(median {middle:.2f} s) = {parts}")  # fmt: skip
    print(f"unprotected: {min(bare):.2f} s; ratio {seconds / min(bare):.2f}")


def measure_purge(zones: int = 8, days: int = 3, size: int = 110_000) -> None:
    """Print how long one day of closed buckets takes to delete, each time with the disk's wait."""
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        path = Path(folder) / "segments.sqlite"
        with SegmentStore(path) as store:
            hurry(store)
            writer = bucket(START)
            template = writer.seal(from_batch(simulated_hour(np.random.default_rng(1), 50)))
            for hour in range(24 * days):
                for zone in range(zones):
                    put(store, template, writer.sealed_key, f"zone-{zone}", hour, os.urandom(size))
            store.purge(())
        megabytes = path.stat().st_size / 1e6
        for day in range(days):
            with SegmentStore(path) as store:
                due = [h.id for h in store.holdings() if h.start < START + timedelta(days=day + 1)]
                began = time.perf_counter()
                purge = store.purge(due)
                seconds = time.perf_counter() - began
            print(f"{purge.keys} buckets of a {megabytes:.0f} MB database: {seconds:.2f} s, "
                  f"emptied: {purge.wal_truncated}")  # fmt: skip


def put(
    store: SegmentStore,
    template: SealedSegment,
    key: SealedBucketKey,
    zone: str,
    hour: int,
    ciphertext: bytes,
) -> None:
    """Store a made-up bucket of one closing segment: the store can't tell, and seals take long."""
    header = replace(
        template.header,
        zone=zone,
        bucket_start=START + timedelta(hours=hour),
        sequence=CLOSING_SEQUENCE,
        closing=Closing(template.header.count, last=True),
        key_id=os.urandom(16),
    )
    segment = replace(
        template, header=header, nonce=counter_nonce(CLOSING_SEQUENCE), ciphertext=ciphertext
    )
    store.close_bucket(replace(key, key_id=header.key_id), [segment])


def main(arguments: list[str]) -> None:
    """Measure what was asked for."""
    if arguments[:1] == ["bytes"]:
        five, *ten = (np.load(file) for file in arguments[1:])
        measure_bytes(five, ten[0] if ten else None)
    elif arguments[:1] == ["purge"]:
        BUILD.mkdir(exist_ok=True)
        measure_purge()
    else:
        measure_month(int(arguments[1]) if len(arguments) > 1 else MONTH)


if __name__ == "__main__":
    main(sys.argv[1:])
