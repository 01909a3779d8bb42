"""Keep house: delete what is due, by deadline and not by schedule, and say so.

One round, in this order: judge the clock; plan; bring deadlines forward; sum up days that are over;
announce in the access log; delete records with their keys, then numbers; empty the write-ahead log;
report the outcome; destroy epochs' keys that nothing needs any more. What can't be done now (a full
disk, a reader in the way, a damaged database) is tried again in the next round, and each part goes
on without the others. Decisions are made in `agent.retention`; here they are carried out.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from agent.aggregate.daily import days_over, sum_up
from agent.clock import Clock
from agent.config.site import Site
from agent.domain.access import AccessRecorder, Action, Decision
from agent.domain.policy import Policy
from agent.domain.retention import Holding, LegalHold, Tier
from agent.errors import AgentError
from agent.memory import Memory, recall, remember
from agent.retention.plan import Lot, RetentionPlan, Why, deadlines, overdue, plan
from agent.retention.receipt import Actor, done, due
from agent.retention.round import Round
from agent.retention.safety import Clearance, Stop, clear
from agent.retention.trust import Clocks, Doubt, Verdict, judge
from agent.shipped import shipped
from agent.store.aggregates import AggregateWriter
from agent.store.identity import known_identity
from agent.store.segments import SegmentStore

LOOK_EVERY = timedelta(hours=1)
"""Numbers are looked at when one is due, and at least so often."""
DAYS_A_ROUND = 2
"""Summing up a day of 96 buckets and two zones takes 0.2 s, which the cameras have to wait."""
NO_STORE = 0
"""Stands in the memory for a database that nobody has accounted for."""


class KeySide(Protocol):
    """What becomes of epochs that nothing needs any more; see `agent.epochs`."""

    def __call__(self, now: datetime, needed: Collection[str]) -> tuple[str, ...]:
        """Destroy the ended epochs that aren't needed; return their ids."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Both databases, open for writing."""

    segments: SegmentStore
    aggregates: AggregateWriter


@dataclass(slots=True)
class _Stock:
    """What one round looks at."""

    records: list[Holding] | None = None
    numbers: list[Holding] | None = None
    holds: Sequence[LegalHold] = ()
    trouble: list[str] = field(default_factory=list)

    def all(self) -> list[Holding]:
        return [*(self.records or ()), *(self.numbers or ())]

    def attempt(self, what: Callable[[], Any], failed: Any) -> Any:
        """Do one part; if it is refused, say so and go on."""
        try:
            return what()
        except AgentError as error:
            self.trouble.append(error.sentences)
            return failed


