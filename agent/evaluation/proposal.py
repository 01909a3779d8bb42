"""What reviews would change: thresholds of presence, and how sure the class is. Pure.

A proposal is for a person to decide about (`omokage calibrate`). Nothing here changes the agent.

Rules:
- only the random sample's blind codings count, and only where enough clips show both answers;
- the expected effect is measured on clips that the proposal wasn't made from: two halves, each
  judged by what the other one proposes. A change that doesn't help there isn't proposed;
- only reviews of the newest models count: intensities of other ones are on another scale. What the
  class's probabilities were under another temperature is computed back from that temperature;
- a change that chance alone brings in one of twenty cases isn't proposed either: exact McNemar for
  a threshold, the paired difference of means for the temperature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.domain.calibration import (
    COOLEST,
    PREFIX,
    PRESENT,
    WARMEST,
    Calibration,
    Step,
    present,
    without,
)
from agent.domain.facs import AU_LABELS
from agent.domain.observation import EMOTIONS
from agent.domain.review import Mark, Review
from agent.evaluation.agreement import Z, random_sample

FEWEST_CLIPS = 40
FEWEST_OF_EACH = 8
"""Clips with and without the movement under which nothing is proposed."""
LEVELS = tuple(round(0.4 + 0.2 * i, 1) for i in range(14))
TEMPERATURES = tuple(
    t for i in range(48) if COOLEST <= (t := round(0.33 * 1.05**i, 3)) <= WARMEST
)  # fmt: skip
"""Times the model's own; 1 changes nothing."""
CHANCE = 0.05
CLASS = "class"
"""Name of the change of the temperature."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """One change that reviews speak for.

    Attributes:
        name: AU label, or "class" for the temperature.
        now: threshold in force (0-5), or the temperature's factor in force.
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


def propose(reviews: Sequence[Review], steps: Sequence[Step] = ()) -> list[Change]:
    """Return the changes that the random sample speaks for; none where it is too small.

    Args:
        reviews: all of them.
        steps: every calibration so far, the last one in force.
    """
    everything = random_sample(reviews)
    models = newest_models(reviews)
    sample = [review for review in everything if set(without(review.models)) == set(models)]
    held = present(steps)
    now = held if held.fits(models) else Calibration()
    found = [_threshold(index, sample, now) for index in range(len(AU_LABELS))]
    return [c for c in (*found, _temperature(sample, now, factors(steps))) if c is not None]


def newest_models(reviews: Sequence[Review]) -> tuple[str, ...]:
    """Return the models behind the newest clip, without a calibration's name; () without any."""
    newest = max(reviews, key=lambda review: review.clip.at, default=None)
    return () if newest is None else without(newest.models)


def factors(steps: Sequence[Step]) -> Mapping[str, float]:
    """Return each calibration's factor of the temperature, by its name."""
    return {step.calibration.name: step.calibration.temperature for step in steps}


def applied(
    calibration: Calibration, changes: Sequence[Change], models: tuple[str, ...]
) -> Calibration:
    """Return a calibration with changes in it.

    Args:
        calibration: in force now; where it was made with other models, nothing of it is kept.
        changes: to take over.
        models: that they were made with.
    """
    base = calibration if calibration.fits(models) else Calibration()
    thresholds = dict(base.thresholds)
    temperature = base.temperature
    for change in changes:
        if change.name == CLASS:
            temperature = change.proposed
        else:
            thresholds[change.name] = change.proposed
    kept = {label: value for label, value in thresholds.items() if value != PRESENT}
    return Calibration(kept, temperature, models)


def mcnemar(better: int, worse: int) -> float:
    """Return how often chance alone splits discordant pairs at least so unevenly.

    Source: McNemar 1947, exact two-sided binomial form.
    """
    total, least = better + worse, min(better, worse)
    if total == 0:
        return 1.0
    tail: float = math.fsum(math.comb(total, k) for k in range(least + 1)) / 2**total
    return min(1.0, 2 * tail)


def _threshold(index: int, sample: Sequence[Review], now: Calibration) -> Change | None:
    label = AU_LABELS[index]
    level_now = now.threshold(label)
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
        order = sorted(range(len(LEVELS)), key=lambda i: (-right[i], abs(LEVELS[i] - level_now)))
        return float(LEVELS[order[0]])

    chosen = _across(len(known), best)
    before, after = (held >= level_now) == seen, (held >= chosen) == seen
    chance = mcnemar(int((after & ~before).sum()), int((before & ~after).sum()))
    proposed = best(np.ones(len(known), bool))
    if after.mean() <= before.mean() or chance >= CHANCE or proposed == level_now:
        return None
    return Change(
        label,
        level_now,
        proposed,
        float(before.mean()),
        float(after.mean()),
        len(known),
    )


def _temperature(
    sample: Sequence[Review], now: Calibration, by_name: Mapping[str, float]
) -> Change | None:
    known = [r for r in sample if r.model.emotion is not None and r.coding.expression is not None]
    if len(known) < FEWEST_CLIPS:
        return None
    log = np.log(np.clip(np.array([r.model.emotion for r in known], np.float64), 1e-3, 1.0))
    # Back to the shipped temperature: a probability's logarithm times its factor is the logit.
    log *= np.array([[_factor(r, by_name)] for r in known])
    truth = np.array([EMOTIONS.index(r.coding.expression or "") for r in known])
    factor = now.temperature
    surprise: dict[float, Array] = {t: _surprise(log, truth, t) for t in (*TEMPERATURES, factor)}

    def best(rows: npt.NDArray[np.bool_]) -> float:
        order = sorted(surprise, key=lambda t: (float(surprise[t][rows].mean()), abs(t - factor)))
        return order[0]

    chosen = _across(len(known), best)
    after = np.array([surprise[t][i] for i, t in enumerate(chosen)])
    before = surprise[factor]
    gain = before - after
    proposed = best(np.ones(len(known), bool))
    if gain.mean() <= Z * gain.std(ddof=1) / math.sqrt(len(known)) or proposed == factor:
        return None
    return Change(CLASS, factor, proposed, float(before.mean()), float(after.mean()), len(known))


def _factor(review: Review, by_name: Mapping[str, float]) -> float:
    """Return the factor of the temperature under which a clip was recorded."""
    names = [name for name in review.models if name.startswith(PREFIX)]
    return by_name.get(names[0], 1.0) if names else 1.0


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
