"""Where the siblings meet: frames in, sealed segments and released aggregates out.

Rules of one tick, in this order:
1. A bucket that is over is closed first: its last records are sealed, then all of them together
   as the closing segments that replace the flushes; its data key is dropped; its summaries of
   *all* zones go through suppression together.
2. Each zone gives its newest frame or the reason why it has none; the frame is wiped as soon as
   it was looked at. Every tick is counted with a status.
3. Records wait in memory for at most the policy's flush interval, then are sealed and stored.
If records can't be sealed or stored, they are dropped and counted, statistics go on, and
`Health.persisting` says no. Nothing is ever kept in clear for a later attempt; the open bucket's
records stay in the seal's memory, beside its data key, until the bucket ends. A bucket that can't
be closed keeps its flushes: nothing is lost, it is only larger, and readers call it unclosed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from agent.aggregate.suppress import release
from agent.aggregate.window import BucketWindow
from agent.domain.aggregate import Aggregate
from agent.domain.frame import Frame, FrameStatus
from agent.domain.observation import FaceBackend, Floats, Observation
from agent.domain.policy import Policy
from agent.domain.record import FeatureRecord
from agent.domain.segment import SealedBucketKey, SealedSegment
from agent.errors import SealError, StoreError
from agent.privacy.minimise import minimise


class BucketSeal(Protocol):
    """Seals one zone's records while its bucket is open."""

    @property
    def sealed_key(self) -> SealedBucketKey:
        """The bucket's data key, sealed to the reviewer."""

    def seal(self, records: list[FeatureRecord]) -> SealedSegment:
        """Seal at least one record."""

    def finish(self) -> Sequence[SealedSegment]:
        """Seal all of the bucket's records together and drop the data key."""

    def close(self) -> None:
        """Drop the data key."""


class Recorder(Protocol):
    """Opens seals and stores what they give; `agent.service` builds it."""

    def open_bucket(self, zone: str, start: datetime, now: datetime) -> BucketSeal:
        """Draw a data key for a zone's bucket; raises `SealError` without a recipient."""

    def store(self, key: SealedBucketKey, segment: SealedSegment) -> None:
        """Store durably; raises `StoreError`."""

    def close_bucket(self, key: SealedBucketKey, segments: Sequence[SealedSegment]) -> None:
        """Let closing segments replace a bucket's others; raises `StoreError`."""


@dataclass(slots=True)
class Health:
    """Counters for operators; holds no feature value.

    Attributes:
        ticks: by zone and status.
        faces: faces looked at.
        dropped_frames: frames that came too late, by zone.
        stored_records: sealed and committed.
        lost_records: dropped because they couldn't be sealed or stored.
        released_buckets: closed and released.
        unclosed_buckets: left as flushes, because they couldn't be closed.
        persisting: whether the last attempt to store succeeded.
        store_refuses: whether the database refused the last attempt; a missing key isn't that.
        trouble: the last refusal, one sentence; empty when all is well.
        last_commit: aware UTC.
    """

    ticks: dict[str, dict[str, int]] = field(default_factory=dict)
    faces: int = 0
    dropped_frames: dict[str, int] = field(default_factory=dict)
    stored_records: int = 0
    lost_records: int = 0
    released_buckets: int = 0
    unclosed_buckets: int = 0
    persisting: bool = True
    store_refuses: bool = False
    trouble: str = ""
    last_commit: datetime | None = None


class _OpenBucket:
    """One zone's bucket while it runs."""

    def __init__(self, zone: str, start: datetime, seconds: int) -> None:
        self.window = BucketWindow(zone, start, seconds)
        self.pending: list[FeatureRecord] = []
        self.seal: BucketSeal | None = None
        self._ids: dict[int, int] = {}
        self._drawn: set[int] = set()

    def id_of(self, track: int) -> int:
        """Return a random id that stands for a track in this bucket only."""
        while track not in self._ids:
            drawn = secrets.randbelow(0x10000)
            if drawn not in self._drawn:
                self._drawn.add(drawn)
                self._ids[track] = drawn
        return self._ids[track]

    def forget(self) -> None:
        """Let track numbers mean others from now on: the backend counts from the start again."""
        self._ids.clear()


