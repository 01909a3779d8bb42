"""Is the machine equally good everywhere and always? Pure: groups of numbers in, signs out.

Nobody's age, sex or origin is inferred, so what is compared are circumstances: place, hour, how
near, in which light, turned how far. Rules:
- a difference is a *sign* that somebody should look, never a proof of an error, and never more
  than what was measured: people at the till may really move less than people at the door;
- a sign needs both: a difference large enough to matter, and one that chance hardly brings
  (|z| over `SURE`, which allows for some forty comparisons a day);
- of the reviewers' clips only the random sample counts, weighted as in `agreement`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from agent.domain.review import Review, Verdict
from agent.evaluation.agreement import FEWEST, Z, random_sample, wilson

SURE = 3.5
"""Standard errors; about one in two thousand by chance, one in fifty over forty comparisons."""
PARTS_OF_DAY = (("night", 0, 6), ("morning", 6, 12), ("afternoon", 12, 17), ("evening", 17, 24))
LOW_QUALITY, GOOD_QUALITY = 0.5, 0.75
_WRONG = frozenset({Verdict.FIX, Verdict.REJECT})


class Measure(StrEnum):
    """What is compared."""

    UNREADABLE = "unreadable"
    """Share of the time with a camera in which the picture was too dark or blurred."""
    HIDDEN = "hidden"
    """Share of time buckets that are hidden: what is shown speaks less of this group."""
    QUALITY = "quality"
    """Mean quality that the models give their own reading, 0-1."""
    EXPRESSIVENESS = "expressiveness"
    """Mean of the movements that were measured, 0-1."""
    MISJUDGED = "misjudged"
    """Share of reviewed clips whose label had to be corrected or rejected."""


MATTERS: Mapping[Measure, float] = {
    Measure.UNREADABLE: 0.2,
    Measure.HIDDEN: 0.4,
    Measure.QUALITY: 0.15,
    Measure.EXPRESSIVENESS: 0.05,
    Measure.MISJUDGED: 0.15,
}
"""Difference from which somebody should look."""


class Kind(StrEnum):
    """By what the groups are made."""

    ZONE = "zone"
    HOUR = "hour"
    DISTANCE = "distance"
    LIGHT = "light"
    TURN = "turn"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Group:
    """One group and one measure of it.

    Attributes:
        kind: of group.
        name: of the group within its kind.
        measure: what was measured.
        value: 0-1; None where too little stands behind it.
        error: standard error; None likewise.
        samples: what stands behind it: face-records, clips, or seconds.
        low: end of the 95 % interval; None likewise.
        high: likewise.
    """

    kind: Kind
    name: str
    measure: Measure
    value: float | None
    error: float | None
    samples: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """A group that differs.

    Attributes:
        kind: of group.
        name: the group that is worse off.
        measure: what differs.
        value: of the group, 0-1.
        rest: of what it was compared with.
    """

    kind: Kind
    name: str
    measure: Measure
    value: float
    rest: float


@dataclass(frozen=True, slots=True)
class Bias:
    """One comparison of a period.

    Attributes:
        at: when it was made, aware UTC.
        since: begin of the period.
        until: end of it.
        groups: everything that was measured.
        signs: what somebody should look at.
    """

    at: datetime
    since: datetime
    until: datetime
    groups: tuple[Group, ...]
    signs: tuple[Sign, ...]


def group(
    kind: Kind, name: str, measure: Measure, value: float, error: float, samples: int
) -> Group:
    """Return a group with its interval, cut to 0-1."""
    low, high = max(0.0, value - Z * error), min(1.0, value + Z * error)
    return Group(kind, name, measure, value, error, samples, low, high)


def signs(groups: Iterable[Group]) -> tuple[Sign, ...]:
    """Return the groups that are worse off than the others of their kind.

    The worse is: more unreadable, hidden or misjudged, of less quality, less movement. Each group
    is compared with the mean of the others, each weighing the same.
    """
    lots: dict[tuple[Kind, Measure], list[Group]] = {}
    for one in groups:
        if one.value is not None and one.error is not None:
            lots.setdefault((one.kind, one.measure), []).append(one)
    found = []
    for (kind, measure), lot in lots.items():
        for one in lot:
            others = [other for other in lot if other is not one]
            if others and (rest := _worse(one, others, measure)) is not None:
                found.append(Sign(kind, one.name, measure, one.value or 0.0, rest))
    return tuple(found)


def _worse(one: Group, others: Sequence[Group], measure: Measure) -> float | None:
    rest = math.fsum(other.value or 0.0 for other in others) / len(others)
    error = math.sqrt(
        (one.error or 0.0) ** 2
        + math.fsum((other.error or 0.0) ** 2 for other in others) / len(others) ** 2
    )
    less = measure in {Measure.QUALITY, Measure.EXPRESSIVENESS}
    gap = (rest - (one.value or 0.0)) * (1 if less else -1)
    return rest if gap >= MATTERS[measure] and gap > SURE * error else None


def reviewed(reviews: Iterable[Review], timezone: str) -> list[Group]:
    """Return the misjudged share of the random sample by place, time of day and picture quality."""
    sample = random_sample(sorted(reviews, key=lambda review: review.at))
    judged = [r for r in sample if r.verdict in _WRONG or r.verdict is Verdict.ACCEPT]
    named: tuple[tuple[Kind, Callable[[Review], str]], ...] = (
        (Kind.ZONE, lambda review: review.clip.zone),
        (Kind.HOUR, lambda review: part_of_day(review.clip.at, timezone)),
        (Kind.PICTURE, picture),
    )
    found = []
    for kind, name in named:
        lots: dict[str, list[tuple[bool, float]]] = {}
        for review in judged:
            weight = 1 / (review.sampling.probability or 1.0)
            lots.setdefault(name(review), []).append((review.verdict in _WRONG, weight))
        found += [_judged(kind, name, lots[name]) for name in sorted(lots, key=_in_order)]
    return found


def _in_order(name: str) -> tuple[int, str]:
    """Order parts of the day and qualities as they follow each other, places by their names."""
    known = (*(part for part, *_ in PARTS_OF_DAY), "low", "medium", "good")
    return (known.index(name) if name in known else -1), name


def _judged(kind: Kind, name: str, answers: Sequence[tuple[bool, float]]) -> Group:
    if len(answers) < FEWEST:
        return Group(kind, name, Measure.MISJUDGED, None, None, len(answers))
    total = math.fsum(weight for _, weight in answers)
    share = math.fsum(weight for wrong, weight in answers if wrong) / total
    effective = total**2 / math.fsum(weight**2 for _, weight in answers)
    low, high = wilson(share, effective)
    # Half of Wilson's width: unlike the plain error it isn't 0 where nobody was wrong.
    error = (high - low) / (2 * Z)
    return Group(kind, name, Measure.MISJUDGED, share, error, len(answers), low, high)


def picture(review: Review) -> str:
    """Name the quality of a clip's picture."""
    if review.model.quality < LOW_QUALITY:
        return "low"
    return "good" if review.model.quality >= GOOD_QUALITY else "medium"


def part_of_day(at: datetime, timezone: str) -> str:
    """Name the part of a day by the site's clock."""
    hour = at.astimezone(ZoneInfo(timezone)).hour
    return next(name for name, first, end in PARTS_OF_DAY if first <= hour < end)
