"""Released rows added up: all that is needed to combine them into one number with its interval.

Sums add up again, so a database may do the first part of the work and a page the second; the
result is the same as from the single rows, and it discloses nothing that they don't.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.domain.aggregate import Aggregate, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

REASONS = tuple(Reason)
"""The order of `Sum.hidden`."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Rows of one metric within one step of time.

    With value v, standard error e and face-records n of each row that shows something:

    Attributes:
        zone: name, `SITE_TOTAL`, or "" where several were chosen from.
        step: number of the step of time.
        metric: a key of `METRICS`.
        cells: buckets that were released.
        shown: buckets that show the metric.
        rows: rows that show it with face-records behind; a row is a bucket or a day.
        samples: sum of n.
        tracks: visits, summed over buckets.
        weighted: sum of n v.
        spread: sum of n² e².
        uncertain: rows without a standard error.
        nn: sum of n².
        nnv: sum of n² v.
        nnvv: sum of n² v².
        total: sum of v.
        timed: sum of v times the seconds that were ticked in the same bucket.
        top: largest v; None where nothing is shown.
        hidden: buckets that are hidden, for each of `REASONS`.
    """

    zone: str
    step: int
    metric: str
    cells: int
    shown: int
    rows: int
    samples: int
    tracks: int
    weighted: float
    spread: float
    uncertain: int
    nn: float
    nnv: float
    nnvv: float
    total: float
    timed: float
    top: float | None
    hidden: tuple[int, ...]

    @property
    def reason(self) -> Reason | None:
        """Why most of the hidden buckets are hidden; None where none is."""
        most = max(self.hidden)
        return REASONS[self.hidden.index(most)] if most else None


def sum_of(row: Aggregate, step: int = 0, ticked: float = 0.0) -> Sum:
    """Return one released row as a sum.

    Args:
        row: of a bucket.
        step: its number.
        ticked: seconds that were ticked in the row's bucket.
    """
    v, n, e = row.value or 0.0, row.samples or 0, row.standard_error
    counts = row.value is not None and n > 0
    return Sum(
        zone=row.zone,
        step=step,
        metric=row.metric,
        cells=1,
        shown=int(not row.suppressed),
        rows=int(counts),
        samples=n,
        tracks=row.tracks or 0,
        weighted=n * v,
        spread=(n * (e or 0.0)) ** 2,
        uncertain=int(counts and e is None),
        nn=float(n * n),
        nnv=n * n * v,
        nnvv=n * n * v * v,
        total=v,
        timed=v * ticked,
        top=row.value,
        hidden=tuple(int(row.reason is reason) for reason in REASONS),
    )


def added(sums: Iterable[Sum]) -> Sum | None:
    """Add up sums of one metric; zone and step are those of the first. None for none."""
    parts = list(sums)
    if len(parts) < 2:
        return parts[0] if parts else None
    first = parts[0]
    tops = [part.top for part in parts if part.top is not None]
    return Sum(
        zone=first.zone,
        step=first.step,
        metric=first.metric,
        cells=sum(part.cells for part in parts),
        shown=sum(part.shown for part in parts),
        rows=sum(part.rows for part in parts),
        samples=sum(part.samples for part in parts),
        tracks=sum(part.tracks for part in parts),
        weighted=sum(part.weighted for part in parts),
        spread=sum(part.spread for part in parts),
        uncertain=sum(part.uncertain for part in parts),
        nn=sum(part.nn for part in parts),
        nnv=sum(part.nnv for part in parts),
        nnvv=sum(part.nnvv for part in parts),
        total=sum(part.total for part in parts),
        timed=sum(part.timed for part in parts),
        top=max(tops) if tops else None,
        hidden=tuple(map(sum, zip(*(part.hidden for part in parts), strict=True))),
    )