class SitePipeline:
    """All zones of one site; single-threaded."""

    def __init__(
        self,
        policy: Policy,
        backends: dict[str, FaceBackend],
        *,
        models: tuple[str, ...],
        recorder: Recorder,
        publish: Callable[[list[Aggregate]], object],
        renew: Callable[[datetime], tuple[str, ...]] | None = None,
    ) -> None:
        """Take the parts.

        Args:
            policy: of the site.
            backends: by zone.
            models: names of the models.
            recorder: seals and stores.
            publish: stores released aggregates and may raise `StoreError`.
            renew: called between two buckets, where models may be adjusted; returns their names.
        """
        self.health = Health(
            ticks={zone: dict.fromkeys(FrameStatus, 0) for zone in backends},
            dropped_frames=dict.fromkeys(backends, 0),
        )
        self._policy, self._backends, self._models = policy, backends, models
        self._recorder, self._publish, self._renew = recorder, publish, renew
        self._buckets: dict[str, _OpenBucket] = {}
        self._start: datetime | None = None
        self._last_flush: datetime | None = None

    def begin_tick(self, now: datetime) -> bool:
        """Close a bucket that is over and flush what has waited long enough.

        Returns:
            Whether a bucket was opened.
        """
        start = bucket_start(now, self._policy.release.bucket)
        if self._start is not None and start != self._start:
            self.close_bucket(now)
        opened = not self._buckets
        if opened:
            # Only here, so that one bucket's numbers are all made by the same rules.
            if self._renew is not None:
                self._models = self._renew(now)
            self._open(start, now)
        # abs: a clock that is set back must not keep records waiting until it has caught up.
        if self._last_flush is None or abs(now - self._last_flush) >= self._policy.flush:
            self.flush(now)
        return opened

    def age(self, now: datetime) -> float:
        """Return for how long the open bucket's time has run, seconds."""
        return 0.0 if self._start is None else (now - self._start).total_seconds()

    def see(
        self,
        zone: str,
        frame: Frame,
        *,
        now: datetime,
        seconds: float,
        is_old: Callable[[Floats], bool] = lambda _box: False,
    ) -> FrameStatus:
        """Look at one frame of a zone, count it, keep its records; the frame is wiped.

        Args:
            zone: name.
            frame: owned from now on.
            now: aware UTC, the present tick.
            seconds: time that this tick stands for.
            is_old: says whether a box shows what has been there for too long to be of this frame.
        """
        try:
            look = self._backends[zone].look(frame)
        finally:
            frame.wipe()
        seen = [face for face in look.observations if not is_old(face.box)]
        status = FrameStatus.FROZEN if look.observations and not seen else look.status
        self.count(zone, status, faces=len(seen), seconds=seconds)
        bucket = self._buckets[zone]
        for observation in seen:
            record = self._record(bucket, observation, now)
            bucket.window.add(record, observation.scene)
            bucket.pending.append(record)
        self.health.faces += len(seen)
        return status

    def count(self, zone: str, status: FrameStatus, *, faces: int = 0, seconds: float) -> None:
        """Count a tick, also one without a frame."""
        self.health.ticks[zone][status] += 1
        self._buckets[zone].window.tick(status, faces, seconds)

    def forget(self, zone: str) -> None:
        """Forget a zone's tracks: capture is paused, and who comes back is somebody new."""
        self._backends[zone].reset()
        if zone in self._buckets:
            self._buckets[zone].forget()

    def drop(self, zone: str, frames: int) -> None:
        """Count frames that came too late to be looked at."""
        self.health.dropped_frames[zone] += frames
        self._buckets[zone].window.dropped(frames)

    def _record(self, bucket: _OpenBucket, seen: Observation, now: datetime) -> FeatureRecord:
        return minimise(
            seen,
            at=now,
            bucket_start=bucket.window.bucket_start,
            track=bucket.id_of(seen.track),
        )

    def flush(self, now: datetime) -> None:
        """Seal and store what waits, zone by zone."""
        self._last_flush = now
        for zone, bucket in self._buckets.items():
            if bucket.pending:
                self._store(zone, bucket, now)

    def _store(self, zone: str, bucket: _OpenBucket, now: datetime) -> None:
        records, bucket.pending = bucket.pending, []
        try:
            if bucket.seal is None:
                bucket.seal = self._recorder.open_bucket(zone, bucket.window.bucket_start, now)
            self._recorder.store(bucket.seal.sealed_key, bucket.seal.seal(records))
        except (SealError, StoreError) as error:
            # The next attempt starts a chain of its own: this one has a hole from now on.
            self._drop_seal(bucket)
            self.health.lost_records += len(records)
            self.health.persisting = False
            self.health.store_refuses = isinstance(error, StoreError)
            self.health.trouble = error.sentences
        else:
            self.health.stored_records += len(records)
            self.health.persisting = True
            self.health.store_refuses = False
            self.health.trouble = ""
            self.health.last_commit = now

    def _open(self, start: datetime, now: datetime) -> None:
        seconds = int(self._policy.release.bucket.total_seconds())
        self._start = start
        self._last_flush = now
        self._buckets = {zone: _OpenBucket(zone, start, seconds) for zone in self._backends}

    def close_bucket(self, now: datetime) -> None:
        """Seal the rest, release the bucket's aggregates, drop its keys."""
        if not self._buckets:
            return
        self.flush(now)
        summaries = [bucket.window.summary() for bucket in self._buckets.values()]
        self._finish_buckets()
        try:
            self._publish(release(summaries, self._policy, models=self._models))
        except StoreError as error:
            self.health.trouble = error.sentences
        else:
            self.health.released_buckets += 1

    def _finish_buckets(self) -> None:
        """Close each zone's sealed bucket; afterwards no data key is left."""
        for bucket in self._buckets.values():
            try:
                self._finish(bucket)
            finally:
                self._drop_seal(bucket)
        self._buckets = {}

    def _finish(self, bucket: _OpenBucket) -> None:
        if bucket.seal is None:
            return
        try:
            closing = bucket.seal.finish()
            if closing:
                self._recorder.close_bucket(bucket.seal.sealed_key, closing)
        except (SealError, StoreError) as error:
            self.health.unclosed_buckets += 1
            self.health.trouble = error.sentences

    @staticmethod
    def _drop_seal(bucket: _OpenBucket) -> None:
        if bucket.seal is not None:
            bucket.seal.close()
            bucket.seal = None

    def stop(self, now: datetime) -> None:
        """Seal and close; an unfinished bucket isn't released, its coverage would lie."""
        self.flush(now)
        self._finish_buckets()
        for backend in self._backends.values():
            backend.close()


def bucket_start(now: datetime, length: timedelta) -> datetime:
    """Return the start of the fixed bucket that holds `now`; buckets begin at midnight UTC."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + length * ((now - midnight) // length)
