"""The difference between two periods, with an interval that doesn't promise too much. Pure.

Faces of one visit, of one bucket and of one day resemble each other (the same people, weather,
light), so a hundred records are not a hundred independent observations. The interval therefore
takes whole days as clusters, like a survey that drew some days at random, and never lets it get
narrower than the visits' own spread. It says whether the numbers differ, never why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from agent.domain.aggregate import t95
from agent.domain.sums import added
from dashboard.estimates import Estimate, combine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.domain.sums import Sum

FEW_DAYS = 5
"""Days a side below which a page warns: chance days weigh much."""
LEAST_DAYS = 2


class Verdict(StrEnum):
    """What may be said of a difference."""

    HIGHER = "higher"
    LOWER = "lower"
    NONE = "none"
    """No evidence of a difference; which isn't evidence of none."""
    UNKNOWN = "unknown"
    """Too few days on a side."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two periods.

    Attributes:
        estimate: over the whole period.
        days: with a shown number.
    """

    estimate: Estimate
    days: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Second period minus first.

    Attributes:
        first: the earlier one, or the one that is compared with.
        second: the other.
        value: difference of the means, unit of the metric.
        low: end of the 95 % interval; None with too few days.
        high: likewise.
    """

    first: Side
    second: Side
    value: float
    low: float | None
    high: float | None

    @property
    def verdict(self) -> Verdict:
        """What may be said."""
        if self.low is None or self.high is None:
            return Verdict.UNKNOWN
        if self.low > 0:
            return Verdict.HIGHER
        return Verdict.LOWER if self.high < 0 else Verdict.NONE


def difference(first: Sequence[Sum], second: Sequence[Sum]) -> Difference | None:
    """Compare one metric between two periods.

    Args:
        first: one sum for each day.
        second: likewise.

    Returns:
        None where a side has no shown number at all.
    """
    found_first, found_second = _side(first), _side(second)
    if found_first is None or found_second is None:
        return None
    (one, error_one), (two, error_two) = found_first, found_second
    value = two.estimate.value - one.estimate.value
    low = high = None
    if error_one is not None and error_two is not None:
        freedom = _welch((error_one, one.days - 1), (error_two, two.days - 1))
        half = t95(freedom) * math.hypot(error_one, error_two)
        low, high = value - half, value + half
    return Difference(one, two, value, low, high)


def _side(days: Sequence[Sum]) -> tuple[Side, float | None] | None:
    estimate = combine(days)
    if estimate is None:
        return None
    shown = [day for day in days if day.samples]
    side = Side(estimate, len(shown))
    return side, _standard_error(shown, estimate) if len(shown) >= LEAST_DAYS else None


def _standard_error(days: Sequence[Sum], whole: Estimate) -> float:
    """Return the standard error with days as clusters; at least that of the visits."""
    spread = sum((day.weighted - whole.value * day.samples) ** 2 for day in days)
    between = math.sqrt(spread * len(days) / (len(days) - 1)) / whole.samples
    parts = added(days)
    assert parts is not None
    return max(between, math.sqrt(parts.spread) / whole.samples)


def _welch(*sides: tuple[float, int]) -> int:
    """Return the degrees of freedom of a difference of two means with unequal variances.

    Source: Welch 1947, Satterthwaite 1946; rounded down.
    """
    whole = sum(error**2 for error, _ in sides) ** 2
    parts = sum(error**4 / freedom for error, freedom in sides)
    return max(1, int(whole / parts)) if parts else sum(freedom for _, freedom in sides)
