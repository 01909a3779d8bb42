"""A day's number, made of what was already released that day and of nothing else.

It reveals nothing new: whoever keeps the released rows can compute it too (the result of any
computation on released numbers protects as much as they do). Hidden cells stay hidden, so a day
says of how many of its buckets it speaks: `coverage`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from agent.domain.aggregate import METRICS, Reason


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day of a site.

    Attributes:
        date: by the site's clock.
        start: its first instant, aware UTC.
        end: first instant after it, aware UTC; 23 to 25 hours later.
    """

    date: date
    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        """Length of the day."""
        return int((self.end - self.start).total_seconds())


@dataclass(frozen=True, slots=True)
class DailyAggregate:
    """One metric of one zone on one day.

    Attributes:
        day: which.
        zone: name of the zone, or `SITE_TOTAL`.
        metric: a key of `METRICS`.
        unit: of `value` and `standard_error`.
        value: rounded to 3 decimals; None where no bucket shows it.
        standard_error: likewise; None where a bucket has none.
        samples: face-records behind the value; None where hidden or technical.
        tracks: visits, summed over buckets; None where hidden or technical.
        persons: the largest bound of a bucket; None where hidden or technical.
        shown: buckets that show the metric.
        cells: buckets of this day that were released.
        expected: buckets that fit into the day.
        reason: why most of the other released ones are hidden; None where none is.
        k: smallest number of persons behind a shown number of a bucket.
        policies: SHA-256 (hex) of the policies at release.
        models: names of the models that measured.
    """

    day: Day
    zone: str
    metric: str
    unit: str
    value: float | None
    standard_error: float | None
    samples: int | None
    tracks: int | None
    persons: int | None
    shown: int
    cells: int
    expected: int
    reason: Reason | None
    k: int
    policies: tuple[str, ...]
    models: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.day.start.tzinfo is not UTC or self.day.end <= self.day.start:
            raise ValueError("a day has two aware UTC instants in order")
        if self.metric not in METRICS:
            raise ValueError(f"{self.metric} isn't in the catalogue")
        if not 0 <= self.shown <= self.cells:
            raise ValueError("more buckets are shown than were released")
        if self.shown == 0 and (self.value, self.samples, self.persons) != (None, None, None):
            raise ValueError("a day without a shown bucket has no number")

    @property
    def coverage(self) -> float:
        """Share of the day's buckets that show the metric, 0-1."""
        return min(1.0, self.shown / self.expected)
