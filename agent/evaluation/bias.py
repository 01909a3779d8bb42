"""Is the machine equally good everywhere and always? Pure: groups of numbers in, signs out.

Nobody's age, sex or origin is inferred, so what is compared are circumstances: place, hour, how
near, in which light, turned how far. Rules:
- a difference is a *sign* that somebody should look, never a proof of an error, and never more
  than what was measured: people at the till may really move less than people at the door;
- a sign needs both: a difference large enough to matter, and one that chance hardly brings
  (|z| over `SURE`, which allows for some forty comparisons a day);
- of the reviewers' clips only the random sample counts, weighted as in `agreement`, and of it only
  the newest version of models and thresholds: what an older one got wrong says nothing of this one;
- clips that were reviewed before circumstances were noted belong to no distance, light or turn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from agent.domain.circumstance import PAIRS, Circumstance
from agent.domain.review import Review
from agent.evaluation.agreement import (
    Z,
    judged,
    random_sample,
    weight,
    weighted_rate,
    wrong,
)
from agent.evaluation.differences import Said, compare
from agent.evaluation.versions import newest

SURE = 3.5
"""Standard errors; about one in two thousand by chance, one in fifty over forty comparisons."""
PARTS_OF_DAY = (("night", 0, 6), ("morning", 6, 12), ("afternoon", 12, 17), ("evening", 17, 24))
LOW_QUALITY, GOOD_QUALITY = 0.5, 0.75


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


PAIR_KINDS = (Kind.DISTANCE, Kind.LIGHT, Kind.TURN)
"""In the order of `PAIRS`."""


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
class Errors:
    """Whether wrong labels are spread evenly over one kind of groups.

    Attributes:
        kind: of group.
        said: what may be said.
        chance: how often chance alone makes any kind look at least so different; None with too few.
        noticeable: difference of two shares that would probably have been noticed, 0-1; None
            likewise.
        clips: that took part.
        unknown: clips of which the group isn't known.
    """

    kind: Kind
    said: Said
    chance: float | None
    noticeable: float | None
    clips: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Bias:
    """One comparison of a period.

    Attributes:
        at: when it was made, aware UTC.
        since: begin of the period.
        until: end of it.
        groups: everything that was measured.
        signs: what somebody should look at.
        errors: whether wrong labels differ between groups, by kind; empty without reviews.
    """

    at: datetime
    since: datetime
    until: datetime
    groups: tuple[Group, ...]
    signs: tuple[Sign, ...]
    errors: tuple[Errors, ...] = ()


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
    """Return the misjudged share of the random sample by place, time of day and circumstance.

    Of the newest version only. A group under `FEWEST` clips has no value.
    """
    sample = _sample(reviews)
    found = []
    for kind, name in _namers(timezone).items():
        lots: dict[str, list[tuple[bool, float]]] = {}
        for review in sample:
            if (group_name := name(review)) is not None:
                lots.setdefault(group_name, []).append((wrong(review), weight(review)))
        found += [_judged(kind, key, lots[key]) for key in sorted(lots, key=_in_order)]
    return found


def errors(reviews: Iterable[Review], timezone: str) -> tuple[Errors, ...]:
    """Say for each kind whether wrong labels differ between its groups.

    Of the newest version's random sample. Kinds are asked together, see `differences`.
    """
    sample = _sample(reviews)
    if not sample:
        return ()
    groups = {kind: [name(r) for r in sample] for kind, name in _namers(timezone).items()}
    found = compare([wrong(r) for r in sample], [weight(r) for r in sample], groups)
    return tuple(
        Errors(kind, one.said, one.chance, one.noticeable, one.clips, groups[kind].count(None))
        for kind in groups
        if (one := found[kind])
    )


def _sample(reviews: Iterable[Review]) -> list[Review]:
    return judged(random_sample(newest(list(reviews))))


def _namers(timezone: str) -> dict[Kind, Callable[[Review], str | None]]:
    """Return for each kind what names a review's group; None where it isn't known."""

    def half(pair: tuple[Circumstance, Circumstance]) -> Callable[[Review], str | None]:
        return lambda review: next((c.value for c in pair if c in review.circumstances), None)

    return {
        Kind.ZONE: lambda review: review.clip.zone,
        Kind.HOUR: lambda review: part_of_day(review.clip.at, timezone),
        **{kind: half(pair) for kind, pair in zip(PAIR_KINDS, PAIRS, strict=True)},
        Kind.PICTURE: picture,
    }


def _in_order(name: str) -> tuple[int, str]:
    """Order parts of the day and qualities as they follow each other, places by their names."""
    halves = (one.value for pair in PAIRS for one in pair)
    known = (*(part for part, *_ in PARTS_OF_DAY), "low", "medium", "good", *halves)
    return (known.index(name) if name in known else -1), name


def _judged(kind: Kind, name: str, answers: Sequence[tuple[bool, float]]) -> Group:
    rate = weighted_rate(answers)
    if rate.value is None or rate.low is None or rate.high is None:
        return Group(kind, name, Measure.MISJUDGED, None, None, rate.clips)
    # Half of Wilson's width: unlike the plain error it isn't 0 where nobody was wrong.
    error = (rate.high - rate.low) / (2 * Z)
    return Group(kind, name, Measure.MISJUDGED, rate.value, error, rate.clips, rate.low, rate.high)


def picture(review: Review) -> str:
    """Name the quality of a clip's picture."""
    if review.model.quality < LOW_QUALITY:
        return "low"
    return "good" if review.model.quality >= GOOD_QUALITY else "medium"


def part_of_day(at: datetime, timezone: str) -> str:
    """Name the part of a day by the site's clock."""
    hour = at.astimezone(ZoneInfo(timezone)).hour
    return next(name for name, first, end in PARTS_OF_DAY if first <= hour < end)
