"""What the retention commands share: the site's stock, its clocks, and how instants are said."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from agent.config.site import Site
    from agent.domain.policy import Policy
    from agent.domain.retention import Holding, LegalHold
    from agent.memory import Memory
    from agent.retention.trust import Verdict


@dataclass(frozen=True, slots=True)
class Stock:
    """What a site keeps, read without any key.

    Attributes:
        holdings: of both databases.
        holds: all legal holds, also ended ones.
        verdict: what the clocks say.
        known: whether the records' database is the one that was here before.
    """

    holdings: list[Holding]
    holds: list[LegalHold]
    verdict: Verdict
    known: bool


def read_stock(site: Site) -> Stock:
    """Read what a site keeps; nothing is changed.

    Raises:
        StoreMissing: the records' database used to be here and isn't.
        StoreError: a database can't be read.
    """
    from agent.clock import SystemClock
    from agent.maintenance import read_clocks
    from agent.memory import recall
    from agent.retention.trust import judge
    from agent.store.aggregates import AggregateReader
    from agent.store.segments import SegmentReader

    with closing(SegmentReader(site.segments)) as reader:
        holdings, holds = reader.holdings(), reader.holds.all()
    holdings = [*holdings, *AggregateReader(site.aggregates).holdings()]
    memory = recall(site.upkeep)
    newest = max((holding.start for holding in holdings), default=None)
    verdict = judge(read_clocks(SystemClock()), memory.mark if memory else None, newest)
    return Stock(holdings, holds, verdict, _is_known(site, memory, verdict.now))


def _is_known(site: Site, memory: Memory | None, now: datetime) -> bool:
    """Say whether the records' database is the one that was here before, as the agent would."""
    from agent.store.identity import known_identity
    from agent.upkeep import is_accounted

    if memory is None or memory.store is None:
        return is_accounted(site, now)
    return memory.store == known_identity(site.segments)


def say(instant: datetime, policy: Policy) -> str:
    """Put an instant into the words of the site's clock."""
    return f"{instant.astimezone(ZoneInfo(policy.timezone)):%Y-%m-%d %H:%M}"


def parse_instant(text: str, policy: Policy) -> datetime:
    """Read a date, a date and a time by the site's clock, or an instant with its own offset.

    Raises:
        BadParameter: it is none of these.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r}: write 2026-11-23, 2026-11-23T14:30 or 2026-11-23T14:30+09:00"
        ) from error
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZoneInfo(policy.timezone))
    return found.astimezone(UTC)


def plural(number: int, word: str) -> str:
    """Return `1 row`, `2 rows`, `1,000 rows`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
