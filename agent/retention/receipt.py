"""What a round of deletion says of itself in the access log. Pure.

A receipt is written before the deletion ("due") and once more after it ("done" or "failed"); both
name the same random number. It names buckets by id and counts them by reason; it holds no feature,
and nobody's name but the actor's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.domain.access import AccessEvent, Action, Decision, Role
from agent.domain.retention import Tier
from agent.retention.plan import Lot

IDS_AN_EVENT = 1000
DIGEST_DIGITS = 16
DUE, DONE, FAILED = "due", "done", "failed"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who deletes.

    Attributes:
        name: account or service.
        role: as what.
        digest: of the policy in force, SHA-256 (hex).
    """

    name: str
    role: Role
    digest: str

    def event(
        self,
        at: datetime,
        action: Action,
        purpose: str,
        *,
        objects: Iterable[str] = (),
        counts: Mapping[str, int] | None = None,
        decision: Decision = Decision.ALLOWED,
        note: str = "",
    ) -> AccessEvent:
        """Return an entry that names the policy too."""
        return AccessEvent(
            at=at,
            actor=self.name,
            role=self.role,
            action=action,
            purpose=purpose,
            objects=(f"policy:{self.digest[:DIGEST_DIGITS]}", *objects),
            decision=decision,
            counts=dict(counts or {}),
            note=note,
        )


def due(actor: Actor, at: datetime, number: str, lots: Sequence[Lot]) -> Iterator[AccessEvent]:
    """Yield the entries that announce a deletion.

    Args:
        actor: who deletes.
        at: aware UTC.
        number: of the receipt.
        lots: what goes, at least one.
    """
    names = _names(lots)
    for first in range(0, len(names), IDS_AN_EVENT):
        part = names[first : first + IDS_AN_EVENT]
        counts = _counts(lots) if first == 0 else {}
        yield actor.event(
            at, Action.PURGED, DUE, objects=(f"receipt:{number}", *part), counts=counts
        )


def done(
    actor: Actor, at: datetime, number: str, counts: Mapping[str, int], *, failed: str = ""
) -> AccessEvent:
    """Return the entry that says how a deletion ended; `failed` says why it did."""
    return actor.event(
        at,
        Action.PURGED,
        FAILED if failed else DONE,
        objects=(f"receipt:{number}",),
        counts=counts,
        decision=Decision.REFUSED if failed else Decision.ALLOWED,
        note=failed,
    )


def _counts(lots: Sequence[Lot]) -> dict[str, int]:
    """Count holdings and rows by tier, and holdings by reason."""
    counts: Counter[str] = Counter()
    for lot in lots:
        counts[f"{lot.holding.tier}_holdings"] += 1
        counts[f"{lot.holding.tier}_rows"] += lot.holding.rows
        counts[lot.why] += 1
    return dict(counts)


def _names(lots: Sequence[Lot]) -> list[str]:
    """Name each bucket of records, and numbers by zone and span: there may be thousands."""
    names = [lot.holding.id for lot in lots if lot.holding.tier is Tier.RECORDS]
    spans: dict[tuple[Tier, str], list[tuple[datetime, datetime]]] = defaultdict(list)
    for lot in lots:
        if lot.holding.tier is not Tier.RECORDS:
            spans[lot.holding.tier, lot.holding.zone].append((lot.holding.start, lot.holding.end))
    for (tier, zone), found in sorted(spans.items()):
        first, last = min(start for start, _ in found), max(end for _, end in found)
        names.append(f"{tier}:{zone}:{_text(first)}/{_text(last)}")
    return names


def _text(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"
