"""`kill -9` at any moment costs nothing that was acknowledged, and brings nothing back.

A worker seals, stores, closes, purges and rotates keys; after each kill the site is looked at as
the next start of the agent would, and everything that the worker had announced is called in.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.checkpoints import verify_keys, verify_log
from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.crypto.create import create_epochs, write_keys
from agent.crypto.open import unlock
from agent.crypto.seal import load_sealer
from agent.crypto.vault import CHEAPEST
from agent.domain.segment import from_seconds, to_seconds
from agent.store.access_log import AccessLog
from agent.store.segments import SegmentReader, SegmentStore
from agent.upkeep import Upkeep
from tests.fakes import FrozenClock
from tests.sealing import PASSPHRASE

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 11, 25, 10, tzinfo=UTC)
CYCLES = 200
QUICK_CYCLES = 6
OPEN_EVERY = 10


@dataclass(slots=True)
class Ledger:
    """What the worker has announced so far.

    Attributes:
        now: the latest that its clock has shown, seconds since 1970.
        records: acknowledged records by bucket.
        closed: buckets whose closing was acknowledged.
        dies: deadline by bucket, seconds since 1970.
        heard: how often each kind of line was heard.
    """

    now: int = to_seconds(START)
    records: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    dies: dict[str, int] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        """Take down one line."""
        kind, *rest = line.split()
        self.heard[kind] = self.heard.get(kind, 0) + 1
        if kind == "now":
            self.now = int(rest[0])
        elif kind in {"stored", "closed"}:
            bucket, records, dies = rest
            self.records[bucket], self.dies[bucket] = int(records), int(dies)
            if kind == "closed":
                self.closed.add(bucket)

    def alive(self) -> list[str]:
        """Return the buckets that must still be there."""
        return [bucket for bucket, dies in self.dies.items() if dies > self.now]


class Killer:
    """The worker's process, from outside."""

    def __init__(self, site: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.kill_worker", str(site)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        self._left = b""

    def life(self, seed: int, seconds: int, patience: int) -> list[str]:
        """Let one worker live until it has said so many lines; return all that it said."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seed} {seconds}\n".encode())
        self._process.stdin.flush()
        lines = self._lines(patience)
        pid = int(next(line for line in lines if line.startswith("pid")).split()[1])
        time.sleep(random.Random(seed).uniform(0, 0.03))
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.001)
        return [line for line in lines + self._lines(0) if not line.startswith("pid")]

    def _lines(self, least: int) -> list[str]:
        """Read at least so many lines, and whatever else is there."""
        lines: list[str] = []
        while True:
            ready, _, _ = select.select([self._out], [], [], 30 if len(lines) < least else 0)
            if not ready:
                assert len(lines) >= least, "the worker has fallen silent"
                return lines
            read = os.read(self._out, 65536)
            if not read:
                raise AssertionError((self._process.stderr.read() or b"").decode())  # type: ignore[union-attr]
            *whole, self._left = (self._left + read).split(b"\n")
            lines += [line.decode() for line in whole]

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def make_site(root: Path) -> Site:
    """Write a policy that keeps records for three hours, and cheap keys for ten weeks."""
    site = Site(root)
    policy = (ROOT / "policies" / "demo.toml").read_text("utf-8")
    policy = policy.replace('records = "1h"', 'records = "3h"')
    site.policy.write_text(policy.replace('bucket = "30s"', 'bucket = "15m"'), "utf-8")
    keys = create_epochs(
        START, weeks=10, passphrase=PASSPHRASE, device_id="camera-1", profile=CHEAPEST
    )
    write_keys(site, keys)
    site.segments.parent.mkdir(mode=0o700, exist_ok=True)
    return site


def look_after(site: Site, ledger: Ledger) -> None:
    """Start as the agent would after the kill, and call in what was acknowledged."""
    now = from_seconds(ledger.now)
    # The keys are whole, whatever was being written: the device signs with a key that is listed.
    load_sealer(site.public_keys, site.device_key)
    before = holdings(site)
    for bucket in ledger.alive():
        assert bucket in before, "an acknowledged bucket is gone before its time"
        assert before[bucket] >= ledger.records[bucket], "acknowledged records are gone"

    upkeep = Upkeep(
        site,
        load_policy(site.policy),
        AccessLog(site.access_log),
        FrozenClock(now, monotonic=ledger.now),
    )
    try:
        upkeep.keep_if_due()
        report = upkeep.report()
    finally:
        upkeep.close()

    assert report is not None, upkeep.trouble
    assert 0 == report["overdue_records"]
    after = holdings(site)
    assert [] == [
        bucket for bucket in after if ledger.dies.get(bucket, ledger.now + 1) <= ledger.now
    ]
    assert set(ledger.alive()) <= set(after)


def holdings(site: Site) -> dict[str, int]:
    """Return the stored buckets and how many records each has.

    Who was killed while the database was being made leaves a hot journal, which only a writer may
    take back; the agent's next start is one.
    """
    if site.segments.with_name(f"{site.segments.name}-journal").exists():
        SegmentStore(site.segments).close()
    with SegmentReader(site.segments) as reader:
        return {holding.id: holding.rows for holding in reader.holdings()}


def open_everything(site: Site, ledger: Ledger) -> int:
    """Unlock the vault and open every bucket that is left; return how many records there are."""
    opener = unlock(site.vault, PASSPHRASE)
    total = 0
    with SegmentReader(site.segments) as reader:
        for bucket in reader.buckets():
            batch = opener.open_bucket(
                bucket.segments, bucket.key, opener.verifier, now=from_seconds(ledger.now)
            )
            assert len(batch) >= ledger.records.get(bucket.key.key_id.hex(), 0)
            total += len(batch)
    return total


def survive(root: Path, cycles: int) -> Ledger:
    """Kill a worker so many times, and look after each."""
    site, ledger = make_site(root), Ledger()
    killer = Killer(root)
    try:
        for cycle in range(cycles):
            for line in killer.life(cycle, ledger.now, 1 + cycle % 9):
                ledger.hear(line)
            look_after(site, ledger)
            if cycle % OPEN_EVERY == OPEN_EVERY - 1:
                open_everything(site, ledger)
    finally:
        killer.close()
    assert [] == list(verify_log(site.access_log, verify_keys(site)).findings)
    return ledger


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """After a few kills every acknowledged record is there, and nothing that has expired."""
    ledger = survive(tmp_path, QUICK_CYCLES)

    assert ledger.heard["stored"] >= QUICK_CYCLES / 2


@pytest.mark.slow
def test_two_hundred_kills(tmp_path: Path) -> None:
    """200 kills among writes, closings, purges and rotations: none loses or revives anything."""
    ledger = survive(tmp_path, CYCLES)

    assert {"stored", "closed", "now", "kept", "rotated"} <= set(ledger.heard)
    assert len(ledger.dies) > CYCLES / 2
    assert len(ledger.alive()) < len(ledger.dies)
