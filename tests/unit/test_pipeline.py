"""The pipeline: buckets, flushes, what is kept when sealing or storing fails."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.config.policy_file import load_policy
from agent.domain.aggregate import Aggregate
from agent.domain.frame import Frame, FrameStatus
from agent.domain.record import FeatureRecord
from agent.domain.segment import SealedBucketKey
from agent.errors import NoRecipient, StoreFull
from agent.pipeline import SitePipeline, bucket_start
from tests.fakes import NOON, FakeBackend

POLICY = load_policy(Path(__file__).resolve().parents[2] / "policies" / "demo.toml")


class FakeSeal:
    """Remembers what it sealed."""

    def __init__(self, log: list[tuple[str, object]], zone: str) -> None:
        self.sealed_key = SealedBucketKey(b"k" * 16, "epoch", b"w", NOON)
        self._log, self._zone = log, zone
        self._all: list[FeatureRecord] = []

    def seal(self, records: list[FeatureRecord]) -> list[FeatureRecord]:
        """Pass the records on."""
        self._log.append(("seal", len(records)))
        self._all += records
        return records

    def finish(self) -> list[list[FeatureRecord]]:
        """Pass all records on once more."""
        self._log.append(("finish", len(self._all)))
        return [self._all] if self._all else []

    def close(self) -> None:
        """Remember that the key is gone."""
        self._log.append(("close", self._zone))


class FakeRecorder:
    """Stores in a list, or refuses as told."""

    def __init__(self) -> None:
        self.log: list[tuple[str, object]] = []
        self.stored: list[FeatureRecord] = []
        self.refuse_open: Exception | None = None
        self.refuse_store: Exception | None = None
        self.refuse_close: Exception | None = None
        self.closed: list[FeatureRecord] = []

    def open_bucket(self, zone, start, now) -> FakeSeal:
        """Open, or refuse."""
        if self.refuse_open:
            raise self.refuse_open
        self.log.append(("open", start))
        return FakeSeal(self.log, zone)

    def store(self, key, segment) -> None:
        """Store, or refuse."""
        if self.refuse_store:
            raise self.refuse_store
        self.stored += segment

    def close_bucket(self, key, segments) -> None:
        """Replace, or refuse."""
        if self.refuse_close:
            raise self.refuse_close
        for segment in segments:
            self.closed += segment


@pytest.fixture
def recorder() -> FakeRecorder:
    """A recorder that accepts everything."""
    return FakeRecorder()


def make(recorder: FakeRecorder, released: list[Aggregate], faces: int = 2) -> SitePipeline:
    """Build a pipeline with one zone that sees `faces` faces in every frame."""
    return SitePipeline(
        POLICY,
        {"entrance": FakeBackend(lambda _frame: faces)},
        models=("fake@00000000",),
        recorder=recorder,
        publish=released.extend,
    )


def frame(sequence: int) -> Frame:
    """A bright picture."""
    return Frame(np.full((48, 64, 3), 200, np.uint8), sequence, 0, sequence * 100_000_000)


def play(pipeline: SitePipeline, seconds: float, start=NOON) -> None:
    """Show ten frames a second."""
    for tick in range(int(seconds * 10)):
        now = start + timedelta(seconds=tick / 10)
        pipeline.begin_tick(now)
        pipeline.see("entrance", frame(tick), now=now, seconds=0.1)


def test_bucket_starts_are_fixed_from_midnight():
    """Two instants of one bucket have the same start, whenever the agent began."""
    length = timedelta(minutes=15)

    starts = {bucket_start(NOON + timedelta(seconds=s), length) for s in (0, 1, 899)}

    assert {NOON} == starts


def test_every_frame_is_wiped(recorder):
    """A frame is zeros as soon as it was looked at."""
    pipeline = make(recorder, [])
    pipeline.begin_tick(NOON)
    shown = frame(0)

    pipeline.see("entrance", shown, now=NOON, seconds=0.1)

    assert shown.pixels.max() == 0


def test_a_frame_is_wiped_even_when_the_backend_crashes(recorder):
    """An exception in inference leaves no pixels behind."""

    def crash(_count: int) -> None:
        raise RuntimeError("boom")

    pipeline = SitePipeline(
        POLICY, {"entrance": FakeBackend(on_look=crash)}, models=("m",), recorder=recorder,
        publish=lambda rows: None,
    )  # fmt: skip
    pipeline.begin_tick(NOON)
    shown = frame(0)

    with pytest.raises(RuntimeError):
        pipeline.see("entrance", shown, now=NOON, seconds=0.1)

    assert shown.pixels.max() == 0


def test_an_old_face_is_no_observation(recorder):
    """A face that is of an earlier picture gives no record; with no other one it isn't `ok`."""
    pipeline = make(recorder, [])
    pipeline.begin_tick(NOON)

    some = pipeline.see("entrance", frame(0), now=NOON, seconds=0.1, is_old=lambda box: box[0] < 50)
    none = pipeline.see("entrance", frame(1), now=NOON, seconds=0.1, is_old=lambda _box: True)
    pipeline.flush(NOON)

    assert (FrameStatus.OK, FrameStatus.FROZEN) == (some, none)
    assert (1, 1) == (len(recorder.stored), pipeline.health.faces)
    assert 1 == pipeline.health.ticks["entrance"][FrameStatus.FROZEN]


def test_records_wait_at_most_the_flush_interval(recorder):
    """After six seconds with a five-second flush, five seconds of records are stored."""
    pipeline = make(recorder, [])

    play(pipeline, 6)

    assert len(recorder.stored) >= 2 * 10 * 5


