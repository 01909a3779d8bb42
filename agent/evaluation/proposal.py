"""What reviews would change: thresholds of presence, and how sure the class is. Pure.

A proposal is text for a person. Nothing here, and nothing that calls it, changes the agent.

Rules:
- only the random sample's blind codings count, and only where enough clips show both answers;
- the expected effect is measured on clips that the proposal wasn't made from: two halves, each
  judged by what the other one proposes. A change that doesn't help there isn't proposed;
- a change that chance alone brings in one of twenty cases isn't proposed either: exact McNemar for
  a threshold, the paired difference of means for the temperature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.domain.facs import AU_LABELS
from agent.domain.observation import EMOTIONS
from agent.domain.review import Mark, Review
from agent.evaluation.agreement import Z, random_sample

FEWEST_CLIPS = 40
FEWEST_OF_EACH = 8
"""Clips with and without the movement under which nothing is proposed."""
PRESENT = 1.0
"""Intensity from which the agent says that a movement is present (FACS level A)."""
LEVELS = tuple(round(0.4 + 0.2 * i, 1) for i in range(14))
TEMPERATURES = tuple(round(0.5 * 1.05**i, 3) for i in range(38))
"""0.5 to 3, times the model's own; 1 changes nothing."""
CHANCE = 0.05

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """One change that reviews speak for.

    Attributes:
        name: AU label, or "class" for the temperature.
        now: present threshold (0-5), or 1 for the temperature's factor.
        proposed: what would be better.
        before: on clips it wasn't made from: share of equal answers, or mean surprise (nats).
        after: the same with the change.
        clips: how many.
    """

    name: str
    now: float
    proposed: float
    before: float
    after: float
    clips: int


def propose(reviews: Sequence[Review]) -> list[Change]:
    """Return the changes that the random sample speaks for; none where it is too small."""
    sample = random_sample(reviews)
    found = [_threshold(index, sample) for index in range(len(AU_LABELS))]
    return [change for change in (*found, _temperature(sample)) if change is not None]


def mcnemar(better: int, worse: int) -> float:
    """Return how often chance alone splits discordant pairs at least so unevenly.

    Source: McNemar 1947, exact two-sided binomial form.
    """
    total, least = better + worse, min(better, worse)
    if total == 0:
        return 1.0
    tail: float = math.fsum(math.comb(total, k) for k in range(least + 1)) / 2**total
    return min(1.0, 2 * tail)


def _threshold(index: int, sample: Sequence[Review]) -> Change | None:
    known = [
        (level, review.coding.marks[index] is Mark.PRESENT)
        for review in sample
        if (level := review.model.held[index]) is not None
        and review.coding.marks[index] is not Mark.UNSEEN
    ]
    held = np.array([level for level, _ in known], np.float64)
    seen = np.array([there for _, there in known], bool)
    if len(known) < FEWEST_CLIPS or min(seen.sum(), (~seen).sum()) < FEWEST_OF_EACH:
        return None

    def best(rows: npt.NDArray[np.bool_]) -> float:
        right = [float(((held >= level) == seen)[rows].mean()) for level in LEVELS]
        # Of equally good ones the nearest to the present one.
        order = sorted(range(len(LEVELS)), key=lambda i: (-right[i], abs(LEVELS[i] - PRESENT)))
        return float(LEVELS[order[0]])

    chosen = _across(len(known), best)
    before, after = (held >= PRESENT) == seen, (held >= chosen) == seen
    chance = mcnemar(int((after & ~before).sum()), int((before & ~after).sum()))
    proposed = best(np.ones(len(known), bool))
    if after.mean() <= before.mean() or chance >= CHANCE or proposed == PRESENT:
        return None
    return Change(
        AU_LABELS[index],
        PRESENT,
        proposed,
        float(before.mean()),
        float(after.mean()),
        len(known),
    )


def _temperature(sample: Sequence[Review]) -> Change | None:
    known = [r for r in sample if r.model.emotion is not None and r.coding.expression is not None]
    if len(known) < FEWEST_CLIPS:
        return None
    log = np.log(np.clip(np.array([r.model.emotion for r in known], np.float64), 1e-3, 1.0))
    truth = np.array([EMOTIONS.index(r.coding.expression or "") for r in known])
    surprise: dict[float, Array] = {t: _surprise(log, truth, t) for t in (*TEMPERATURES, 1.0)}

    def best(rows: npt.NDArray[np.bool_]) -> float:
        order = sorted(surprise, key=lambda t: (float(surprise[t][rows].mean()), abs(t - 1)))
        return order[0]

    chosen = _across(len(known), best)
    after = np.array([surprise[t][i] for i, t in enumerate(chosen)])
    before = surprise[1.0]
    gain = before - after
    proposed = best(np.ones(len(known), bool))
    if gain.mean() <= Z * gain.std(ddof=1) / math.sqrt(len(known)) or proposed == 1.0:
        return None
    return Change("class", 1.0, proposed, float(before.mean()), float(after.mean()), len(known))


def _across(count: int, best: Callable[[npt.NDArray[np.bool_]], float]) -> Array:
    """Return for each clip what the other half of the clips proposes."""
    odd = np.arange(count) % 2 == 1
    return np.where(odd, best(~odd), best(odd)).astype(np.float64)


def _surprise(log: Array, truth: npt.NDArray[np.int64], temperature: float) -> Array:
    """Return minus the logarithm of the seen class's probability at another temperature, (N,)."""
    scaled = log / temperature
    scaled = scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
    found: Array = -scaled[np.arange(len(truth)), truth]
    return found
