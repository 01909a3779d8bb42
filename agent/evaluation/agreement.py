"""What reviews say about the model, and about how well persons agree. Pure.

Rules:
- how often the model is wrong is estimated from the random sample alone, first codings only, each
  weighted by one over its known probability of being drawn; uncertain clips were chosen because
  they are hard and would make the model look worse than it is;
- agreement is measured on what was coded *blind*, never on the verdict, which was given after the
  label was seen;
- kappa, PABAK, confusion and calibration describe the drawn clips as they are, without weights;
- "cannot see" and "cannot tell" are left out and counted, not read as absent;
- whatever rests on fewer than `FEWEST` clips is reported as undefined.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from agent.domain.facs import AU_LABELS
from agent.domain.observation import EMOTIONS
from agent.domain.review import ClipId, Coding, Mark, Review, Verdict, Why
from agent.evaluation.metrics import calibration_error, confusion, kappa, pabak

FEWEST = 20
"""Clips under which no share, kappa or calibration is stated."""
Z = 1.959964
"""97.5 % point of the normal distribution."""
BINS = 5
_WRONG = frozenset({Verdict.FIX, Verdict.REJECT})
_JUDGED = _WRONG | {Verdict.ACCEPT}


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of clips.

    Attributes:
        value: 0-1; None where too few stand behind it.
        low: end of the 95 % interval, None likewise.
        high: likewise.
        clips: how many.
    """

    value: float | None
    low: float | None
    high: float | None
    clips: int


@dataclass(frozen=True, slots=True)
class Pair:
    """How two sides agree about one AU or about the class.

    Attributes:
        name: AU label, or "class".
        clips: that both could tell.
        first: share of clips in which the first side (a person) saw it; None for the class.
        second: the same for the other side.
        agreed: share of clips with the same answer.
        kappa: Cohen's; None where undefined or too few.
        pabak: prevalence- and bias-adjusted; None where too few.
        unseen: clips that were left out, because one side couldn't tell.
    """

    name: str
    clips: int
    first: float | None
    second: float | None
    agreed: float | None
    kappa: float | None
    pabak: float | None
    unseen: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Clips whose class had about the same probability.

    Attributes:
        low: smallest probability.
        high: largest.
        stated: mean probability.
        right: share in which the reviewer saw the same class.
        clips: how many.
    """

    low: float
    high: float
    stated: float
    right: float
    clips: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything that reviews yield.

    Attributes:
        reviews: all of them.
        clips: different ones.
        random: random first codings.
        reviewers: how many persons.
        verdicts: how many of each, all reviews.
        misjudged: share that the reviewers fixed or rejected, of what they could judge.
        undecided: share of random clips that they could not judge.
        units: persons against the model, by AU; random first codings.
        expression: persons against the model, the class.
        confusion: counts, row = person's class, column = model's; by `EMOTIONS`.
        between_units: two persons against each other, by AU; clips that both coded.
        between_expression: the same for the class.
        bins: calibration of the winning class.
        error: expected calibration error; None where too few.
        weeks: misjudged share by Monday of the clip's week.
    """

    reviews: int
    clips: int
    random: int
    reviewers: int
    verdicts: dict[Verdict, int]
    misjudged: Rate
    undecided: Rate
    units: tuple[Pair, ...]
    expression: Pair
    confusion: tuple[tuple[int, ...], ...]
    between_units: tuple[Pair, ...]
    between_expression: Pair
    bins: tuple[Bin, ...]
    error: float | None
    weeks: tuple[tuple[date, Rate], ...]


def assess(reviews: Iterable[Review]) -> Agreement:
    """Compute everything from the reviews, in any order."""
    everything = sorted(reviews, key=lambda r: r.at)
    sample = random_sample(everything)
    pairs = doubles(everything)
    return Agreement(
        reviews=len(everything),
        clips=len({r.clip.id for r in everything}),
        random=len(sample),
        reviewers=len({r.reviewer for r in everything}),
        verdicts={v: sum(r.verdict is v for r in everything) for v in Verdict},
        misjudged=misjudged(sample),
        undecided=weighted_rate([(r.verdict not in _JUDGED, weight(r)) for r in sample]),
        units=tuple(_unit(i, [(r.coding, _said(r)) for r in sample]) for i in _units()),
        expression=_expression([(r.coding.expression, r.model.label) for r in sample]),
        confusion=_confusion(sample),
        between_units=tuple(_unit(i, pairs) for i in _units()),
        between_expression=_expression([(a.expression, b.expression) for a, b in pairs]),
        bins=calibration_bins(sample),
        error=_calibration_error(sample),
        weeks=weekly(judged(sample)),
    )


def random_sample(reviews: Sequence[Review]) -> list[Review]:
    """Return the first coding of each clip that was drawn at random."""
    seen: set[ClipId] = set()
    found = []
    for review in sorted(reviews, key=lambda r: r.at):
        if review.sampling.why is Why.RANDOM and review.clip.id not in seen:
            seen.add(review.clip.id)
            found.append(review)
    return found


def judged(sample: Sequence[Review]) -> list[Review]:
    """Return the reviews whose label a person could judge."""
    return [review for review in sample if review.verdict in _JUDGED]


def wrong(review: Review) -> bool:
    """Say whether a judged label had to be corrected or rejected."""
    return review.verdict in _WRONG


def misjudged(sample: Sequence[Review]) -> Rate:
    """Estimate the share of wrong labels from the random sample."""
    return weighted_rate([(wrong(review), weight(review)) for review in judged(sample)])


