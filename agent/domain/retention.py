"""What is kept, until when, and why: the nouns of retention.

A `Holding` is whatever lives and dies together. Its `delete_by` was fixed when it was written; a
shorter policy may bring it forward, nothing puts it off. Only a `LegalHold` stands above it, with
a reason, an approver and an end of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Tier(StrEnum):
    """What kind of thing is kept; each has its own longest life in the policy."""

    RECORDS = "records"
    AGGREGATES = "aggregates"
    DAILY = "daily"
    ACCESS_LOG = "access_log"


@dataclass(frozen=True, slots=True)
class Holding:
    """Rows that live and die together: a bucket of sealed records, or a cell of aggregates.

    Attributes:
        id: unique within its tier.
        tier: what it is.
        zone: name of the camera's place; "" for all.
        start: first instant it speaks of, aware UTC.
        end: first instant after it, aware UTC.
        rows: face-records, or numbers.
        stored_bytes: on disk, without the database's own overhead.
        delete_by: the last instant at which it may exist, aware UTC.
        epoch: whose key opens it; None where no key is needed.
    """

    id: str
    tier: Tier
    zone: str
    start: datetime
    end: datetime
    rows: int
    stored_bytes: int
    delete_by: datetime
    epoch: str | None = None


@dataclass(frozen=True, slots=True)
class LegalHold:
    """A duty to keep sealed records of some time and place longer than the policy says.

    Attributes:
        id: short, unique.
        zone: only this one; None for all.
        since: holdings that end after this instant, aware UTC.
        until: and start before this one, aware UTC.
        reason: why.
        approver: who decided.
        placed_at: aware UTC.
        expires_at: when the hold ends by itself, aware UTC.
    """

    id: str
    zone: str | None
    since: datetime
    until: datetime
    reason: str
    approver: str
    placed_at: datetime
    expires_at: datetime

    def covers(self, holding: Holding, now: datetime) -> bool:
        """Say whether this hold keeps a holding at `now`; records only."""
        return (
            holding.tier is Tier.RECORDS
            and now < self.expires_at
            and (self.zone in {None, holding.zone} or not holding.zone)
            and holding.end > self.since
            and holding.start < self.until
        )
