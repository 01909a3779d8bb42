"""The agent's housekeeping: its stores, when a round is due, and what the health file says of it.

A round runs at the start and whenever a minute has passed, also a minute of sleep; a scheduler may
hint at one earlier, but nothing depends on it. Whatever is refused is said and tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from agent import bias_check
from agent.checkpoints import load_device, prune_if_due
from agent.clock import Clock
from agent.config.site import Site
from agent.config.words import RETENTION, load_words
from agent.crypto.keys import load_public
from agent.domain.access import AccessRecorder, Action, Role
from agent.domain.aggregate import Aggregate
from agent.domain.policy import Policy
from agent.epochs import EpochKeys
from agent.errors import AgentError, StoreError
from agent.evaluation.bias import Bias
from agent.maintenance import House, Stores, read_clocks
from agent.memory import recall, remember
from agent.retention.receipt import Actor
from agent.retention.round import Round
from agent.review_keeping import honour_reviews, keep_reviews
from agent.store.access_reader import AccessQuery, AccessReader
from agent.store.aggregates import open_or_replace as open_aggregates
from agent.store.identity import has_begun, known_identity
from agent.store.recover import open_or_replace as open_segments

EVERY = timedelta(minutes=1)
PRUNE_EVERY = timedelta(hours=1)
BIAS_AGAIN = timedelta(hours=1)
AGENT = "omokage-agent"


def open_stores(site: Site, policy: Policy, now: datetime) -> Stores:
    """Open both databases for writing; a damaged one is moved aside, with its deadline.

    Raises:
        StoreMissing: a database that used to be here is gone.
        StoreError: one can't be opened.
    """
    longest = policy.release.bucket + policy.retention.records
    segments, moved = open_segments(site.segments, now=now, longest=longest)
    try:
        if moved:
            _account_for_new(site)
        aggregates, _ = open_aggregates(site.aggregates, now)
    except BaseException:
        segments.close()
        raise
    return Stores(segments, aggregates)


def _account_for_new(site: Site) -> None:
    """Remember the database that takes the place of a damaged one, which is in its care."""
    memory = recall(site.upkeep)
    if memory is not None:
        remember(site.upkeep, replace(memory, store=known_identity(site.segments)))


def is_accounted(site: Site, now: datetime) -> bool:
    """Say whether a missing database is that of a new site; call it before the stores are opened.

    Keys whose first epoch is over have been in use, so records should be here: a database that is
    made afresh beside them would report that nothing is overdue while the old one lies elsewhere.
    Unless the access log knows better: keys made, and no agent started since.
    """
    try:
        if has_begun(site.segments) or known_identity(site.segments) is not None:
            return True
        epochs = load_public(site.public_keys).epochs
    except AgentError:
        return True  # no keys, no records; what else is wrong is said where it matters
    if recall(site.upkeep) is not None:
        return False
    return not any(epoch.valid_to <= now for epoch in epochs) or _is_first_start(site)


def _is_first_start(site: Site) -> bool:
    """Say whether the log holds the making of the keys and no start of an agent."""
    reader = AccessReader(site.access_log)
    try:
        made, started = (
            reader.count(AccessQuery(action=action))
            for action in (Action.KEYS_CREATED, Action.STARTED)
        )
    except StoreError:
        return False
    return made > 0 and started == 0


class Upkeep:
    """Opens the stores and keeps them; single-threaded but for `hint`."""

    def __init__(self, site: Site, policy: Policy, log: AccessRecorder, clock: Clock) -> None:
        """Open the stores.

        Raises:
            StoreError: as `open_stores`.
        """
        self._site, self._policy, self._log, self._clock = site, policy, log, clock
        self._actor = Actor(AGENT, Role.AGENT, policy.digest)
        now = clock.now()
        accounted = is_accounted(site, now)
        self.stores = open_stores(site, policy, now)
        self._house = House(
            self.stores,
            policy,
            log,
            site,
            actor=self._actor,
            keys=EpochKeys(site, policy, log, self._actor),
            accounted=accounted,
        )
        self._due = threading.Event()
        self._due.set()  # deadlines may have passed while the agent was down
        self._kept: float | None = None
        self._pruned: float | None = None
        self._round: Round | None = None
        self._bias: Bias | None = None
        self._bias_next = now
        self._refused: dict[str, str] = {}

    def release(self, rows: Iterable[Aggregate]) -> int:
        """Publish a closed bucket's rows with the policy's deadline."""
        return self.stores.aggregates.release(rows, self._policy.retention.aggregates)

    def hint(self) -> None:
        """Say that a round may be due; from any thread."""
        self._due.set()

    def keep_if_due(self) -> None:
        """Do a round if one is due. Raises nothing that a later round could mend."""
        passed = self._clock.since_boot()
        since = None if self._kept is None else passed - self._kept
        if since is not None and since < EVERY.total_seconds() and not self._due.is_set():
            return
        self._due.clear()
        self._kept = passed
        self._attempt("round", self._keep)
        if self._pruned is None or passed - self._pruned >= PRUNE_EVERY.total_seconds():
            self._pruned = passed
            self._attempt("prune", self._prune)

    def _keep(self) -> None:
        now = self._clock.now()
        self._attempt("marked", lambda: honour_reviews(self._site, self.stores.segments, now))
        self._round = self._house.keep(read_clocks(self._clock))
        self._attempt("reviews", self._keep_reviews)
        self._attempt("bias", self._check_bias)

    def _keep_reviews(self) -> None:
        """Delete the reviews that are due, by a clock that is trusted."""
        if self._round is not None and self._round.doubt is None:
            keep_reviews(self._site, self._policy, self._log, self._actor, self._round.at)

    def _check_bias(self) -> None:
        """Compare places, hours and circumstances once a day, by a clock that is trusted."""
        if self._round is None or self._round.doubt is not None:
            return
        if self._bias is None:
            self._bias = bias_check.read(self._site.bias)
        now = self._round.at
        if now < self._bias_next or not bias_check.due(self._bias, now):
            return
        # Whatever refuses is tried again in an hour, not each minute.
        self._bias_next = now + BIAS_AGAIN
        self._bias = bias_check.check(self._site, self._policy.timezone, now)
        bias_check.write(self._site.bias, self._bias)

    def _prune(self) -> None:
        """Let the access log's oldest entries go, by a clock that is trusted."""
        if self._round is None or self._round.doubt is not None:
            return
        if not self._site.device_key.exists():
            return  # nothing can be signed, so nothing is pruned
        event = self._actor.event(self._round.at, Action.PURGED, "access log")
        keep = self._policy.retention.access_log
        prune_if_due(self._site.access_log, load_device(self._site), event, keep)

    def _attempt(self, name: str, part: Callable[[], object]) -> None:
        try:
            part()
        except AgentError as error:
            self._refused[name] = error.sentences
        else:
            self._refused.pop(name, None)

    @property
    def trouble(self) -> str | None:
        """Return what keeps something from being deleted, in sentences; None if nothing does."""
        sentences = list(self._refused.values())
        if self._round is not None:
            sentences += describe(self._round, self._policy, self._clock.now())
        return " ".join(sentences) or None

    def report(self) -> dict[str, Any] | None:
        """Return the last round for the health file; None before the first."""
        return None if self._round is None else self._round.report()

    def bias_report(self) -> dict[str, Any] | None:
        """Return when places and circumstances were compared last, and what stood out."""
        if self._bias is None:
            return None
        names = [f"{sign.kind}:{sign.name}:{sign.measure}" for sign in self._bias.signs]
        return {"at": self._bias.at.isoformat(), "signs": names}

    def gauges(self) -> dict[str, float]:
        """Return the last round's numbers for a monitoring system."""
        return {} if self._round is None else self._round.gauges()

    def close(self) -> None:
        """Let go of the stores."""
        self.stores.segments.close()
        self.stores.aggregates.close()


def describe(found: Round, policy: Policy, now: datetime, language: str = "en") -> list[str]:
    """Put into sentences what a person must do something about."""
    at = f"{now.astimezone(ZoneInfo(policy.timezone)):%Y-%m-%d %H:%M}"
    words = load_words(language, RETENTION)
    sentences = list(found.trouble)
    if found.doubt is not None:
        sentences.append(words(f"doubt.{found.doubt}", at=at))
    if found.stop is not None:
        sentences.append(words(f"stop.{found.stop}", rows=found.waiting_rows))
    return [
        sentence if sentence.endswith((".", "。")) else f"{sentence}." for sentence in sentences
    ]