def doubles(reviews: Sequence[Review]) -> list[tuple[Coding, Coding]]:
    """Return the first two blind codings of each clip that two persons coded."""
    found: dict[ClipId, list[Review]] = defaultdict(list)
    for review in sorted(reviews, key=lambda r: r.at):
        known = found[review.clip.id]
        if all(other.reviewer != review.reviewer for other in known):
            known.append(review)
    return [(both[0].coding, both[1].coding) for both in found.values() if len(both) > 1]


def weighted_rate(answers: Sequence[tuple[bool, float]]) -> Rate:
    """Estimate a share of all clips from those that were drawn.

    Args:
        answers: for each drawn clip whether it counts, and its weight: one over its probability.

    Source: Hajek 1971 (ratio form of Horvitz & Thompson 1952); the interval is Wilson's (1927) at
    Kish's effective sample size (1965), which is Wilson's own where all weights are equal.
    """
    count = len(answers)
    if count < FEWEST:
        return Rate(None, None, None, count)
    total = math.fsum(weight for _, weight in answers)
    share = math.fsum(weight for counts, weight in answers if counts) / total
    effective = total**2 / math.fsum(weight**2 for _, weight in answers)
    low, high = wilson(share, effective)
    return Rate(share, low, high, count)


def wilson(share: float, count: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share among `count` independent answers."""
    scale = 1 + Z**2 / count
    middle = (share + Z**2 / (2 * count)) / scale
    half = Z / scale * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def weekly(sample: Sequence[Review]) -> tuple[tuple[date, Rate], ...]:
    """Return the misjudged share by week of the clip, oldest first."""
    weeks: dict[date, list[tuple[bool, float]]] = defaultdict(list)
    for review in sample:
        day = review.clip.at.date()
        monday = day - timedelta(days=day.weekday())
        weeks[monday].append((wrong(review), weight(review)))
    return tuple((monday, weighted_rate(weeks[monday])) for monday in sorted(weeks))


def calibration_bins(sample: Sequence[Review]) -> tuple[Bin, ...]:
    """Return how often the winning class was the reviewer's, by its probability; empty if few."""
    top, right = _confidence(sample)
    if len(top) < FEWEST:
        return ()
    place = np.minimum((top * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(
            low=index / BINS,
            high=(index + 1) / BINS,
            stated=float(top[place == index].mean()),
            right=float(right[place == index].mean()),
            clips=int((place == index).sum()),
        )
        for index in range(BINS)
        if (place == index).any()
    )


def _calibration_error(sample: Sequence[Review]) -> float | None:
    known = [r for r in sample if r.model.emotion is not None and r.coding.expression is not None]
    if len(known) < FEWEST:
        return None
    probability = np.array([r.model.emotion for r in known])
    truth = np.array([EMOTIONS.index(r.coding.expression or "") for r in known])
    return calibration_error(probability, truth, BINS)


def _confidence(sample: Sequence[Review]) -> tuple[np.ndarray, np.ndarray]:
    known = [r for r in sample if r.model.emotion is not None and r.coding.expression is not None]
    top = np.array([max(r.model.emotion or (0.0,)) for r in known])
    right = np.array([r.model.label == r.coding.expression for r in known], bool)
    return top, right


def weight(review: Review) -> float:
    """Return how many clips one of the random sample stands for."""
    assert review.sampling.probability is not None  # it is of the random sample
    return 1 / review.sampling.probability


def _said(review: Review) -> Coding:
    """Return the model's label in the form of a coding."""
    marks = {True: Mark.PRESENT, False: Mark.ABSENT, None: Mark.UNSEEN}
    return Coding(tuple(marks[said] for said in review.model.present), review.model.label)


def _units() -> range:
    return range(len(AU_LABELS))


def _unit(index: int, pairs: Sequence[tuple[Coding, Coding]]) -> Pair:
    marks = [(a.marks[index], b.marks[index]) for a, b in pairs]
    known = [(a, b) for a, b in marks if Mark.UNSEEN not in {a, b}]
    first = np.array([a is Mark.PRESENT for a, _ in known], bool)
    second = np.array([b is Mark.PRESENT for _, b in known], bool)
    unseen = len(marks) - len(known)
    if len(known) < FEWEST:
        return Pair(AU_LABELS[index], len(known), None, None, None, None, None, unseen)
    return Pair(
        name=AU_LABELS[index],
        clips=len(known),
        first=float(first.mean()),
        second=float(second.mean()),
        agreed=float((first == second).mean()),
        kappa=_defined(kappa(first, second)),
        pabak=pabak(first, second),
        unseen=unseen,
    )


def _expression(pairs: Sequence[tuple[str | None, str | None]]) -> Pair:
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    unseen = len(pairs) - len(known)
    if len(known) < FEWEST:
        return Pair("class", len(known), None, None, None, None, None, unseen)
    first, second = (np.array([EMOTIONS.index(one[i]) for one in known]) for i in (0, 1))
    return Pair(
        name="class",
        clips=len(known),
        first=None,
        second=None,
        agreed=float((first == second).mean()),
        kappa=_defined(kappa(first, second)),
        pabak=pabak(first, second, len(EMOTIONS)),
        unseen=unseen,
    )


def _confusion(sample: Sequence[Review]) -> tuple[tuple[int, ...], ...]:
    known = [
        (EMOTIONS.index(r.coding.expression), EMOTIONS.index(r.model.label))
        for r in sample
        if r.coding.expression is not None and r.model.label is not None
    ]
    if not known:
        return ()
    truth, answer = (np.array([one[i] for one in known]) for i in (0, 1))
    return tuple(tuple(int(n) for n in row) for row in confusion(answer, truth, len(EMOTIONS)))


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
