"""Deleted means gone from the disk, and an acknowledged segment survives a kill."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from agent.store.access_log import AccessLog
from agent.store.aggregates import AggregateWriter
from agent.store.reviews import ReviewStore
from agent.store.segments import SegmentStore
from tests.sealing import BUCKET_START, DELETE_BY, NOW, bucket, expire, opener, records, verifier

ROOT = Path(__file__).parents[3]


def on_disk(path: Path) -> bytes:
    """Return every byte of the database and its companions."""
    return b"".join(p.read_bytes() for p in sorted(path.parent.glob(path.name + "*")))


def traces(path: Path, segments) -> int:
    """Count segments of which a piece of ciphertext or the signature is still on the disk."""
    raw = on_disk(path)
    return sum(s.signature in raw or s.ciphertext[:48] in raw for s in segments)


def append(store: SegmentStore, count: int, **where):
    """Append one bucket and return its writer and segments."""
    writer = bucket(**where)
    segments = [writer.seal(records(30, seed=i)) for i in range(count)]
    for segment in segments:
        store.append(segment, writer.sealed_key)
    return writer, segments


def test_expired_segments_and_keys_leave_no_byte(tmp_path: Path) -> None:
    """After a purge neither the database nor its log holds a piece of what was due."""
    path = tmp_path / "segments.sqlite"
    with SegmentStore(path) as store:
        writer, due = append(store, 100)
        _, kept = append(store, 20, start=BUCKET_START + timedelta(hours=1))
        assert traces(path, due) == 100

        purge = expire(store, DELETE_BY)

        assert purge.wal_truncated
        assert traces(path, due) == 0
        assert writer.sealed_key.wrapped[:48] not in on_disk(path)
        assert writer.sealed_key.key_id not in on_disk(path)
        assert traces(path, kept) == 20


def test_a_reader_in_the_way_is_reported_and_the_next_purge_finishes(tmp_path: Path) -> None:
    """While a snapshot is open the log can't be emptied: the result says so, and retrying works."""
    path = tmp_path / "segments.sqlite"
    with SegmentStore(path) as store:
        _, due = append(store, 10)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM segments").fetchone()

        blocked = expire(store, DELETE_BY)
        left_behind = traces(path, due)
        reader.execute("COMMIT")
        reader.close()
        again = expire(store, DELETE_BY)

        assert (blocked.segments, blocked.wal_truncated) == (10, False)
        assert left_behind == 10
        assert (again.segments, again.wal_truncated) == (0, True)
        assert traces(path, due) == 0


def test_every_connection_overwrites_what_it_deletes(tmp_path: Path) -> None:
    """The pragmas don't depend on the build of SQLite."""
    with SegmentStore(tmp_path / "segments.sqlite") as store:
        for _ in range(2):
            with store._engine.connect() as connection:
                values = {
                    name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                    for name in ("secure_delete", "journal_mode", "synchronous", "foreign_keys")
                }

            assert values == {
                "secure_delete": 1, "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1,
            }  # fmt: skip


@pytest.mark.parametrize("kind", [SegmentStore, AggregateWriter, AccessLog, ReviewStore])
def test_no_writer_spills_old_pages_into_a_temporary_file(kind: type, tmp_path: Path) -> None:
    """All four databases overwrite, and what a statement sets aside stays in memory (2)."""
    store = kind(tmp_path / "any.sqlite")
    try:
        with store._engine.connect() as connection:
            values = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("secure_delete", "temp_store")
            ]
    finally:
        store.close()

    assert [1, 2] == values


CHILD = """
import sys
from pathlib import Path
from agent.store.access_log import AccessLog
from agent.store.aggregates import AggregateWriter
from agent.store.reviews import ReviewStore
from agent.store.segments import SegmentStore
from tests.sealing import bucket, records, expire
store, writer = SegmentStore(Path(sys.argv[1])), bucket()
print("ready", flush=True)
for i in range(100000):
    segment = writer.seal(records(20, seed=i))
    store.append(segment, writer.sealed_key)
    print(segment.signature.hex(), flush=True)
"""


def killed_run(path: Path, seconds: float) -> list[str]:
    """Let a process append until it is killed; return the signatures that it acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        return [line.strip() for line in child.stdout if line.endswith("\n")]


@pytest.mark.parametrize("cycles", [5])
def test_a_killed_agent_loses_no_acknowledged_segment(tmp_path: Path, cycles: int) -> None:
    """After SIGKILL at any moment all that was acknowledged is there and the database is sound."""
    path = tmp_path / "segments.sqlite"
    chance = random.Random(7)
    acknowledged: list[str] = []

    for _ in range(cycles):
        acknowledged += killed_run(path, chance.uniform(0.02, 0.2))

    with SegmentStore(path) as store:
        stored = {segment.signature.hex() for segment in store.segments()}
        with store._engine.connect() as connection:
            sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    assert acknowledged
    assert set(acknowledged) <= stored
    assert sound == "ok"


def test_a_bucket_cut_off_by_a_kill_still_opens(tmp_path: Path) -> None:
    """The reader gets everything before the cut, although the bucket was never closed."""
    path = tmp_path / "segments.sqlite"
    with SegmentStore(path) as store:
        append(store, 7)

    with SegmentStore(path) as store:
        (found,) = store.buckets()

    assert len(opener().open_bucket(found.segments, found.key, verifier(), now=NOW)) == 210
