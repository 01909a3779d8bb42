"""A header refuses what can't be true, and no two headers share their bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from agent.domain.segment import SealedBucketKey, SegmentHeader, counter_nonce, delete_by
from tests.sealing import BUCKET_SECONDS, BUCKET_START, DELETE_BY, DIGEST, MODELS

HEADER = SegmentHeader(
    schema_version=1,
    device="camera-1",
    zone="door",
    bucket_start=BUCKET_START,
    bucket_seconds=BUCKET_SECONDS,
    sequence=0,
    count=50,
    policy_digest=DIGEST,
    models=MODELS,
    key_id=bytes(16),
    epoch="2026-W48-00000000",
    delete_by=DELETE_BY,
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bucket_start": BUCKET_START.replace(tzinfo=None)},
        {"bucket_start": BUCKET_START.astimezone(timezone(timedelta(hours=9)))},
        {"bucket_start": BUCKET_START.replace(microsecond=1)},
        {"delete_by": DELETE_BY.replace(tzinfo=None)},
        {"delete_by": BUCKET_START},
        {"bucket_seconds": 0},
        {"sequence": -1},
        {"sequence": 1 << 32},
        {"count": 0},
        {"count": 65_537},
        {"schema_version": 0},
        {"key_id": bytes(15)},
        {"policy_digest": "ab"},
        {"policy_digest": "zz" * 32},
        {"models": ("m",) * 256},
    ],
)
def test_an_impossible_header_is_refused(wrong: dict[str, object]) -> None:
    """Naive times, endless counts and lifetimes that end before they begin aren't headers."""
    with pytest.raises(ValueError, match=r"."):
        replace(HEADER, **wrong)


@pytest.mark.parametrize("text", ["", "x" * 256])
def test_a_text_that_has_no_bytes_is_refused(text: str) -> None:
    """A zone that the length byte can't tell is refused, not cut."""
    with pytest.raises(ValueError, match="1-255"):
        replace(HEADER, zone=text).to_bytes()


def test_texts_cannot_be_shifted_into_each_other() -> None:
    """Moving a letter from the device's name to the zone's changes the bytes."""
    one = replace(HEADER, device="ab", zone="c")
    other = replace(HEADER, device="a", zone="bc")

    assert one.to_bytes() != other.to_bytes()


def test_models_cannot_be_shifted_into_the_key() -> None:
    """The number of models is part of the bytes."""
    one = replace(HEADER, models=("a", "b"))
    other = replace(HEADER, models=("a",))

    assert one.to_bytes() != other.to_bytes()
    assert one.to_bytes()[: len(other.to_bytes())] != other.to_bytes()


def test_the_canonical_bytes_are_those_of_the_description() -> None:
    """Another implementation can rebuild the bytes from the documented layout."""
    expected = (
        b"omokage/segment/1\0" + b"\0\x01" + b"\x08camera-1" + b"\x04door"
        + int(BUCKET_START.timestamp()).to_bytes(8, "big") + (3600).to_bytes(4, "big")
        + bytes(4) + (50).to_bytes(4, "big") + b"\xab" * 32
        + b"\x02\x15face_encoder@0123abcd\x15emotion_head@89ef0123" + bytes(16)
        + b"\x112026-W48-00000000" + int(DELETE_BY.timestamp()).to_bytes(8, "big")
    )  # fmt: skip

    assert expected == HEADER.to_bytes()


def test_delete_by_counts_from_the_buckets_end() -> None:
    """The last record of a bucket lives no longer than the retention."""
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert delete_by(start, 60, timedelta(hours=1)) == datetime(2026, 1, 1, 1, 1, tzinfo=UTC)


def test_nonces_of_a_bucket_differ() -> None:
    """The counter gives each number its own nonce."""
    nonces = {counter_nonce(i) for i in range(5000)}

    assert len(nonces) == 5000
    assert {len(nonce) for nonce in nonces} == {12}


def test_a_sealed_key_checks_its_fields() -> None:
    """A key without an aware deadline or with a short id is refused."""
    with pytest.raises(ValueError, match="delete_by"):
        SealedBucketKey(bytes(16), "e", b"w", DELETE_BY.replace(tzinfo=None))
    with pytest.raises(ValueError, match="key_id"):
        SealedBucketKey(bytes(3), "e", b"w", DELETE_BY)
