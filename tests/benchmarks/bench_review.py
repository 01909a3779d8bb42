"""Measure what a reviewer waits for: from one clip's submission to the next clip's data.

Run as a script from the repository's root, with one thread (`OMP_NUM_THREADS=1`):

    python -m tests.benchmarks.bench_review

Twelve buckets of an hour with one face in view at 5 Hz (17,500 records each) are sealed as the
agent does. For each clip: the judgement is logged and stored, the queue is computed anew, the next
clip's bucket is opened and the clip cut out, and what travels to the browser is put into JSON.
Prefetching, which hides the opening from the reviewer, is left out. The browser's part is measured
by `tests/browser/test_review.py`.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from agent.config.policy_file import load_policy
from agent.domain.access import Role
from agent.domain.account import User
from agent.domain.review import Verdict
from dashboard.review import player
from dashboard.review.desk import Desk, Stage, open_desk
from dashboard.text import Text
from tests.reviewing import PASSPHRASE, coding, course, site

BUCKETS, TRACKS, CLIPS = 12, 250, 20
TARGET_SECONDS = 0.3


def desk(root: Path) -> Desk:
    """Return an unlocked session on a busy site, and say what unlocking took."""
    now = datetime.now(UTC)
    # A bucket of these tests lasts ten minutes; tracks overlap, as in a crowd.
    lots = [
        [r for track in range(TRACKS) for r in course(track, 14, begin=track * 2.2, seed=number)]
        for number in range(BUCKETS)
    ]
    place = site(root, now, buckets=BUCKETS, lots=lots)
    start = time.perf_counter()
    found = open_desk(
        place, load_policy(place.policy), User("sato", Role.REVIEWER), [PASSPHRASE], "bench", now
    )
    found.scan(datetime.now(UTC))
    records = sum(map(len, lots))
    print(f"unlock and cut {BUCKETS} buckets, {records:,} records: {_since(start):.2f} s")
    return found


def one(opened: Desk, words: Text) -> tuple[float, float]:
    """Review one clip; return seconds of wall clock and of processor."""
    now = datetime.now(UTC)
    tasks, _ = opened.tasks(now)
    loaded = opened.load(tasks[0], now)
    assert loaded is not None
    stage = Stage(str(loaded.task.clip.id), coding=coding(), verdict=Verdict.ACCEPT)
    wall, work = time.perf_counter(), time.process_time()
    opened.hand_in(loaded, stage, (), now)
    tasks, _ = opened.tasks(now)
    following = opened.load(tasks[0], now)
    assert following is not None
    json.dumps(player.replay(words, following.task.clip, following.rows))
    return _since(wall), time.process_time() - work


def _since(start: float) -> float:
    return time.perf_counter() - start


def main() -> None:
    """Print medians and the slowest."""
    with tempfile.TemporaryDirectory() as folder:
        opened, words = desk(Path(folder) / "site"), Text("ja")
        found = [one(opened, words) for _ in range(CLIPS)]
    wall, work = ([pair[i] for pair in found] for i in (0, 1))
    print(
        f"review of a clip, {CLIPS} clips: median {statistics.median(wall):.3f} s, slowest "
        f"{max(wall):.3f} s, processor {statistics.median(work):.3f} s; target {TARGET_SECONDS} s"
    )


if __name__ == "__main__":
    main()
