"""Keep the reviews no longer than the policy says, and pass on which records shouldn't exist.

A reviewer's page can't delete records. It writes down that a bucket should not have been captured;
here that bucket's deadline is brought forward to now, so that the same round deletes it, with a
receipt, unless a legal hold covers it.
"""

from __future__ import annotations

from datetime import datetime

from agent.config.site import Site
from agent.domain.access import AccessRecorder, Action
from agent.domain.policy import Policy
from agent.retention.plan import deadlines
from agent.retention.receipt import Actor
from agent.store.reviews import ReviewReader, ReviewStore
from agent.store.segments import SegmentStore


def honour_reviews(site: Site, segments: SegmentStore, now: datetime) -> int:
    """Bring forward the deadlines of buckets that a reviewer marked; return how many changed.

    Raises:
        StoreError: a database refuses; no deadline was changed.
    """
    if not site.reviews.exists():
        return 0
    with ReviewReader(site.reviews) as reader:
        marked = reader.not_to_be_captured()
    return segments.lower(dict.fromkeys(marked, now.replace(microsecond=0)))


def keep_reviews(
    site: Site, policy: Policy, log: AccessRecorder, actor: Actor, now: datetime
) -> int:
    """Delete the reviews whose time is over, by the policy or by their own deadline.

    Args:
        site: where they lie.
        policy: in force; a shorter one brings deadlines forward.
        log: the deletion is written down there before.
        actor: in whose name.
        now: aware UTC, of a clock that is trusted.

    Returns:
        How many reviews were deleted.

    Raises:
        StoreError: the log or the database refuses.
    """
    if not site.reviews.exists():
        return 0
    with ReviewStore(site.reviews) as store:
        store.lower(deadlines(store.holdings(), policy, now))
        due = [holding.id for holding in store.holdings() if holding.delete_by <= now]
        if not due:
            return 0
        log.record(actor.event(now, Action.PURGED, "reviews", counts={"rows": len(due)}))
        return store.purge(due).reviews
