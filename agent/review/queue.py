"""Which clips a reviewer codes next. Pure; `now` is an argument.

Rules:
- each clip has one fixed number in [0, 1), made of the site's secret seed and its name. A clip is
  drawn at random if that number lies under its bucket's probability, which was fixed when the
  bucket was first looked at and doesn't depend on what is in the clip. So each clip's probability
  of being drawn is known, whoever looks and whenever;
- uncertain clips come on top, and never count where the model's rate of mistakes is estimated;
- a tenth of all clips, by a second such number, is coded by two persons, each blind;
- nobody gets a clip twice, and nothing whose deadline is past;
- what has to go first comes first.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.domain.review import Candidate, ClipId, Done, QueueRules, Sampling, Task, Why

RULES = QueueRules()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reviewer is.

    Attributes:
        done: clips that this reviewer coded in the last seven days.
        waiting: clips that wait for this reviewer.
    """

    done: int
    waiting: int

    @property
    def total(self) -> int:
        """Return the week's work so far."""
        return self.done + self.waiting


def chance(seed: bytes, use: str, clip: ClipId) -> float:
    """Return a clip's fixed number in [0, 1) for one use."""
    found = hashlib.blake2b(f"{use}\0{clip}".encode(), key=seed, digest_size=8).digest()
    return int.from_bytes(found, "big") / 2**64


def is_drawn(seed: bytes, candidate: Candidate) -> bool:
    """Say whether a clip belongs to the random sample."""
    return chance(seed, "random", candidate.clip.id) < candidate.probability


def is_doubled(seed: bytes, clip: ClipId, rules: QueueRules = RULES) -> bool:
    """Say whether two persons code a clip."""
    return chance(seed, "double", clip) < rules.double


def draw_probability(new: int, drawn_this_week: int, rules: QueueRules = RULES) -> float:
    """Return the probability with which clips of buckets that nobody has looked at yet are drawn.

    Never 0, so that no part of the time goes without a watch.

    Args:
        new: clips in those buckets.
        drawn_this_week: random clips that were expected of the buckets of the last seven days.
        rules: how much work a week holds.
    """
    if new < 1:
        return 1.0
    wanted = max(rules.random_a_week - drawn_this_week, rules.least_random)
    return min(1.0, wanted / new)


def queue(
    candidates: Iterable[Candidate],
    done: Iterable[Done],
    *,
    reviewer: str,
    seed: bytes,
    now: datetime,
    rules: QueueRules = RULES,
) -> list[Task]:
    """Return what waits for one reviewer, first things first.

    Args:
        candidates: all clips that can be opened.
        done: who has coded what.
        reviewer: for whom.
        seed: the site's.
        now: aware UTC.
        rules: how much work a week holds.
    """
    coded: dict[ClipId, list[Done]] = defaultdict(list)
    spent = 0
    for one in done:
        coded[one.clip].append(one)
        spent += one.why is not Why.RANDOM and one.at > now - rules.week
    drawn, unsure = [], []
    for candidate in candidates:
        if candidate.clip.deadline <= now:
            continue
        if is_drawn(seed, candidate):
            drawn.append(candidate)
        elif candidate.uncertainty > 0 or candidate.clip.id in coded:
            unsure.append(candidate)
    chosen = _most_unsure(unsure, coded, max(0, rules.uncertain_a_week - spent))
    tasks = [_task(c, coded[c.clip.id], random=True) for c in drawn]
    tasks += [_task(c, coded[c.clip.id], random=False) for c in chosen]
    mine = [
        task
        for task in tasks
        if _waits(coded[task.clip.id], reviewer, doubled=is_doubled(seed, task.clip.id, rules))
    ]
    return sorted(mine, key=lambda task: _order(task, seed))


def progress(
    tasks: Sequence[Task], done: Iterable[Done], reviewer: str, since: datetime
) -> Progress:
    """Return how far a reviewer is since an instant."""
    mine = sum(one.reviewer == reviewer and one.at >= since for one in done)
    return Progress(mine, len(tasks))


def _most_unsure(
    unsure: Sequence[Candidate], coded: dict[ClipId, list[Done]], most: int
) -> list[Candidate]:
    """Return the most unsure clips that nobody has coded, and those that somebody has."""
    begun = [c for c in unsure if coded[c.clip.id]]
    fresh = sorted(
        (c for c in unsure if not coded[c.clip.id]),
        key=lambda c: (-c.uncertainty, c.clip.deadline, c.clip.id),
    )
    return begun + fresh[:most]


def _task(candidate: Candidate, coded: Sequence[Done], *, random: bool) -> Task:
    if random:
        return Task(candidate.clip, Sampling(Why.RANDOM, candidate.probability, second=bool(coded)))
    return Task(candidate.clip, Sampling(candidate.why, None, second=bool(coded)))


def _waits(coded: Sequence[Done], reviewer: str, *, doubled: bool) -> bool:
    """Say whether a clip still needs somebody, and that this reviewer isn't who has coded it."""
    if any(one.reviewer == reviewer for one in coded):
        return False
    return len(coded) < (2 if doubled else 1)


def _order(task: Task, seed: bytes) -> tuple[datetime, bool, float]:
    # Within a deadline the random sample first, and in no order that means anything.
    return (
        task.clip.deadline,
        task.sampling.why is not Why.RANDOM,
        chance(seed, "order", task.clip.id),
    )
