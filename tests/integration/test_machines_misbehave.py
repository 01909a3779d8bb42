"""The real `omokage run` on a machine that has a bad day, and what its operator gets to see.

One agent lives through all of it, on a small disk of its own: the disk fills up and is emptied,
takes no write and takes them again, the process stands still for seconds, and is killed at last.
Afterwards every acknowledged record is called in. Shorter tests start on what can't work.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.open import unlock
from agent.crypto.vault import CHEAPEST
from agent.store.aggregates import AggregateReader
from agent.store.segments import SegmentReader
from tests.running import RunningAgent
from tests.sealing import PASSPHRASE

ROOT = Path(__file__).resolve().parents[2]
BUCKET_SECONDS = 3
STILL_SECONDS = 4.0


def make_site(root: Path) -> Site:
    """Make a demo site with short buckets and cheap keys."""
    site = Site(root)
    root.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "policies" / "demo.toml").read_text("utf-8")
    text = text.replace('bucket = "30s"', f'bucket = "{BUCKET_SECONDS}s"')
    site.policy.write_text(text.replace('flush = "5s"', 'flush = "1s"'), "utf-8")
    keys = create_epochs(
        SystemClock().now(), weeks=2, passphrase=PASSPHRASE, device_id="m", profile=CHEAPEST
    )
    write_keys(site, keys)
    return site


def command(*words: str) -> list[str]:
    """Return a command line of `omokage`."""
    return [sys.executable, "-m", "agent.cli.main", *words]


def omokage(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command(*words), check=False, capture_output=True, text=True, cwd=ROOT, timeout=60
    )


def faces_clip() -> str:
    """Return the address of the bundled clip."""
    return str(ROOT / "agent" / "demo" / "clip.mp4")


class Running(RunningAgent):
    """An agent on the bundled clip."""

    def __init__(self, site: Site, log: Path) -> None:
        super().__init__(site, log, "--source", "demo")

    def commits(self, since: datetime) -> dict:
        """Wait until something was committed after an instant; return the health."""
        return self.wait_until(
            lambda h: bool(h["last_commit"]) and datetime.fromisoformat(h["last_commit"]) > since
        )

    def end(self, number: signal.Signals) -> int:
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()


def mount(folder: Path, options: str) -> bool:
    """Mount memory as a disk, or change how it is mounted; say whether that is allowed."""
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return not subprocess.run(words, check=False, capture_output=True).returncode


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a disk of 32 MB."""
    folder = tmp_path_factory.mktemp("disk")
    if not mount(folder, "size=32m"):
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@dataclass
class Day:
    """What happened.

    Attributes:
        full: health and status while the disk was full.
        freed: health after it was emptied.
        read_only: status while it couldn't be written, and what a start said then.
        writable: health after it could be again.
        still: from when to when the process stood still.
        moved: health after that.
        killed: the last health before the kill, and the status after it.
        records: how many records can be opened.
        cells: coverage rows.
        said: what the agent printed.
    """

    full: tuple[dict, str] = field(default_factory=lambda: ({}, ""))
    freed: dict = field(default_factory=dict)
    read_only: tuple[str, subprocess.CompletedProcess[str] | None] = ("", None)
    writable: dict = field(default_factory=dict)
    still: tuple[datetime, datetime] = (datetime.max, datetime.max)  # noqa: DTZ901
    moved: dict = field(default_factory=dict)
    killed: tuple[dict, str] = field(default_factory=lambda: ({}, ""))
    records: int = 0
    cells: list = field(default_factory=list)
    said: str = ""


def fill(disk: Path) -> Path:
    """Take every byte that is left."""
    filler = disk / "somebody-else"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


def writable(pid: int, size: str) -> None:
    """Let a process write files up to a size; with 0 every write fails, as on a read-only disk."""
    subprocess.run(["prlimit", "--pid", str(pid), f"--fsize={size}:"], check=True)


