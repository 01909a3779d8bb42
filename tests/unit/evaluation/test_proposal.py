"""A change is proposed only where clips it wasn't made from speak for it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.domain.facs import AU_LABELS
from agent.domain.review import Sampling, Why
from agent.evaluation.proposal import PRESENT, mcnemar, propose
from agent.inference.backend import PRESENT_ON
from agent.review.cutting import THRESHOLD
from tests.reviewing import coding, review, view

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
SMILE = frozenset({"AU12"})
PLACE = AU_LABELS.index("AU12")


def coded(count: int, threshold: float, *, noise: float = 0.0, seed: int = 1):
    """Return reviews by somebody who sees AU12 from a threshold of their own."""
    dice = random.Random(seed)
    found = []
    for i in range(count):
        level = round(dice.uniform(0, 3), 1)
        there = (level >= threshold) != (dice.random() < noise)
        model = view()
        held = (*model.held[:PLACE], level, *model.held[PLACE + 1 :])
        found.append(
            review(
                i,
                at=NOW,
                coded=coding(SMILE if there else frozenset()),
                model=replace(model, held=held),
            )
        )
    return found


def test_a_threshold_that_persons_don_t_share_is_named() -> None:
    """Where persons see the movement from 1.8 on, about that is proposed, with a real gain."""
    found = {change.name: change for change in propose(coded(120, 1.8, noise=0.05))}
    change = found["AU12"]

    assert 1.6 <= change.proposed <= 2.0
    assert change.after > change.before + 0.1
    assert 120 == change.clips


def test_a_good_threshold_is_left_alone() -> None:
    """Where persons and the model share it, nothing is proposed."""
    assert [] == [c for c in propose(coded(120, 1.0, noise=0.05)) if c.name == "AU12"]


def test_pure_noise_proposes_no_threshold() -> None:
    """Answers that have nothing to do with the intensity don't move it."""
    lots = [coded(80, 1.0, noise=0.5, seed=seed) for seed in range(20)]

    assert sum(c.name == "AU12" for lot in lots for c in propose(lot)) <= 1


@pytest.mark.parametrize("count", [0, 10, 39])
def test_few_clips_propose_nothing(count: int) -> None:
    """Under forty clips there is no proposal, however clear they look."""
    assert [] == propose(coded(count, 2.2))


def test_uncertain_clips_propose_nothing() -> None:
    """Clips that were chosen because they are hard don't move a threshold."""
    hard = [replace(r, sampling=Sampling(Why.THRESHOLD, None)) for r in coded(120, 1.8)]

    assert [] == propose(hard)


def test_a_movement_that_nobody_saw_proposes_nothing() -> None:
    """Without enough clips that show it, its threshold can't be judged."""
    assert [] == [c for c in propose(coded(120, 9.0)) if c.name == "AU12"]


def test_a_model_that_is_too_sure_is_told_so() -> None:
    """95 % stated and half of them right: a higher temperature, and less surprise with it."""
    dice = random.Random(2)
    sure = [
        review(
            i,
            at=NOW,
            coded=coding(expression="neutral" if dice.random() < 0.5 else "fear"),
            model=view(p=0.95),
        )
        for i in range(100)
    ]
    (change,) = (c for c in propose(sure) if c.name == "class")

    assert change.proposed > 1.3
    assert change.after < change.before


def test_the_threshold_is_the_agents_own() -> None:
    """What is called the present threshold is the one by which the agent decides."""
    assert PRESENT_ON == PRESENT == THRESHOLD


def test_mcnemar_is_the_binomial_test() -> None:
    """10 against 1 has 0.0117; nothing at all has 1."""
    assert 0.01171875 == pytest.approx(mcnemar(10, 1))
    assert 1.0 == mcnemar(0, 0) == mcnemar(3, 3)
