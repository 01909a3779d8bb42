"""How a review comes to be: first its digest stands in the access log, then it is stored.

So a review that was changed or slipped in later is found: its digest isn't in the chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from agent.domain.access import AccessEvent, AccessRecorder, Action, Decision, Role
from agent.domain.access_entry import AccessEntry
from agent.domain.review import DIGEST_PREFIX, Review, StoredReview
from agent.domain.segment import from_seconds, to_seconds
from agent.errors import AgentError
from agent.store.reviews import ReviewStore, seal

DEADLINE = "delete_by"
"""Name under which an entry counts a review's deadline, seconds since 1970."""


class Fault(StrEnum):
    """What is wrong between the reviews and the access log."""

    NOT_LOGGED = "not-logged"
    """A stored review whose digest isn't in the log: changed, or slipped in."""
    MISSING = "missing"
    """A logged review that is gone before its deadline."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, and where.

    Attributes:
        fault: what is wrong.
        where: row number of the review, or number of the log's entry.
    """

    fault: Fault
    where: int


def submit(store: ReviewStore, recorder: AccessRecorder, review: Review, keep: timedelta) -> int:
    """Write a review down, then store it durably. Returns its number.

    Args:
        store: of the reviews.
        recorder: the site's access log.
        review: what was said.
        keep: how long it may live from the clip's own time on.

    Raises:
        StoreError: the log or the store refuses; nothing was stored. A refusal of the store is
            in the log too.
    """
    sealed = seal(review, keep)
    event = AccessEvent(
        at=review.at,
        actor=review.reviewer,
        role=Role.REVIEWER,
        action=Action.REVIEWED,
        purpose="review",
        objects=(review.clip.id.bucket, DIGEST_PREFIX + sealed.digest),
        counts={DEADLINE: to_seconds(sealed.delete_by)},
    )
    recorder.record(event)
    try:
        return store.add(sealed)
    except AgentError:
        recorder.record(replace(event, decision=Decision.REFUSED))
        raise


def check(
    reviews: Iterable[StoredReview], entries: Iterable[AccessEntry], now: datetime
) -> list[Finding]:
    """Compare the reviews with the access log.

    The log itself must have been verified: this trusts it. Reviews that are older than the oldest
    entry are passed over, since their entries were pruned.

    Args:
        reviews: all that are stored.
        entries: all of the log that say `REVIEWED`, refusals included.
        now: aware UTC.
    """
    logged: dict[str, AccessEntry] = {}
    refused: set[str] = set()
    for entry in entries:
        for name in _digests(entry.event):
            if entry.event.decision is Decision.REFUSED:
                refused.add(name)
            else:
                logged[name] = entry
    oldest = min((entry.event.at for entry in logged.values()), default=None)
    stored = list(reviews)
    found = [
        Finding(Fault.NOT_LOGGED, one.number)
        for one in stored
        if one.digest not in logged and (oldest is None or one.review.at >= oldest)
    ]
    there = {one.digest for one in stored}
    for name, entry in logged.items():
        deadline = from_seconds(entry.event.counts.get(DEADLINE, 0))
        if name not in there and name not in refused and now < deadline:
            found.append(Finding(Fault.MISSING, entry.number))
    return found


def _digests(event: AccessEvent) -> list[str]:
    return [o.removeprefix(DIGEST_PREFIX) for o in event.objects if o.startswith(DIGEST_PREFIX)]
