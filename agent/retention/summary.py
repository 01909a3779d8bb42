"""A plan in few lines: lots of the same kind, place and reason together. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from agent.domain.retention import LegalHold, Tier
from agent.domain.words import Words
from agent.retention.plan import Lot, RetentionPlan, Why

_ORDER = {tier: place for place, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class Group:
    """Lots of one tier and zone that share their reason.

    Attributes:
        tier: what they are.
        zone: where; "" for all.
        why: the reason.
        hold: of held ones, the hold that lasts longest.
        holdings: how many.
        rows: in all of them.
        stored_bytes: in all of them.
        since: start of the oldest, aware UTC.
        until: end of the newest, aware UTC.
        first: the earliest deciding instant, aware UTC.
        last: the latest.
    """

    tier: Tier
    zone: str
    why: Why
    hold: LegalHold | None
    holdings: int
    rows: int
    stored_bytes: int
    since: datetime
    until: datetime
    first: datetime
    last: datetime

    def sentence(self, timezone: str, words: Words) -> str:
        """Say why, with the instant in the words of the site's clock.

        Args:
            timezone: of the site.
            words: with those of `policies/text/retention.toml`.
        """
        zone = ZoneInfo(timezone)
        first, last = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (self.first, self.last))
        at = first if first == last else words("plan.to", first=first, last=last)
        reason = "" if self.hold is None else self.hold.reason
        return words(f"reason.{self.why}", at=at, reason=reason)

    def name(self, words: Words) -> str:
        """Return what the lots are."""
        return words(f"tier.{self.tier}")

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        times = {name: getattr(self, name) for name in ("since", "until", "first", "last")}
        return {
            "tier": self.tier,
            "zone": self.zone,
            "why": self.why,
            "hold": None if self.hold is None else self.hold.id,
            "holdings": self.holdings,
            "rows": self.rows,
            "bytes": self.stored_bytes,
            **{name: at.isoformat() for name, at in times.items()},
        }


def grouped(lots: Iterable[Lot]) -> list[Group]:
    """Put lots of the same tier, zone, reason and hold together, in that order."""

    def key(lot: Lot) -> tuple[int, str, str, str]:
        hold = "" if lot.hold is None else lot.hold.id
        return _ORDER[lot.holding.tier], lot.holding.zone, lot.why, hold

    return [_group(list(found)) for _, found in groupby(sorted(lots, key=key), key)]


def as_json(plan: RetentionPlan) -> dict[str, Any]:
    """Return a plan for a program: its groups, and each holding that goes or is held."""
    return {
        "expire": [group.as_json() for group in grouped(plan.expire)],
        "held": [group.as_json() for group in grouped(plan.held)],
        "keep": [group.as_json() for group in grouped(plan.keep)],
        "next_due": plan.next_due.isoformat() if plan.next_due else None,
        "holdings": [_lot(lot) for lot in plan],
    }


def _lot(lot: Lot) -> dict[str, Any]:
    return {
        "id": lot.holding.id,
        "tier": lot.holding.tier,
        "zone": lot.holding.zone,
        "rows": lot.holding.rows,
        "delete_by": lot.holding.delete_by.isoformat(),
        "why": lot.why,
        "at": lot.at.isoformat(),
        "hold": None if lot.hold is None else lot.hold.id,
    }


def _group(lots: list[Lot]) -> Group:
    first = lots[0]
    holdings = [lot.holding for lot in lots]
    return Group(
        tier=first.holding.tier,
        zone=first.holding.zone,
        why=first.why,
        hold=first.hold,
        holdings=len(lots),
        rows=sum(h.rows for h in holdings),
        stored_bytes=sum(h.stored_bytes for h in holdings),
        since=min(h.start for h in holdings),
        until=max(h.end for h in holdings),
        first=min(lot.at for lot in lots),
        last=max(lot.at for lot in lots),
    )
