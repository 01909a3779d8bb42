"""Writes, closes, purges and rotates keys until it is killed, and says aloud what was acknowledged.

Started by `test_kill.py` as a process of its own. For each line `SEED SECONDS` on its input it
forks a child that works on the site with a clock that stands at SECONDS; the child prints its
process id, then one line for each thing that is durable by now. Lines are short enough to be
written whole.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.crypto.change import KeyPaths, adding, carry_out, open_box, replacing_device
from agent.crypto.lifecycle import with_new_epoch
from agent.crypto.seal import BucketSealer, load_sealer
from agent.domain.segment import delete_by, to_seconds
from agent.store.access_log import AccessLog
from agent.upkeep import Upkeep
from tests.fakes import FrozenClock
from tests.sealing import PASSPHRASE, records

ZONE = "entrance"
BUCKET = timedelta(minutes=15)


def say(*words: object) -> None:
    """Print a line at once."""
    os.write(1, (" ".join(str(word) for word in words) + "\n").encode())


class Worker:
    """One life, from a fork to a kill."""

    def __init__(self, root: Path, seed: int, seconds: int) -> None:
        self.site = Site(root)
        self.random = random.Random(seed)
        self.clock = FrozenClock(datetime.fromtimestamp(seconds, UTC), monotonic=seconds)
        self.policy = load_policy(self.site.policy)
        log = AccessLog(self.site.access_log)
        self.upkeep = Upkeep(self.site, self.policy, log, self.clock)
        self.store = self.upkeep.stores.segments

    def run(self) -> None:
        """Work until killed."""
        while True:
            self.fill_bucket()
            minutes = self.random.choice((15, 15, 20, 45, 90))
            self.clock.advance(60 * minutes)
            say("now", to_seconds(self.clock.now()))
            self.upkeep.hint()
            self.upkeep.keep_if_due()
            say("kept", to_seconds(self.clock.now()))
            if self.random.random() < 0.4:
                self.rotate()

    def fill_bucket(self) -> None:
        """Write a bucket's flushes, and mostly close it."""
        bucket = self.open_bucket()
        key = bucket.sealed_key
        dies = to_seconds(key.delete_by)
        written = 0
        for i in range(self.random.randint(1, 4)):
            segment = bucket.seal(records(20, seed=i))
            self.store.append(segment, key)
            written += segment.header.count
            say("stored", key.key_id.hex(), written, dies)
        if self.random.random() < 0.7:
            self.store.close_bucket(key, bucket.finish())
            say("closed", key.key_id.hex(), written, dies)

    def open_bucket(self) -> BucketSealer:
        """Draw a data key for the bucket that the clock stands in."""
        now = self.clock.now()
        start = now - (now - datetime(1970, 1, 1, tzinfo=UTC)) % BUCKET
        seconds = int(BUCKET.total_seconds())
        sealer = load_sealer(self.site.public_keys, self.site.device_key)
        return sealer.open_bucket(
            ZONE,
            start,
            seconds,
            delete_by=delete_by(start, seconds, self.policy.retention.records),
            policy_digest=self.policy.digest,
            models=(),
            now=now,
            previous=self.store.last_link(ZONE),
        )

    def rotate(self) -> None:
        """Change the device's key, the week's recipient, or merely write both files anew."""
        paths, now = KeyPaths.of(self.site), self.clock.now()
        box = open_box(paths, PASSPHRASE, now=now)
        which = self.random.randrange(3)
        if which == 0:
            carry_out(replacing_device(paths, box, now))
        elif which == 1:
            at = now + timedelta(minutes=1)
            carry_out(adding(paths, box.become(with_new_epoch(box.state, at))))
            self.clock.advance(120)
        else:
            carry_out(adding(paths, box.become(box.state)))
        say("rotated", which)


def main() -> None:
    """Fork one worker for each line of the input."""
    root = Path(sys.argv[1])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    for line in sys.stdin:
        seed, seconds = (int(word) for word in line.split())
        if os.fork() == 0:
            say("pid", os.getpid())
            Worker(root, seed, seconds).run()


if __name__ == "__main__":
    main()