@pytest.fixture(scope="module")
def day(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Live through the day once."""
    day, clock = Day(), SystemClock()
    site = make_site(disk / "site")
    log = tmp_path_factory.mktemp("log") / "log"
    running = Running(site, log)
    try:
        running.wait_until(lambda h: h["stored_records"] > 20)

        filler = fill(disk)
        full = running.wait_until(lambda h: not h["persisting"])
        day.full = full, omokage("status", "--site", str(site.root)).stdout
        filler.unlink()
        day.freed = running.commits(clock.now())

        writable(running.process.pid, "0")
        time.sleep(3.0)
        said = omokage("status", "--site", str(site.root)).stdout
        writable(running.process.pid, "unlimited")
        day.writable = running.commits(clock.now())

        running.process.send_signal(signal.SIGSTOP)
        stopped = clock.now()
        time.sleep(STILL_SECONDS)
        day.still = stopped, clock.now()
        running.process.send_signal(signal.SIGCONT)
        running.commits(clock.now())
        time.sleep(BUCKET_SECONDS)
        day.moved = running.commits(clock.now())

        day.killed = day.moved, ""
        assert -signal.SIGKILL == running.end(signal.SIGKILL)
        day.killed = day.moved, omokage("status", "--site", str(site.root)).stdout
        # The kernel lets nobody do this while a file is open for writing.
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        start = omokage("run", "--site", str(site.root), "--source", "demo", "--seconds", "1")
        day.read_only = said, start
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    finally:
        running.process.kill()
        running.process.wait()
        day.said = log.read_text()
    opener, now = unlock(site.vault, PASSPHRASE), clock.now()
    with SegmentReader(site.segments) as reader:
        for bucket in reader.buckets():
            day.records += len(
                opener.open_bucket(bucket.segments, bucket.key, opener.verifier, now=now)
            )
    day.cells = AggregateReader(site.aggregates).rows(now - timedelta(hours=1), now)
    return day


@pytest.mark.slow
def test_a_full_disk_is_said_and_survived(day: Day) -> None:
    """Records that find no room are counted as lost, aloud; with room again storing goes on."""
    health, said = day.full

    assert health["lost_records"] > 0
    assert "storing: NO" in said
    assert "TROUBLE" in said
    assert "full" in said
    assert day.freed["persisting"]
    assert day.freed["stored_records"] > health["stored_records"]


@pytest.mark.slow
def test_a_read_only_disk_is_survived(day: Day) -> None:
    """Nothing can be written, not even that; once it can, storing goes on and the loss is said."""
    said, start = day.read_only

    assert start is not None
    assert 7 == start.returncode
    assert "Traceback" not in start.stderr
    assert "agent     running" in said
    assert day.writable["persisting"]
    assert day.writable["lost_records"] > day.freed["lost_records"]


@pytest.mark.slow
def test_standing_still_is_no_observation(day: Day) -> None:
    """The seconds in which the process was stopped are missing from the coverage."""
    first, last = day.still
    length = timedelta(seconds=BUCKET_SECONDS)
    rows = [row for row in day.cells if row.metric == "coverage.observed_seconds"]
    whole = [row for row in rows if first - length < row.bucket_start < last]
    spared = sum(
        (min(last, row.bucket_start + length) - max(first, row.bucket_start)).total_seconds()
        for row in whole
    )

    assert max(row.value for row in rows) <= BUCKET_SECONDS + 0.05
    assert sum(row.value for row in whole) <= len(whole) * BUCKET_SECONDS - spared + 1
    assert day.moved["timing"]["missed"] >= 10 * (STILL_SECONDS - 1)


@pytest.mark.slow
def test_after_a_kill_the_status_says_so_and_all_is_there(day: Day) -> None:
    """`kill -9`: at once the status knows it, and every acknowledged record can be opened."""
    health, said = day.killed

    assert "ended without a word" in said
    assert day.records >= health["stored_records"] > 0
    assert 0 == health["retention"]["overdue_records"]
    assert "Traceback" not in day.said


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a new site."""
    return make_site(tmp_path / "site")


@pytest.mark.slow
def test_starts_that_cannot_work_say_why(site: Site) -> None:
    """A second agent, a missing and a damaged database: a sentence, advice, a documented code."""
    run = ("run", "--site", str(site.root), "--source", faces_clip(), "--seconds", "1")

    first = Running(site, site.root.parent / "log")
    try:
        first.wait_until(lambda h: h["stored_records"] > 0)
        second = omokage(*run)
        alive = omokage("status", "--site", str(site.root)).stdout
    finally:
        assert 0 == first.end(signal.SIGTERM)
    assert 7 == second.returncode
    assert "another agent is running on this site" in second.stderr
    assert "agent     running" in alive

    damaged = bytearray(site.segments.read_bytes())
    damaged[4096:] = os.urandom(len(damaged) - 4096)
    site.segments.write_bytes(damaged)
    repaired = omokage(*run)
    assert 0 == repaired.returncode, repaired.stderr
    assert list(site.segments.parent.glob("segments.sqlite.corrupt-*"))

    for file in site.segments.parent.glob("segments.sqlite*"):
        file.unlink()
    missing = omokage(*run)
    assert 7 == missing.returncode
    assert "start-over" in missing.stderr
    assert not site.segments.exists()
    assert "Traceback" not in second.stderr + repaired.stderr + missing.stderr


@pytest.mark.slow
def test_without_memory_nothing_acknowledged_is_lost(site: Site) -> None:
    """An agent that gets no more memory ends and is known to have ended; its records are there."""
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        pytest.skip("prlimit isn't installed")
    running = Running(site, site.root.parent / "log")
    health = running.wait_until(lambda h: h["stored_records"] > 10)
    size = int(Path(f"/proc/{running.process.pid}/statm").read_text().split()[0])
    limit = size * os.sysconf("SC_PAGE_SIZE")
    limited = subprocess.run(
        [prlimit, "--pid", str(running.process.pid), f"--as={limit}"], check=False
    )
    assert 0 == limited.returncode
    try:
        code = running.process.wait(8)
    except subprocess.TimeoutExpired:
        code = None  # it found enough in what it has
        assert 0 == running.end(signal.SIGTERM)
    status = omokage("status", "--site", str(site.root)).stdout

    opener = unlock(site.vault, PASSPHRASE)
    with SegmentReader(site.segments) as reader:
        found = sum(
            len(opener.open_bucket(b.segments, b.key, opener.verifier, now=SystemClock().now()))
            for b in reader.buckets()
        )
    assert found >= health["stored_records"]
    said = running.log.read_text()
    print("exit code", code, said)
    assert 1 == code or code is None
    assert code is None or "memory" in said.lower()
    assert "ended without a word" in status or "agent     stopped" in status
    assert "Reinstall" not in said
