"""A bucket's end: everything sealed once more, under numbers that were never used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agent.crypto.chain import is_closed
from agent.domain.record import from_batch
from agent.domain.segment import CLOSING_SEQUENCE, FIRST_LINK, MAX_RECORDS, Closing
from agent.errors import SealError, SegmentExpired, SegmentTampered, SegmentTruncated
from tests.sealing import DELETE_BY, NOW, bucket, closed_bucket, opener, records, verifier

PREVIOUS = b"\7" * 32


def large_bucket():
    """Return a bucket that needs three closing segments, its flushes and its closing ones."""
    writer = bucket(previous=PREVIOUS)
    flushes = [writer.seal(records(40_000, seed=i)) for i in range(3)]
    return writer.sealed_key, flushes, writer.finish()


@pytest.fixture(scope="module")
def large():
    """Return the large bucket, made once."""
    return large_bucket()


def reopen(key, segments, **how):
    """Open segments as one bucket."""
    return opener().open_bucket(segments, key, verifier(), **{"now": NOW, **how})


def test_a_closing_segment_holds_the_whole_bucket() -> None:
    """The records are those of all flushes, in order of time."""
    writer = bucket()
    flushes = [writer.seal(records(20, seed=i)) for i in range(4)]

    (closing,) = writer.finish()

    assert closing.header.closing == Closing(records=80, last=True)
    assert closing.header.count == 80
    together = reopen(writer.sealed_key, [closing])
    assert bool(np.all(together == reopen(writer.sealed_key, flushes)))


def test_closing_numbers_were_never_used(large) -> None:
    """No nonce comes twice under a bucket's key."""
    _, flushes, closing = large

    nonces = [segment.nonce for segment in (*flushes, *closing)]

    assert len(set(nonces)) == len(nonces) == 6
    assert [s.header.sequence for s in closing] == [CLOSING_SEQUENCE + i for i in range(3)]


def test_a_large_bucket_has_several_closing_segments(large) -> None:
    """None is larger than allowed, together they count every record, and they open."""
    key, flushes, closing = large

    counts = [segment.header.count for segment in closing]

    assert max(counts) <= MAX_RECORDS
    assert [s.header.closing for s in closing] == [
        Closing(40_000, last=False), Closing(80_000, last=False), Closing(120_000, last=True)
    ]  # fmt: skip
    assert len(reopen(key, closing)) == len(reopen(key, flushes)) == 120_000


def test_no_more_than_a_segment_waits_in_clear() -> None:
    """What is above the largest segment is sealed at once, and what was sealed is wiped."""
    writer = bucket()
    seen = []
    for i in range(5):
        writer.seal(records(30_000, seed=i))
        seen += writer._waiting
        assert sum(map(len, writer._waiting)) <= MAX_RECORDS

    writer.finish()

    assert writer._waiting == []
    assert not any(batch.view(np.uint8).any() for batch in seen)


def test_both_kinds_follow_the_bucket_before(large) -> None:
    """First flush and first closing segment name the same predecessor."""
    _, flushes, closing = large

    assert flushes[0].previous == closing[0].previous == PREVIOUS
    assert closing[1].previous == closing[0].link


def test_an_empty_bucket_has_no_end() -> None:
    """Where nothing was sealed, there is nothing to close."""
    assert bucket().finish() == []


def test_after_its_end_a_bucket_seals_nothing() -> None:
    """The key is gone: neither a flush nor a second end is possible."""
    writer = bucket()
    writer.seal(records(3))
    writer.finish()

    with pytest.raises(SealError, match="closed"):
        writer.seal(records(1))
    with pytest.raises(SealError, match="closed"):
        writer.finish()


def test_a_dropped_bucket_cannot_be_finished() -> None:
    """`close` throws away the records that waited."""
    writer = bucket()
    writer.seal(records(3))
    writer.close()

    with pytest.raises(SealError, match="closed"):
        writer.finish()
    assert writer._waiting == []


