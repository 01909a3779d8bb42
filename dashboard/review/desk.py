"""An unlocked session of review: what was opened, what waits, and how a judgement is handed in.

Holds decrypted records: of the clip that is looked at, and of the next one. It lives in one
session's secret store and nowhere else; `close` drops all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agent.access import unlock_logged
from agent.config.calibration_file import read_steps
from agent.config.site import Site
from agent.crypto.chain import is_closed
from agent.crypto.open import Opener
from agent.crypto.vault import load_vault
from agent.domain.access import AccessEvent, Action
from agent.domain.account import User
from agent.domain.calibration import SHIPPED, Calibration, present
from agent.domain.circumstance import Circumstance
from agent.domain.policy import Policy
from agent.domain.record import Batch
from agent.domain.review import Candidate, Coding, ModelView, Reason, Review, Task, Verdict, Why
from agent.errors import AgentError, ConfigError, SegmentExpired
from agent.review.cutting import Piece, Place, look, pieces, rows_of, seen_under
from agent.review.queue import RULES, Progress, draw_probability, is_drawn, progress, queue
from agent.store.access_log import AccessLog
from agent.store.reviews import Draw, ReviewStore
from agent.store.segments import SealedBucket, SegmentReader
from agent.submission import submit

GRACE = timedelta(minutes=5)
"""After its end a bucket that was never closed won't be: its agent was killed."""
MOST_OBJECTS = 500
"""Buckets that one entry of the access log names."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A clip that is open: its records, and what the model said of it."""

    task: Task
    rows: Batch
    model: ModelView
    models: tuple[str, ...]
    circumstances: tuple[Circumstance, ...]


@dataclass(slots=True)
class Stage:
    """Where a reviewer stands with the present clip; no record in it.

    Attributes:
        clip: name of the clip that this belongs to.
        coding: the blind coding, once submitted.
        verdict: chosen, not handed in yet.
        final: the corrected coding, where the verdict is "fix".
    """

    clip: str
    coding: Coding | None = None
    verdict: Verdict | None = None
    final: Coding | None = None

    @property
    def complete(self) -> bool:
        """Say whether it can be handed in."""
        if self.coding is None or self.verdict is None:
            return False
        return (self.verdict is Verdict.FIX) == (self.final is not None)


@dataclass(slots=True)
class Trouble:
    """What could not be opened, by kind of error."""

    kinds: dict[str, int] = field(default_factory=dict)

    def add(self, error: AgentError) -> None:
        """Count one more."""
        name = type(error).__name__
        self.kinds[name] = self.kinds.get(name, 0) + 1


def persons(site: Site) -> int:
    """Return how many persons' passphrases the vault asks for.

    Raises:
        ConfigError: there is no vault, or others than its owner may read it.
    """
    return len(load_vault(site.vault).salts)


def open_desk(
    site: Site, policy: Policy, user: User, passphrases: Iterable[str], purpose: str, now: datetime
) -> Desk:
    """Unlock the vault; who and why is in the access log before, a refusal after.

    Raises:
        AgentError: as `unlock_logged`.
    """
    event = AccessEvent(now, user.name, user.role, Action.UNLOCKED, purpose.strip())
    with closing(AccessLog(site.access_log)) as log:
        opener = unlock_logged(site.vault, *passphrases, recorder=log, event=event)
    return Desk(site, policy, user, opener, purpose.strip())


