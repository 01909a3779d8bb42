"""Refuse a deletion that is more likely a mistake than a duty. Pure.

Rules:
- what has reached the deadline that it was stored with goes; nobody has to agree to that again;
- what goes *before* its own deadline, because the policy became shorter, waits for somebody who
  types the number of rows, if it is all there is of a tier, or more than half of a large one;
- a policy that keeps nothing, or for ever, is refused;
- while the database isn't the one that was here before, nothing goes, and that is said from the
  beginning: what is overdue lies somewhere else, and its legal holds with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from agent.domain.policy import LONGEST_LIFE, Policy
from agent.domain.retention import Tier
from agent.errors import PolicyEmpty, PolicyError, PolicyWouldKeepForever
from agent.retention.plan import Lot, RetentionPlan, Why, limit

LARGE_ROWS = 1000
LARGE_SHARE = 0.5


class Stop(StrEnum):
    """Why something that is due isn't deleted."""

    MANY_AT_ONCE = "many_at_once"
    OTHER_DATABASE = "other_database"


@dataclass(frozen=True, slots=True)
class Clearance:
    """What of a plan may be done.

    Attributes:
        go: to be deleted now.
        wait: due, but somebody must agree first.
        stop: why something waits, or would wait; None where nothing does.
    """

    go: tuple[Lot, ...]
    wait: tuple[Lot, ...]
    stop: Stop | None

    @property
    def waiting_rows(self) -> int:
        """The number that somebody must type."""
        return rows(self.wait)


def rows(lots: Iterable[Lot]) -> int:
    """Return how many rows lots are about."""
    return sum(lot.holding.rows for lot in lots)


def clear(
    plan: RetentionPlan, policy: Policy, *, known: bool, agreed: int | None = None
) -> Clearance:
    """Say what of a plan may be done.

    Args:
        plan: what is due.
        policy: in force.
        known: whether the database is the one that was here before.
        agreed: the number of rows that somebody typed.

    Raises:
        PolicyEmpty: the policy keeps nothing.
        PolicyWouldKeepForever: a life in it is endless, or longer than ten years.
        PolicyError: `agreed` is another number than that of the waiting rows.
    """
    check_lives(policy)
    if not known:
        return Clearance((), plan.expire, Stop.OTHER_DATABASE)
    mass = _mass(plan)
    wait = tuple(d for d in plan.expire if _is_early(d) and d.holding.tier in mass)
    if agreed is not None and agreed != rows(wait):
        raise PolicyError(
            f"{agreed} isn't the number of rows that would go before their own deadline",
            advice=f"It is {rows(wait)}. Look at `omokage policy plan` before you agree to it.",
        )
    if not wait or agreed is not None:
        return Clearance(plan.expire, (), None)
    waiting = frozenset(id(lot) for lot in wait)
    go = tuple(d for d in plan.expire if id(d) not in waiting)
    return Clearance(go, wait, Stop.MANY_AT_ONCE)


def check_lives(policy: Policy) -> None:
    """Refuse a policy that nobody could keep. Raises as `clear`."""
    for tier in Tier:
        life = limit(tier, policy)
        if life <= timedelta(0):
            raise PolicyEmpty(f"the policy keeps {tier.replace('_', ' ')} for no time at all")
        if life > LONGEST_LIFE:
            raise PolicyWouldKeepForever(
                f"the policy keeps {tier.replace('_', ' ')} for longer than ten years"
            )


def _is_early(lot: Lot) -> bool:
    return lot.why is Why.POLICY_SHORTER


def _mass(plan: RetentionPlan) -> frozenset[Tier]:
    """Return the tiers of which too much would go before its own deadline."""
    early: Counter[Tier] = Counter()
    stay: Counter[Tier] = Counter()
    for lot in (*plan.keep, *plan.held):
        stay[lot.holding.tier] += lot.holding.rows
    for lot in filter(_is_early, plan.expire):
        early[lot.holding.tier] += lot.holding.rows
    return frozenset(tier for tier in early if _is_too_much(early[tier], stay[tier]))


def _is_too_much(early: int, stay: int) -> bool:
    total = early + stay
    return early > 0 and (stay == 0 or (total >= LARGE_ROWS and early > LARGE_SHARE * total))