class House:
    """Keeps one site's stores; call `keep` at the start and about once a minute."""

    def __init__(
        self,
        stores: Stores,
        policy: Policy,
        log: AccessRecorder,
        site: Site,
        *,
        actor: Actor,
        keys: KeySide | None = None,
        accounted: bool = True,
    ) -> None:
        """Take the parts.

        Args:
            stores: opened.
            policy: in force.
            log: receipts go here, before the deletion; if it raises, nothing is deleted.
            site: where things lie.
            actor: in whose name.
            keys: destroys epochs; None where the vault isn't within reach.
            accounted: False for a database that is new although the site's keys are old.
        """
        self._stores, self._policy, self._log, self._site = stores, policy, log, site
        self._actor, self._keys, self._accounted = actor, keys, accounted
        self._memory: Memory | None = None
        self._log_pending = True  # whoever ran before may have left it unemptied
        self._look_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._numbers_overdue: int | None = 0
        self._summed: datetime | None = None
        self._announced: tuple[Doubt | None, Stop | None] = (None, None)

    def keep(self, clocks: Clocks, *, agreed: int | None = None, confirmed: bool = False) -> Round:
        """Do one round.

        Args:
            clocks: what they say now.
            agreed: rows that somebody agreed to lose before their own deadline.
            confirmed: somebody says that the clock is right.

        Raises:
            PolicyError: the policy keeps something for ever or not at all, or `agreed` is wrong.
            StoreError: the access log refuses the announcement; nothing was deleted.
        """
        memory = recall(self._site.upkeep) or self._memory
        stock = self._stock(clocks.wall, memory)
        verdict = judge(
            clocks, memory.mark if memory else None, _newest(stock), confirmed=confirmed
        )
        lots = plan(stock.all(), self._policy, stock.holds, verdict.now, ahead=verdict.ahead)
        known, store = self._identity(memory, stock)
        clearance = clear(lots, self._policy, known=known, agreed=agreed)
        self._announce(verdict, clearance)
        self._lower(stock, verdict, clearance)
        days = self._sum_up(stock, verdict) if verdict.doubt is None else 0
        gone = self._delete(stock, verdict, clearance)
        epochs = self._destroy(stock, verdict, lots, gone) if clearance.stop is None else ()
        self._memory = Memory(verdict.mark, store)
        remember(self._site.upkeep, self._memory)
        return self._round(stock, verdict, lots, clearance, gone=gone, days=days, epochs=epochs)

    def _stock(self, wall: datetime, memory: Memory | None) -> _Stock:
        stock = _Stock()
        segments, aggregates = self._stores.segments, self._stores.aggregates
        stock.records = stock.attempt(segments.holdings, None)
        if stock.records is not None:
            # Without the holds nobody can tell what must stay, so then no record goes.
            holds: list[LegalHold] | None = stock.attempt(segments.holds.all, None)
            stock.records = None if holds is None else stock.records
            stock.holds = holds or ()
        if self._must_look(wall, memory):
            stock.attempt(lambda: aggregates.adopt(self._policy.retention.aggregates), None)
            stock.numbers = stock.attempt(aggregates.holdings, None)
            self._looked_at = wall
        return stock

    def _must_look(self, wall: datetime, memory: Memory | None) -> bool:
        """Say whether the numbers, which may be many, must be looked at in this round."""
        if memory is None or memory.mark.doubted_for is not None or self._looked_at is None:
            return True
        if abs(wall - self._looked_at) >= LOOK_EVERY or self._numbers_overdue != 0:
            return True
        return self._look_at is not None and wall >= self._look_at

    def _identity(self, memory: Memory | None, stock: _Stock) -> tuple[bool, int | None]:
        """Say whether the records' database is the one that was here, and what to remember."""
        present = stock.attempt(lambda: known_identity(self._site.segments), None)
        if memory is None or memory.store is None:
            return self._accounted, present if self._accounted else NO_STORE
        return memory.store == present, memory.store

    def _announce(self, verdict: Verdict, clearance: Clearance) -> None:
        """Write down once that something stops or delays a deletion."""
        state = (verdict.doubt, clearance.stop)
        if state not in {self._announced, (None, None)}:
            reasons = [f"clock_{verdict.doubt}"] if verdict.doubt else []
            reasons += [clearance.stop] if clearance.stop else []
            event = self._actor.event(
                verdict.now,
                Action.PURGE_REFUSED,
                " ".join(reasons),
                counts={"waiting_rows": clearance.waiting_rows},
                decision=Decision.REFUSED,
            )
            self._log.record(event)
        self._announced = state

    def _lower(self, stock: _Stock, verdict: Verdict, clearance: Clearance) -> None:
        if clearance.stop is Stop.OTHER_DATABASE:
            return
        waiting = {lot.holding.id for lot in clearance.wait}
        sides = ((self._stores.segments, stock.records), (self._stores.aggregates, stock.numbers))
        for side, holdings in sides:
            mine = [h for h in holdings or () if h.id not in waiting]
            nearer = deadlines(mine, self._policy, verdict.now, ahead=verdict.ahead)
            stock.attempt(lambda side=side, nearer=nearer: side.lower(nearer), 0)  # type: ignore[misc]

    def _delete(self, stock: _Stock, verdict: Verdict, clearance: Clearance) -> frozenset[str]:
        """Announce, delete and report; return the ids of what is gone."""
        records = [lot for lot in clearance.go if lot.holding.tier is Tier.RECORDS]
        numbers = [lot for lot in clearance.go if lot.holding.tier is not Tier.RECORDS]
        number = secrets.token_hex(8)
        for event in due(self._actor, verdict.now, number, clearance.go):
            self._log.record(event)
        before = len(stock.trouble)
        counts: dict[str, int] = {}
        gone: set[str] = set()
        if records or self._log_pending:
            counts |= stock.attempt(lambda: self._purge_records(records, gone), {})
        if numbers:
            counts |= stock.attempt(lambda: self._purge_numbers(numbers, gone), {})
        if clearance.go:
            failed = " ".join(stock.trouble[before:])
            self._log.record(done(self._actor, verdict.now, number, counts, failed=failed))
        return frozenset(gone)

    def _purge_records(self, lots: Sequence[Lot], gone: set[str]) -> dict[str, int]:
        ids = [lot.holding.id for lot in lots]
        self._log_pending = True
        purge = self._stores.segments.purge(ids)
        self._log_pending = not purge.wal_truncated
        gone.update(ids)
        return {
            "keys": purge.keys,
            "segments": purge.segments,
            "files": purge.files,
            "log_emptied": int(purge.wal_truncated),
        }

    def _purge_numbers(self, lots: Sequence[Lot], gone: set[str]) -> dict[str, int]:
        ids = [lot.holding.id for lot in lots]
        purge = self._stores.aggregates.purge(ids)
        gone.update(ids)
        return {"cells": purge.cells, "days": purge.days, "number_files": purge.files}

    def _sum_up(self, stock: _Stock, verdict: Verdict) -> int:
        """Make the numbers of days that are over."""
        return int(stock.attempt(lambda: self._close_days(verdict.now), 0))

    def _close_days(self, now: datetime) -> int:
        writer, kept = self._stores.aggregates, self._policy.retention.daily
        first = writer.reader.earliest()
        if first is None:
            return 0
        ends = [end for end in (writer.reader.summed_up_to(), self._summed) if end is not None]
        made = 0
        days = days_over(first, max(ends, default=None), self._policy, now)
        for day in islice(days, DAYS_A_ROUND):
            made += writer.close_day(sum_up(writer.reader.rows(day.start, day.end), day), kept)
            self._summed = day.end
        return made

    def _destroy(
        self, stock: _Stock, verdict: Verdict, lots: RetentionPlan, gone: Collection[str]
    ) -> tuple[str, ...]:
        """Destroy the keys of epochs that ended so long ago that nothing of them may exist."""
        if self._keys is None or verdict.doubt is not None or stock.records is None:
            return ()
        left = [lot.holding for lot in lots if lot.holding.id not in gone]
        needed = {h.epoch for h in left if h.tier is Tier.RECORDS and h.epoch is not None}
        if any(lot.holding.epoch is None for lot in lots.held):
            return ()  # a damaged database under a hold: nobody can tell which keys it needs
        keys = self._keys
        return tuple(stock.attempt(lambda: keys(verdict.now, needed), ()))

    def _round(
        self,
        stock: _Stock,
        verdict: Verdict,
        lots: RetentionPlan,
        clearance: Clearance,
        *,
        gone: frozenset[str],
        days: int,
        epochs: tuple[str, ...],
    ) -> Round:
        waiting = frozenset(lot.holding.id for lot in clearance.wait)
        missed = gone if clearance.stop is Stop.OTHER_DATABASE else gone | waiting
        if stock.numbers is not None:
            numbers = (Tier.AGGREGATES, Tier.DAILY)
            self._numbers_overdue = sum(overdue(lots, tier, missed) for tier in numbers)
            later = [lot.at for lot in lots.keep if lot.holding.tier in numbers]
            self._look_at = min(later, default=None)
        starts = [h.start for h in stock.records or () if h.id not in gone and h.epoch is not None]
        known = [at for at in (lots.next_due, self._look_at) if at is not None]
        return Round(
            at=verdict.now,
            deleted_records=_rows(clearance.go, gone, records=True),
            deleted_numbers=_rows(clearance.go, gone, records=False),
            erased=not self._log_pending,
            overdue_records=None if stock.records is None else overdue(lots, Tier.RECORDS, missed),
            overdue_numbers=self._numbers_overdue,
            waiting_rows=clearance.waiting_rows,
            stop=clearance.stop,
            held_records=sum(lot.holding.rows for lot in lots.held),
            future_rows=sum(x.holding.rows for x in lots.keep if x.why is Why.FROM_THE_FUTURE),
            oldest_record=min(starts, default=None),
            next_due=min(known, default=None),
            doubt=verdict.doubt,
            days=days,
            epochs=epochs,
            trouble=tuple(stock.trouble),
        )


def read_clocks(clock: Clock) -> Clocks:
    """Return what all of the machine's clocks say now."""
    return Clocks(clock.now(), clock.since_boot(), clock.boot(), clock.served_at())


def _newest(stock: _Stock) -> datetime | None:
    return max((holding.start for holding in stock.all()), default=None)


def _rows(lots: Sequence[Lot], gone: Collection[str], *, records: bool) -> int:
    return sum(
        lot.holding.rows
        for lot in lots
        if lot.holding.id in gone and (lot.holding.tier is Tier.RECORDS) == records
    )


def models_folder() -> Path:
    """Return the folder of the shipped models, see `agent.shipped`."""
    return shipped("models")