@pytest.mark.parametrize("left", [(0, 1), (0,), (1, 2), (0, 2), (2,)])
def test_a_lost_closing_segment_is_noticed(large, left) -> None:
    """Whichever is missing, first, middle or last, the bucket doesn't open."""
    key, _, closing = large

    with pytest.raises(SegmentTruncated):
        reopen(key, [closing[i] for i in left])


def test_flushes_and_closing_segments_do_not_mix(large) -> None:
    """A bucket that shows both would count its records twice."""
    key, flushes, closing = large

    with pytest.raises(SegmentTampered, match="at once"):
        reopen(key, [*flushes, *closing])


def test_an_open_bucket_says_so(large) -> None:
    """Only a last closing segment makes a bucket closed."""
    _, flushes, closing = large

    assert not is_closed(flushes)
    assert not is_closed(closing[:2])
    assert is_closed(closing)


@pytest.mark.parametrize(
    "change",
    [{"closing": Closing(60, last=False)}, {"closing": Closing(61, last=True)}],
)
def test_what_a_closing_segment_says_is_signed(change) -> None:
    """Neither the total nor the end of a bucket can be rewritten."""
    key, (closing,) = closed_bucket()
    forged = replace(closing, header=replace(closing.header, **change))

    with pytest.raises((SegmentTampered, SegmentTruncated)):
        reopen(key, [forged])


@pytest.mark.parametrize(
    "wrong",
    [
        {"closing": None},
        {"sequence": 5},
        {"schema_version": 1},
        {"closing": Closing(59, last=True)},
    ],
)
def test_a_contradictory_header_is_refused(wrong) -> None:
    """Number, kind, schema and total belong together."""
    _, (closing,) = closed_bucket()

    with pytest.raises(ValueError, match=r"segment|records"):
        replace(closing.header, **wrong)


def test_a_bucket_whose_time_is_over_is_not_opened() -> None:
    """From its deadline on a bucket is refused, also while its key still exists."""
    key, closing = closed_bucket()

    with pytest.raises(SegmentExpired):
        reopen(key, closing, now=DELETE_BY)
    with pytest.raises(SegmentExpired):
        opener().open(closing[0], key, verifier(), now=DELETE_BY)


def test_a_lowered_deadline_counts() -> None:
    """The store's deadline may be earlier than the header's, never later."""
    key, closing = closed_bucket()

    with pytest.raises(SegmentExpired):
        reopen(key, closing, deadline=NOW)
    with pytest.raises(SegmentExpired):
        reopen(key, closing, now=DELETE_BY, deadline=DELETE_BY.replace(year=2030))


def test_a_hold_keeps_a_bucket_readable() -> None:
    """Under a legal hold the deadline waits."""
    key, closing = closed_bucket()

    assert len(reopen(key, closing, now=DELETE_BY, held=True)) == 60


def test_records_come_back_whole() -> None:
    """Every field of every record survives the closing."""
    key, closing = closed_bucket(flushes=1)

    wanted = sorted(records(20, seed=0), key=lambda r: (r.offset, r.track))
    assert wanted == from_batch(reopen(key, closing))


def test_an_asked_verifier_answers_for_device_and_time() -> None:
    """A look-up gets the device and the bucket's start, and its refusal comes through."""
    from agent.errors import UnknownKey

    key, closing = closed_bucket()
    asked = []

    def lookup(device, at):
        asked.append((device, at))
        if len(asked) > 1:
            raise UnknownKey("no such device")
        return verifier()

    assert len(opener().open_bucket(closing, key, lookup, now=NOW)) == 60
    with pytest.raises(UnknownKey, match="no such device"):
        opener().open_bucket(closing, key, lookup, now=NOW)
    assert asked[0] == ("camera-1", closing[0].header.bucket_start)


@pytest.mark.parametrize("link", [FIRST_LINK, PREVIOUS])
def test_any_predecessor_is_allowed_in_a_bucket_alone(link) -> None:
    """What a bucket follows is judged with its neighbours, not by itself."""
    key, closing = closed_bucket(previous=link)

    assert len(reopen(key, closing)) == 60
