"""What leaves a site for a central database: released buckets and days, whole, by their keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

DAY_SECONDS = 86_400


class Kind(StrEnum):
    """What leaves a site, whole: a bucket's numbers of a zone, or a day's."""

    CELL = "cell"
    DAY = "day"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One released bucket or day of one zone.

    Attributes:
        start: seconds since 1970, UTC.
        kind: bucket or day.
        zone: name, or `SITE_TOTAL`.
    """

    start: int
    kind: Kind
    zone: str

    @property
    def group(self) -> Group:
        """What it is compared in first."""
        return Group(self.kind, self.zone, self.start // DAY_SECONDS)


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """All of one kind and zone that begin on one day by UTC.

    Attributes:
        kind: bucket or day.
        zone: name.
        day: days since 1970.
    """

    kind: Kind
    zone: str
    day: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What two equal groups agree in.

    Attributes:
        count: how many keys.
        starts: sum of their starts.
        deadlines: sum of their deadlines, seconds since 1970.
    """

    count: int
    starts: int
    deadlines: int


@dataclass(frozen=True, slots=True)
class Lives:
    """How long the policy lets numbers live, from the end of their bucket or day on."""

    cells: timedelta
    days: timedelta

    def of(self, kind: Kind) -> int:
        """Return the seconds for one kind."""
        return int((self.cells if kind is Kind.CELL else self.days).total_seconds())

    def within(self, longest: timedelta | None) -> Lives:
        """Return these lives, none longer than the centre allows; None: it sets no bound."""
        if longest is None:
            return self
        return Lives(min(self.cells, longest), min(self.days, longest))