class Desk:
    """One reviewer's unlocked session."""

    def __init__(
        self, site: Site, policy: Policy, user: User, opener: Opener, purpose: str
    ) -> None:
        self._site, self._user, self._purpose = site, user, purpose
        self._keep = policy.retention.aggregates
        self._opener: Opener | None = opener
        self._candidates: dict[str, list[Candidate]] = {}
        self._starts: dict[str, datetime] = {}
        self._loaded: dict[str, Loaded] = {}
        self.trouble = Trouble()

    def scan(self, now: datetime, said: Callable[[float], None] = lambda _: None) -> int:
        """Open the buckets that are new to this session and cut them; return how many.

        Which buckets are opened stands in the access log before.

        Args:
            now: aware UTC.
            said: is told how far it is, 0-1.

        Raises:
            StoreError: a database refuses.
        """
        with SegmentReader(self._site.segments) as reader:
            new = [
                holding
                for holding in reader.holdings()
                if holding.epoch is not None
                and holding.id not in self._candidates
                and holding.end <= now < holding.delete_by
            ]
            self._announce([holding.id for holding in new], now)
            found: dict[str, list[Piece]] = {}
            for number, holding in enumerate(new):
                said(number / len(new))
                self._starts[holding.id] = holding.start
                bucket = self._find(reader, holding.id, holding.zone)
                if bucket is not None and _settled(bucket, now):
                    found[holding.id] = self._cut(bucket, now)
        self._draw(found, now)
        return len(found)

    def _announce(self, ids: list[str], now: datetime) -> None:
        with closing(AccessLog(self._site.access_log)) as log:
            for start in range(0, len(ids), MOST_OBJECTS):
                part = tuple(ids[start : start + MOST_OBJECTS])
                user = self._user
                log.record(
                    AccessEvent(now, user.name, user.role, Action.OPENED, self._purpose, part)
                )

    def _cut(self, bucket: SealedBucket, now: datetime) -> list[Piece]:
        try:
            return pieces(self._open(bucket, now), _place(bucket), self._calibration())
        except AgentError as error:
            # One that is damaged doesn't keep the others from being reviewed; the page counts it.
            self.trouble.add(error)
            return []

    def _calibration(self) -> Calibration:
        """Return where presence begins at this site; as shipped where nobody can tell."""
        try:
            return present(read_steps(self._site.calibration))
        except ConfigError:
            return SHIPPED

    def _open(self, bucket: SealedBucket, now: datetime) -> Batch:
        opener = self._opener
        if opener is None:
            raise SegmentExpired("this session is locked", advice="Unlock it again.")
        return opener.open_bucket(
            bucket.segments, bucket.key, opener.verifier, now=now, deadline=bucket.deadline
        )

    def _draw(self, found: dict[str, list[Piece]], now: datetime) -> None:
        """Fix the probability of buckets that nobody has looked at before."""
        with ReviewStore(self._site.reviews) as store:
            draws, seed = store.draws(), store.seed
            recent = [d for d in draws.values() if d.at > now - RULES.week]
            expected = round(sum(d.probability * d.clips for d in recent))
            fresh = {id_: cut for id_, cut in found.items() if id_ not in draws and cut}
            probability = draw_probability(sum(map(len, fresh.values())), expected)
            decided = []
            for id_, cut in fresh.items():
                drawn = sum(is_drawn(seed, c) for c in _candidates(cut, probability))
                end = max(piece.clip.at for piece in cut) + self._keep
                decided.append(Draw(id_, probability, len(cut), drawn, now, end))
            store.decide(decided)
            # Read back: another reviewer's session may have decided at the same time.
            draws = store.draws()
        for id_, cut in found.items():
            chosen = draws[id_].probability if id_ in draws else 1.0
            self._candidates[id_] = list(_candidates(cut, chosen))

    def tasks(self, now: datetime) -> tuple[list[Task], Progress]:
        """Return what waits for this reviewer, and how far the week's work is.

        Raises:
            StoreError: the reviews refuse.
        """
        with ReviewStore(self._site.reviews) as store:
            done, seed = store.done(), store.seed
        everything = [c for cut in self._candidates.values() for c in cut]
        name = self._user.name
        waiting = queue(everything, done, reviewer=name, seed=seed, now=now)
        return waiting, progress(waiting, done, name, now - RULES.week)

    def load(self, task: Task, now: datetime) -> Loaded | None:
        """Return a clip's records; None where they are gone or can't be opened any more.

        Raises:
            StoreError: the database refuses.
        """
        name = str(task.clip.id)
        if task.clip.deadline <= now:
            self._loaded.pop(name, None)
            return None
        if name not in self._loaded:
            self._fetch(task, now)
        return self._loaded.get(name)

    def prefetch(self, tasks: list[Task], now: datetime) -> None:
        """Open the first two clips, and drop all others."""
        wanted = {str(task.clip.id) for task in tasks[:2]}
        self._loaded = {name: one for name, one in self._loaded.items() if name in wanted}
        for task in tasks[:2]:
            self.load(task, now)

    def _fetch(self, task: Task, now: datetime) -> None:
        clip = task.clip
        with SegmentReader(self._site.segments) as reader:
            bucket = self._find(reader, clip.id.bucket, clip.zone)
        if bucket is None:
            return
        try:
            rows = rows_of(self._open(bucket, now), clip)
        except AgentError as error:
            self.trouble.add(error)
            return
        # Its own memory: the rest of the bucket must not stay alive behind it.
        mine = rows.copy()
        models = bucket.segments[0].header.models
        self._loaded[str(clip.id)] = Loaded(task, mine, look(mine), models, seen_under(mine))

    def _find(self, reader: SegmentReader, id_: str, zone: str) -> SealedBucket | None:
        """Return a bucket by its id; None where it is gone."""
        start = self._starts[id_]
        for bucket in reader.buckets(zone=zone, since=start, until=start + timedelta(seconds=1)):
            if bucket.key.key_id.hex() == id_ and bucket.segments:
                return bucket
        return None

    def hand_in(
        self, loaded: Loaded, stage: Stage, reasons: tuple[Reason, ...], now: datetime
    ) -> int:
        """Write a judgement down and store it; return its number.

        Raises:
            StoreError: the access log or the reviews refuse; nothing was stored.
        """
        if stage.coding is None or stage.verdict is None:
            raise ValueError("a judgement needs a coding and a verdict")
        review = Review(
            at=now,
            reviewer=self._user.name,
            clip=loaded.task.clip,
            coding=stage.coding,
            verdict=stage.verdict,
            reasons=reasons,
            final=stage.final if stage.verdict is Verdict.FIX else None,
            model=loaded.model,
            models=loaded.models,
            sampling=loaded.task.sampling,
            circumstances=loaded.circumstances,
        )
        with (
            ReviewStore(self._site.reviews) as store,
            closing(AccessLog(self._site.access_log)) as log,
        ):
            number = submit(store, log, review, self._keep)
        self._loaded.pop(str(loaded.task.clip.id), None)
        return number

    def close(self) -> None:
        """Drop keys and records."""
        self._opener = None
        self._candidates.clear()
        self._loaded.clear()


def _settled(bucket: SealedBucket, now: datetime) -> bool:
    """Say whether a bucket will stay as it is, so that its clips keep their names."""
    return is_closed(bucket.segments) or bucket.segments[0].header.bucket_end + GRACE <= now


def _place(bucket: SealedBucket) -> Place:
    header = bucket.segments[0].header
    return Place(
        bucket.key.key_id.hex(),
        header.zone,
        header.bucket_start,
        min(bucket.deadline, header.delete_by),
    )


def _candidates(cut: Iterable[Piece], probability: float) -> Iterable[Candidate]:
    for piece in cut:
        why = Why.THRESHOLD if piece.why is Why.RANDOM else piece.why
        yield Candidate(piece.clip, piece.uncertainty, why, probability)
