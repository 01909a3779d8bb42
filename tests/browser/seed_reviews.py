"""Fill a site with invented reviews of two versions of the models, and the daily comparison."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from agent import bias_check
from agent.config.policy_file import load_policy
from agent.domain.circumstance import PAIRS, Circumstance
from agent.domain.facs import AU_LABELS
from agent.domain.observation import EMOTIONS
from agent.domain.review import Review, Sampling, Verdict, Why
from agent.store.access_log import AccessLog
from agent.store.reviews import Draw, ReviewStore
from agent.submission import submit
from tests.reviewing import coding, review, view

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from agent.config.site import Site

OLDER = ("face_detector@1f0e2d3c", "face_encoder@aa11bb22", "emotion_head@55aa66bb")
NEWER = ("face_detector@1f0e2d3c", "face_encoder@0123abcd", "emotion_head@89ef0123")
KEEP = timedelta(days=90)
EXPRESSIONS = (60, 18, 5, 5, 4, 4, 3, 1)
"""How often each class is seen, in the order of `EMOTIONS`."""


def fill(site: Site, now: datetime, zones: tuple[str, ...], *, older: int, newer: int) -> None:
    """Store reviews as the page does: far faces are wrong more often, some clips coded twice.

    The older ones are from before circumstances were noted.
    """
    dice = random.Random(4)
    with ReviewStore(site.reviews) as store, closing(AccessLog(site.access_log)) as log:
        everything = [
            one
            for number in range(older + newer)
            for one in _judged(number, now, zones, OLDER if number < older else NEWER, dice)
        ]
        for one in sorted(everything, key=lambda one: one.at):
            submit(store, log, one, KEEP)
        drawn = round(0.9 * (older + newer))
        store.decide([Draw("ff" * 16, 0.1, 10 * drawn, drawn, now, now + KEEP)])
    timezone = load_policy(site.policy).timezone
    bias_check.write(site.bias, bias_check.check(site, timezone, now))


def _judged(
    number: int, now: datetime, zones: tuple[str, ...], models: tuple[str, ...], dice: random.Random
) -> Iterator[Review]:
    """Invent a clip, what the model said of it, and one or two codings."""
    days = dice.uniform(14, 27) if models is OLDER else dice.uniform(0.2, 13)
    halves = tuple(pair[dice.random() < 0.4] for pair in PAIRS)
    there = frozenset(label for label in AU_LABELS if dice.random() < 0.22)
    seen = dice.choices(EMOTIONS, EXPRESSIONS)[0]
    told = seen if dice.random() < 0.8 else dice.choice(EMOTIONS)
    model = view(_blurred(there, 0.12, dice), told, dice.uniform(0.45, 0.95))
    wrong = dice.random() < (0.4 if Circumstance.FAR in halves else 0.1)
    right = dice.choices((Verdict.ACCEPT, Verdict.CANNOT_TELL), (95, 5))[0]
    sampling = Sampling(Why.RANDOM, dice.choice((0.05, 0.1, 0.1)))
    first = review(
        number, at=now, reviewer="ren", verdict=Verdict.REJECT if wrong else right,
        coded=coding(there, seen), model=replace(model, quality=dice.choice((0.42, 0.6, 0.8))),
        sampling=sampling if dice.random() < 0.8 else Sampling(Why.MARGIN, None),
        bucket=f"{number:032x}",
    )  # fmt: skip
    clip = replace(first.clip, zone=dice.choice(zones), at=now - timedelta(days=days))
    known = () if models is OLDER else halves
    at = clip.at + timedelta(hours=3)
    first = replace(first, at=at, clip=clip, models=models, circumstances=known)
    yield first
    if dice.random() < 0.2:
        again = coding(_blurred(there, 0.06, dice), seen)
        yield replace(first, reviewer="aki", coding=again)


def _blurred(there: frozenset[str], share: float, dice: random.Random) -> frozenset[str]:
    """Return a set of movements in which a share of all is told wrongly."""
    return frozenset(one for one in AU_LABELS if (one in there) != (dice.random() < share))
