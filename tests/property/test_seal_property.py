"""For any records and any change to what was sealed: identity, or refusal."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.record import FeatureRecord, from_batch
from agent.domain.segment import CLOSING_SEQUENCE, Closing, SealedSegment, SegmentHeader
from agent.errors import SealError, SegmentTampered, SegmentTruncated
from tests.sealing import NOW, bucket, opener, records, verifier

"""A busy machine isn't a fault of the code."""
codes = st.integers(0, 255)
angles = st.integers(-128, 127)
any_record = st.builds(
    FeatureRecord,
    offset=st.integers(0, 65535),
    track=st.integers(0, 65535),
    au_sides=st.tuples(*[codes] * 32),
    presence=st.integers(0, (1 << 24) - 1),
    scene=codes,
    emotion=st.tuples(*[codes] * 8),
    pose=st.tuples(*[angles] * 3),
    gaze=st.tuples(*[angles] * 2),
    quality=codes,
    calibrated=codes,
)

WRITER = bucket()
SEGMENTS = [WRITER.seal(records(20, seed=i)) for i in range(3)]
SEGMENT = SEGMENTS[1]
CLOSED = WRITER.finish()
BYTES_PARTS = ("nonce", "ciphertext", "previous", "signature")


def open_one(segment: SealedSegment):
    """Open a segment of this module's bucket."""
    return opener().open(segment, WRITER.sealed_key, verifier(), now=NOW)


@settings(max_examples=40)
@given(st.lists(any_record, min_size=1, max_size=40))
def test_open_undoes_seal(wanted: list[FeatureRecord]) -> None:
    """Any records come back, all of them, ordered by time and track."""
    writer = bucket()

    batch = opener().open(writer.seal(wanted), writer.sealed_key, verifier(), now=NOW)

    assert sorted(wanted, key=lambda r: (r.offset, r.track)) == from_batch(batch)


@settings(max_examples=20)
@given(st.lists(st.lists(any_record, min_size=1, max_size=9), min_size=1, max_size=5))
def test_open_bucket_undoes_a_bucket(parts: list[list[FeatureRecord]]) -> None:
    """However the records are cut into segments, the bucket gives them all back."""
    writer = bucket()
    segments = [writer.seal(part) for part in parts]

    batch = opener().open_bucket(segments, writer.sealed_key, verifier(), now=NOW)

    everything = [r for part in parts for r in part]
    key = lambda r: (r.offset, r.track)  # noqa: E731
    assert sorted(map(key, everything)) == [key(r) for r in from_batch(batch)]
    assert sorted(map(repr, everything)) == sorted(map(repr, from_batch(batch)))


@settings(max_examples=200)
@given(st.sampled_from(BYTES_PARTS), st.data())
def test_any_flipped_bit_is_refused(part: str, data: st.DataObject) -> None:
    """One bit anywhere in nonce, ciphertext, link or signature is enough."""
    raw = bytearray(getattr(SEGMENT, part))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    changed = replace(SEGMENT, **{part: bytes(raw)})

    with pytest.raises(SegmentTampered):
        open_one(changed)
    with pytest.raises(SegmentTampered):
        opener().open_bucket(
            [SEGMENTS[0], changed, SEGMENTS[2]] if part != "signature" else [SEGMENTS[0], changed],
            WRITER.sealed_key,
            verifier(),
            now=NOW,
        )


HEADER_CHANGES = {
    "device": st.text(min_size=1, max_size=40),
    "zone": st.text(min_size=1, max_size=40),
    "bucket_start": st.integers(-100_000, 100_000).map(
        lambda s: SEGMENT.header.bucket_start + timedelta(seconds=s)
    ),
    "bucket_seconds": st.integers(1, 10_000),
    "sequence": st.integers(0, CLOSING_SEQUENCE - 1),
    "count": st.integers(1, 65_536),
    "policy_digest": st.binary(min_size=32, max_size=32).map(bytes.hex),
    "models": st.lists(st.text(min_size=1, max_size=9), max_size=4).map(tuple),
    "key_id": st.binary(min_size=16, max_size=16),
    "epoch": st.text(min_size=1, max_size=20),
    "delete_by": st.integers(1, 10_000_000).map(
        lambda s: SEGMENT.header.delete_by + timedelta(seconds=s)
    ),
    "closing": st.builds(Closing, st.integers(60, 70_000), st.booleans()),
}


def test_every_header_field_is_tried() -> None:
    """The list of changes below leaves out only the schema, which has its own refusal."""
    assert {f.name for f in fields(SegmentHeader)} == {*HEADER_CHANGES, "schema_version"}


@settings(max_examples=120)
@given(st.sampled_from(sorted(HEADER_CHANGES)), st.data())
def test_any_changed_header_field_is_refused(name: str, data: st.DataObject) -> None:
    """Each field of the header is authenticated, none is decoration."""
    before = getattr(CLOSED[0].header if name == "closing" else SEGMENT.header, name)
    value = data.draw(HEADER_CHANGES[name].filter(lambda v: v != before))
    segment = CLOSED[0] if name == "closing" else SEGMENT  # only such a one has it
    header = replace(segment.header, **{name: value})

    with pytest.raises(SegmentTampered):
        open_one(replace(segment, header=header))


@settings(max_examples=150)
@given(st.sampled_from(BYTES_PARTS), st.data())
def test_any_cut_is_refused(part: str, data: st.DataObject) -> None:
    """A part that ends early is truncated, or fails its signature at a whole grain."""
    raw = getattr(SEGMENT, part)
    kept = data.draw(st.integers(0, len(raw) - 1))

    with pytest.raises((SegmentTruncated, SegmentTampered)):
        open_one(replace(SEGMENT, **{part: raw[:kept]}))


@settings(max_examples=100)
@given(st.data())
def test_any_flipped_bit_of_a_bucket_key_is_refused(data: st.DataObject) -> None:
    """The sealed key is authenticated by HPKE."""
    raw = bytearray(WRITER.sealed_key.wrapped)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8

    with pytest.raises(SegmentTampered):
        opener().open(SEGMENT, replace(WRITER.sealed_key, wrapped=bytes(raw)), verifier(), now=NOW)


@settings(max_examples=100)
@given(st.binary(max_size=400), st.binary(min_size=64, max_size=64))
def test_noise_is_refused(ciphertext: bytes, signature: bytes) -> None:
    """Made-up bytes are refused with an error of the seal's own branch, never another."""
    with pytest.raises(SealError):
        open_one(replace(SEGMENT, ciphertext=ciphertext, signature=signature))
