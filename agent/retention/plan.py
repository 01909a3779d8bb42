"""Decide what must go: every holding in exactly one list, with one reason. Pure.

Retention here means *at most*. Rules:
- a holding's end is the earlier of the deadline that it was stored with and what the policy in
  force allows from its own end on; a longer policy therefore extends nothing;
- at its end it goes; when it can't be dated it goes at once;
- only a legal hold stands above that, for sealed records, until the hold's own end;
- a holding from the future was written under a wrong clock before now, so it goes at the latest
  one full life from now on.

Where two clocks disagree (see `agent.retention.trust`), `now` is the earlier and `ahead` the later
one. What was written up to `now` is judged by `now`; what claims to be younger was written under
the other clock, and is judged by it: so its age is right whichever clock is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from agent.domain.policy import Policy
from agent.domain.retention import Holding, LegalHold, Tier

SLACK = timedelta(minutes=5)
"""By so much a clock may be set back without making anything look as if from the future."""


class Why(StrEnum):
    """Why a holding goes or stays."""

    PAST_DEADLINE = "past_deadline"
    POLICY_SHORTER = "policy_shorter"
    UNDATABLE = "undatable"
    HELD = "held"
    DUE_LATER = "due_later"
    FROM_THE_FUTURE = "from_the_future"


@dataclass(frozen=True, slots=True)
class Lot:
    """One holding's lot.

    Attributes:
        holding: what it is about.
        why: the reason.
        at: the instant that decides: the end that came or will come; for a held one, the end of
            the hold.
        hold: of a held one, the hold that lasts longest.
    """

    holding: Holding
    why: Why
    at: datetime
    hold: LegalHold | None = None


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What is to be done, in the order in which the holdings came.

    Attributes:
        keep: not due yet.
        expire: due.
        held: due, but a legal hold keeps it.
    """

    keep: tuple[Lot, ...]
    expire: tuple[Lot, ...]
    held: tuple[Lot, ...]

    def __iter__(self) -> Iterator[Lot]:
        yield from self.expire
        yield from self.held
        yield from self.keep

    @property
    def next_due(self) -> datetime | None:
        """The next instant at which something becomes due by itself; None if nothing is left."""
        return min((lot.at for lot in (*self.keep, *self.held)), default=None)


def limit(tier: Tier, policy: Policy) -> timedelta:
    """Return the longest life of a tier."""
    kept = policy.retention
    return {
        Tier.RECORDS: kept.records,
        Tier.AGGREGATES: kept.aggregates,
        Tier.DAILY: kept.daily,
        Tier.ACCESS_LOG: kept.access_log,
    }[tier]


def plan(
    holdings: Iterable[Holding],
    policy: Policy,
    holds: Sequence[LegalHold],
    now: datetime,
    *,
    ahead: datetime | None = None,
) -> RetentionPlan:
    """Decide about every holding.

    Args:
        holdings: what there is.
        policy: in force.
        holds: legal holds that aren't lifted.
        now: aware UTC; where two clocks disagree, the earlier one.
        ahead: the later one then, else None.
    """
    keep: list[Lot] = []
    expire: list[Lot] = []
    held: list[Lot] = []
    for holding in holdings:
        lot = _decide(holding, policy, holds, now, ahead)
        if lot.why is Why.HELD:
            held.append(lot)
        elif lot.why in {Why.DUE_LATER, Why.FROM_THE_FUTURE}:
            keep.append(lot)
        else:
            expire.append(lot)
    return RetentionPlan(tuple(keep), tuple(expire), tuple(held))


def deadlines(
    holdings: Iterable[Holding], policy: Policy, now: datetime, *, ahead: datetime | None = None
) -> dict[str, datetime]:
    """Return the deadlines that must be brought forward, by holding's id; never one put off.

    Args:
        holdings: of one store.
        policy: in force.
        now: as of `plan`.
        ahead: as of `plan`; while it is given, the future keeps its deadlines.
    """
    return {
        holding.id: end.replace(microsecond=0)
        for holding in holdings
        if (end := _end(holding, policy, now, ahead)) < holding.delete_by
    }


def overdue(plan: RetentionPlan, tier: Tier, gone: frozenset[str] = frozenset()) -> int:
    """Count the rows of a tier that are past their end and still there; the goal is 0.

    Args:
        plan: the last round's.
        tier: whose rows.
        gone: ids of holdings that were deleted since.
    """
    due = (lot.holding for lot in plan.expire)
    return sum(h.rows for h in due if h.tier is tier and h.id not in gone)


def _end(holding: Holding, policy: Policy, now: datetime, ahead: datetime | None) -> datetime:
    """Return the last instant at which a holding may exist."""
    longest = limit(holding.tier, policy)
    began = now if _is_from_the_future(holding, now) and ahead is None else holding.end
    return min(holding.delete_by, began + longest)


def _is_from_the_future(holding: Holding, now: datetime) -> bool:
    return holding.start > now + SLACK


def _decide(
    holding: Holding,
    policy: Policy,
    holds: Sequence[LegalHold],
    now: datetime,
    ahead: datetime | None,
) -> Lot:
    future = _is_from_the_future(holding, now)
    clock = ahead if future and ahead is not None else now
    end = _end(holding, policy, now, ahead)
    if holding.end <= holding.start:
        why, end = Why.UNDATABLE, min(end, clock)
    elif end <= clock:
        own = holding.delete_by <= clock
        why, end = (Why.PAST_DEADLINE, holding.delete_by) if own else (Why.POLICY_SHORTER, end)
    else:
        return Lot(holding, Why.FROM_THE_FUTURE if future else Why.DUE_LATER, end)
    keeping = [hold for hold in holds if hold.covers(holding, clock)]
    if keeping:
        longest = max(keeping, key=lambda hold: hold.expires_at)
        return Lot(holding, Why.HELD, longest.expires_at, longest)
    return Lot(holding, why, end)
