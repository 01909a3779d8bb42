"""Delete what is due: sealed records and released aggregates, by deadline and not by schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agent.domain.policy import Policy
from agent.store.aggregates import AggregateWriter
from agent.store.segments import SegmentStore


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What one round of deletion did.

    Attributes:
        segments: sealed segments deleted, with their keys.
        cells: released aggregates deleted.
        erased: whether the write-ahead log was emptied too; False while a reader is open.
    """

    segments: int
    cells: int
    erased: bool


def delete_due(
    segments: SegmentStore, aggregates: AggregateWriter, policy: Policy, now: datetime
) -> Upkeep:
    """Delete everything whose time is over.

    Raises:
        StoreError: the database refuses; the next round tries again.
    """
    purge = segments.expire(now)
    cells = aggregates.expire(now, policy.retention.aggregates)
    return Upkeep(purge.segments, cells, purge.wal_truncated)


def models_folder() -> Path:
    """Return the folder of the shipped models, beside the `agent` package."""
    return Path(__file__).resolve().parent.parent / "models"