def test_a_bucket_is_released_once_and_its_key_dropped(recorder):
    """When a bucket is over, its aggregates come out, and its data key is gone first."""
    released: list[Aggregate] = []
    pipeline = make(recorder, released)

    play(pipeline, 31)

    assert {row.bucket_start for row in released} == {NOON}
    assert ("close", "entrance") in recorder.log
    assert any(row.metric == "au.AU12.rate" and not row.suppressed for row in released)


def test_a_bucket_is_closed_with_all_its_records(recorder):
    """At the bucket's end everything that was flushed is sealed once more, together."""
    pipeline = make(recorder, [])

    play(pipeline, 31)

    assert recorder.closed == recorder.stored[:600]
    assert recorder.log.index(("finish", 600)) < recorder.log.index(("close", "entrance"))


def test_a_bucket_that_cannot_be_closed_keeps_its_flushes(recorder):
    """A refused closing loses no record and no aggregate; the key goes and health says so."""
    released: list[Aggregate] = []
    recorder.refuse_close = StoreFull("full")
    pipeline = make(recorder, released)

    play(pipeline, 31)

    assert pipeline.health.unclosed_buckets == 1
    assert pipeline.health.lost_records == 0
    assert len(recorder.stored) >= 600
    assert ("close", "entrance") in recorder.log
    assert released


def test_a_bucket_without_a_face_is_not_closed(recorder):
    """Where nothing was sealed there is nothing to replace."""
    pipeline = make(recorder, [], faces=0)

    play(pipeline, 31)

    assert recorder.log == []
    assert recorder.closed == []


def test_too_few_faces_stay_hidden(recorder):
    """One face in a bucket with k = 2 releases coverage, and nothing that comes from the face."""
    released: list[Aggregate] = []
    pipeline = make(recorder, released, faces=1)

    play(pipeline, 31)

    shown = [row.metric for row in released if not row.suppressed and row.value is not None]
    assert shown
    assert all(metric.startswith("coverage.") for metric in shown)


def test_without_a_recipient_statistics_go_on(recorder):
    """No key: nothing is persisted, health says so, and aggregates are still released."""
    released: list[Aggregate] = []
    recorder.refuse_open = NoRecipient("no key")
    pipeline = make(recorder, released)

    play(pipeline, 31)

    assert recorder.stored == []
    assert released
    assert not pipeline.health.persisting
    assert pipeline.health.lost_records > 0
    assert "no key" in pipeline.health.trouble


def test_a_full_disk_drops_records_and_recovers(recorder):
    """Records that can't be stored aren't kept for later; storing goes on when it can again."""
    recorder.refuse_store = StoreFull("full")
    pipeline = make(recorder, [])
    play(pipeline, 6)
    lost = pipeline.health.lost_records
    recorder.refuse_store = None

    play(pipeline, 6, start=NOON + timedelta(seconds=6))

    assert lost > 0
    assert pipeline.health.persisting
    assert pipeline.health.lost_records == lost
    assert pipeline.health.stored_records == len(recorder.stored) > 0


def test_a_failed_store_starts_a_new_chain(recorder):
    """After a hole in a chain of segments the next segment is sealed under a new key."""
    recorder.refuse_store = StoreFull("full")
    pipeline = make(recorder, [])
    play(pipeline, 6)
    recorder.refuse_store = None
    play(pipeline, 6, start=NOON + timedelta(seconds=6))

    opened = [entry for entry in recorder.log if entry[0] == "open"]

    assert len(opened) == 2


def test_track_ids_mean_nothing_in_the_next_bucket(recorder):
    """The same two tracks get two new random ids in each bucket."""
    pipeline = make(recorder, [])

    play(pipeline, 60)
    pipeline.close_bucket(NOON + timedelta(seconds=60))

    first = {record.track for record in recorder.stored[:600]}
    second = {record.track for record in recorder.stored[600:]}
    assert len(first) == len(second) == 2
    assert first != second


def test_an_unfinished_bucket_is_sealed_but_not_released(recorder):
    """Stopping keeps the records that wait, and shows no half bucket."""
    released: list[Aggregate] = []
    pipeline = make(recorder, released)
    play(pipeline, 3)

    pipeline.stop(NOON + timedelta(seconds=3))

    assert len(recorder.stored) == 60
    assert recorder.closed == recorder.stored
    assert released == []


def test_ticks_without_a_frame_are_counted(recorder):
    """A lost camera shows up as time, not as nothing."""
    released: list[Aggregate] = []
    pipeline = make(recorder, released)
    pipeline.begin_tick(NOON)
    pipeline.count("entrance", FrameStatus.CAMERA_LOST, seconds=5.0)

    pipeline.close_bucket(NOON + timedelta(seconds=30))

    share = next(r for r in released if r.metric == "coverage.camera_lost_share")
    assert share.value == 1.0


def test_models_are_renewed_between_buckets_only(recorder):
    """Whoever adjusts the models is asked once a bucket, and its numbers carry the new names."""
    released: list[Aggregate] = []
    names = iter([("first",), ("second",), ("third",)])
    asked: list[object] = []

    def renew(now):
        asked.append(now)
        return next(names)

    pipeline = SitePipeline(
        POLICY,
        {"entrance": FakeBackend(lambda _f: 2)},
        models=("shipped",),
        recorder=recorder,
        publish=released.extend,
        renew=renew,
    )
    play(pipeline, 65)

    assert len(asked) == 3
    assert [("first",), ("second",)] == list(dict.fromkeys(row.models for row in released))
