"""A full disk stops the recording, never the deletion."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.crypto.seal import BucketSealer
from agent.domain.segment import SealedSegment
from agent.errors import StoreFull
from agent.store.ballast import BALLAST_BYTES, Ballast
from agent.store.segments import SegmentStore
from tests.sealing import BUCKET_START, DELETE_BY, bucket, expire, records

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from datetime import timedelta
from pathlib import Path
from agent.errors import StoreFull
from agent.store.segments import SegmentStore
from tests.sealing import BUCKET_START, DELETE_BY, bucket, records, expire

folder = Path(sys.argv[1])
path, other = folder / "segments.sqlite", folder / "somebody-else"
stored = 0
with SegmentStore(path) as store:
    def fill():
        global stored
        for hour in range(500):
            writer = bucket(start=BUCKET_START + timedelta(hours=hour))
            for i in range(40):
                store.append(writer.seal(records(400, seed=i)), writer.sealed_key)
                stored += 1
    def take(size):
        with other.open("ab", buffering=0) as file:
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                pass
    take(4096)
    with other.open("r+b") as file:
        file.truncate(other.stat().st_size - (2 << 20))  # a little is left
    try:
        fill()
    except StoreFull:
        print("full", stored == store.count() > 0)
    take(512)
    purge = expire(store, DELETE_BY + timedelta(hours=1000))
    print("purged", purge.segments == stored, purge.wal_truncated, store.count())
    raw = b"".join(p.read_bytes() for p in folder.glob("segments.sqlite*"))
    print("left", sum(raw.count(h) for h in [b"2026-W"]))
"""


@pytest.fixture
def small_disk() -> list[str]:
    """Return the words that run a program with a disk of 20 MiB of its own at /mnt."""
    unshare = shutil.which("unshare")
    mount = "mount -t tmpfs -o size=20m tmpfs /mnt"
    words = [unshare or "", "--map-root-user", "--mount", "sh", "-c"]
    works = unshare and subprocess.run([*words, mount], check=False, capture_output=True)
    if not works or works.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    return [*words, f'{mount} && exec "$@"', "sh"]


def test_a_full_disk_is_emptied(small_disk: list[str]) -> None:
    """With not a byte left on the disk every expired segment goes, and the log is emptied."""
    done = subprocess.run(
        [*small_disk, sys.executable, "-c", PROGRAM, "/mnt"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip

    assert done.stdout.splitlines() == ["full True", "purged True True 0", "left 0"], done.stderr


def test_the_reserve_is_given_up_only_when_it_is_needed(tmp_path: Path) -> None:
    """A purge with room to spare leaves the ballast where it is."""
    ballast = tmp_path / "segments.ballast"
    with SegmentStore(tmp_path / "segments.sqlite") as store:
        assert ballast.stat().st_size == BALLAST_BYTES
        before = ballast.stat().st_ino
        writer = bucket()
        store.append(writer.seal(records(5)), writer.sealed_key)
        expire(store, DELETE_BY)

        assert ballast.stat().st_ino == before


def test_a_lost_reserve_comes_back(tmp_path: Path) -> None:
    """After a purge the room is taken again."""
    ballast = Ballast(tmp_path / "segments.sqlite")
    with SegmentStore(tmp_path / "segments.sqlite") as store:
        ballast.release()
        assert not (tmp_path / "segments.ballast").exists()

        store.purge(())

        assert (tmp_path / "segments.ballast").stat().st_size == BALLAST_BYTES


def test_without_room_for_a_reserve_nothing_fails(tmp_path: Path) -> None:
    """A folder that takes no file is no reason to stop."""
    ballast = Ballast(tmp_path / "not-here" / "segments.sqlite")

    ballast.restore()
    ballast.release()

    assert list(tmp_path.iterdir()) == []


def until_full(store: SegmentStore, writer: BucketSealer) -> Iterator[SealedSegment]:
    """Append until the store refuses; yield what it acknowledged."""
    for i in range(500):
        segment = writer.seal(records(300, seed=i * 7))
        try:
            store.append(segment, writer.sealed_key)
        except StoreFull:
            return
        yield segment


def test_a_full_database_closes_no_bucket_and_keeps_its_flushes(tmp_path: Path) -> None:
    """Where the closing segment finds no room, what was acknowledged stays."""
    with SegmentStore(tmp_path / "segments.sqlite", max_bytes=40 * 4096) as store:
        writer = bucket(start=BUCKET_START)
        segments = list(until_full(store, writer))
        other = bucket("till", start=BUCKET_START)
        for i in range(50):
            other.seal(records(900, seed=i))

        with pytest.raises(StoreFull):
            store.close_bucket(other.sealed_key, other.finish())

        assert list(store.segments()) == segments
        assert [h.zone for h in store.holdings()] == ["door"]
