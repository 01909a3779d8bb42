"""One metric by weekday and hour of the site's own clock. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from agent.domain.sums import added
from dashboard.estimates import Estimate, combine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.domain.aggregate import Reason
    from agent.domain.sums import Sum

STEP_SECONDS = 900
"""Time zones differ from UTC by whole quarters of an hour."""
HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Hour:
    """All buckets that begin in one hour of one weekday.

    Attributes:
        weekday: 0 is Monday.
        hour: 0-23.
        estimate: None where nothing is shown.
        reason: why most hidden buckets are hidden; None where none is.
        cells: buckets that were released; 0 where none ever was.
        shown: buckets that show the metric.
    """

    weekday: int
    hour: int
    estimate: Estimate | None
    reason: Reason | None
    cells: int
    shown: int


def by_hour(sums: Iterable[Sum], timezone: str, *, weekdays: bool = True) -> list[Hour]:
    """Combine sums of one metric, in steps of `STEP_SECONDS`, by the clock of the site.

    Args:
        sums: of one metric.
        timezone: of the site.
        weekdays: the 168 hours of a week; else the 24 of a day, as weekday 0.
    """
    zone = ZoneInfo(timezone)
    found: dict[tuple[int, int], list[Sum]] = defaultdict(list)
    for part in sums:
        at = datetime.fromtimestamp(part.step * STEP_SECONDS, UTC).astimezone(zone)
        found[at.weekday() if weekdays else 0, at.hour].append(part)
    days = range(7 if weekdays else 1)
    return [_hour(day, hour, found.get((day, hour), [])) for day in days for hour in range(24)]


def _hour(weekday: int, hour: int, parts: list[Sum]) -> Hour:
    whole = added(parts)
    if whole is None:
        return Hour(weekday, hour, None, None, 0, 0)
    return Hour(weekday, hour, combine(parts), whole.reason, whole.cells, whole.shown)
