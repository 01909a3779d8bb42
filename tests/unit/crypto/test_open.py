"""The reader refuses whatever isn't exactly what the device sealed, and says which way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.crypto.codec import GRAIN_BYTES
from agent.crypto.create import create_epochs
from agent.crypto.devices import DeviceKey, DeviceKeys
from agent.crypto.open import Opener
from agent.crypto.vault import CHEAPEST
from agent.crypto.wrapping import open_wrapping
from agent.domain.record import from_batch
from agent.domain.segment import SealedSegment
from agent.errors import (
    AgentError,
    SealError,
    SegmentTampered,
    SegmentTruncated,
    UnknownKey,
)
from tests.sealing import (
    BUCKET_START,
    NOW,
    PASSPHRASE,
    bucket,
    keyset,
    old_bucket,
    opener,
    records,
    verifier,
)


def in_order(wanted):
    """Return records as a reader gets them."""
    return sorted(wanted, key=lambda r: (r.offset, r.track))


def resigned(segment: SealedSegment, **changes: object) -> SealedSegment:
    """Return a changed segment that the stolen device key has signed."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    changed = replace(segment, **changes)
    signer = load_pem_private_key(keyset().device_pem, password=None)
    return replace(changed, signature=signer.sign(changed.link))


@pytest.fixture
def sealed():
    """Return a bucket's writer and three segments."""
    writer = bucket()
    return writer, [writer.seal(records(20, seed=i)) for i in range(3)]


def test_records_come_back(sealed) -> None:
    """Opening is the inverse of sealing."""
    writer, segments = sealed

    batch = opener().open(segments[1], writer.sealed_key, verifier(), now=NOW)

    assert in_order(records(20, seed=1)) == from_batch(batch)


def test_a_bucket_comes_back_at_once(sealed) -> None:
    """Opening a whole bucket gives the records of all its segments, in order of time."""
    writer, segments = sealed

    batch = opener().open_bucket(segments, writer.sealed_key, verifier(), now=NOW)

    assert len(batch) == 60
    assert bool(np.all(np.diff(batch["offset"].astype(int)) >= 0))
    one_by_one = [
        r
        for s in segments
        for r in from_batch(opener().open(s, writer.sealed_key, verifier(), now=NOW))
    ]
    assert in_order(one_by_one) == from_batch(batch)


@pytest.fixture
def old():
    """Return a bucket of schema 1, its writer and three segments."""
    writer = old_bucket()
    return writer, [writer.seal(records(20, seed=i)) for i in range(3)]


def test_what_the_first_release_sealed_still_opens(old) -> None:
    """Segments of schema 1 are read like those of today."""
    writer, segments = old

    batch = opener().open_bucket(segments, writer.sealed_key, verifier(), now=NOW)

    assert {segment.header.schema_version for segment in segments} == {1}
    assert len(batch) == 60


def test_an_old_bucket_with_a_lost_segment_still_opens(old) -> None:
    """In schema 1 what was stored around a gap is verified on both of its sides."""
    writer, segments = old

    batch = opener().open_bucket([segments[0], segments[2]], writer.sealed_key, verifier(), now=NOW)

    assert len(batch) == 40


def test_a_forgery_before_a_gap_is_refused(old) -> None:
    """The run before a gap has its own signature check."""
    writer, segments = old
    forged = replace(segments[0], signature=bytes(64))

    with pytest.raises(SegmentTampered):
        opener().open_bucket([forged, segments[2]], writer.sealed_key, verifier(), now=NOW)


@pytest.mark.parametrize("left", [(0, 2), (1, 2), (2,)])
def test_a_bucket_that_lost_a_flush_is_truncated(sealed, left) -> None:
    """From schema 2 on a hole isn't passed over."""
    writer, segments = sealed

    with pytest.raises(SegmentTruncated, match="missing"):
        opener().open_bucket([segments[i] for i in left], writer.sealed_key, verifier(), now=NOW)


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 0, 1), (0, 2, 1), (2, 1, 0)])
def test_reordered_and_repeated_segments_are_refused(sealed, order) -> None:
    """A bucket's segments can be neither shuffled nor counted twice."""
    writer, segments = sealed

    with pytest.raises(SegmentTampered):
        opener().open_bucket([segments[i] for i in order], writer.sealed_key, verifier(), now=NOW)


def test_a_changed_middle_segment_breaks_the_bucket(sealed) -> None:
    """One signature at the end vouches for every segment before it."""
    writer, segments = sealed
    flipped = bytes([segments[1].ciphertext[0] ^ 1]) + segments[1].ciphertext[1:]
    segments[1] = replace(segments[1], ciphertext=flipped)

    with pytest.raises(SegmentTampered, match="follow"):
        opener().open_bucket(segments, writer.sealed_key, verifier(), now=NOW)


def test_a_replaced_beginning_breaks_the_bucket(sealed) -> None:
    """A first segment from another bucket can't be put before the rest."""
    writer, segments = sealed
    segments[0] = bucket().seal(records(20))

    with pytest.raises(SegmentTampered):
        opener().open_bucket(segments, writer.sealed_key, verifier(), now=NOW)


def test_no_segments_are_no_bucket(sealed) -> None:
    """An empty bucket is a caller's mistake."""
    with pytest.raises(ValueError, match="at least one"):
        opener().open_bucket([], sealed[0].sealed_key, verifier(), now=NOW)


def test_a_segment_cannot_move_to_another_zone(sealed) -> None:
    """The header of another zone doesn't fit the signature."""
    writer, segments = sealed
    moved = replace(segments[0], header=replace(segments[0].header, zone="till"))

    with pytest.raises(SegmentTampered, match="signature"):
        opener().open(moved, writer.sealed_key, verifier(), now=NOW)


def test_a_segment_cannot_be_replayed_under_another_number(sealed) -> None:
    """The sequence is signed, and the nonce must be its own."""
    writer, segments = sealed
    replayed = replace(segments[0], header=replace(segments[0].header, sequence=7))

    with pytest.raises(SegmentTampered, match="nonce"):
        opener().open(replayed, writer.sealed_key, verifier(), now=NOW)


def test_a_stolen_device_key_cannot_move_a_segment(sealed) -> None:
    """Signed anew, a changed header still fails the cipher."""
    writer, segments = sealed
    forged = resigned(segments[0], header=replace(segments[0].header, count=21))

    with pytest.raises(SegmentTampered, match="key"):
        opener().open(forged, writer.sealed_key, verifier(), now=NOW)


def test_a_stolen_device_key_cannot_move_a_bucket(sealed) -> None:
    """Signed anew under another zone or deadline, the bucket's key doesn't open."""
    writer, segments = sealed
    later = segments[0].header.delete_by + timedelta(days=1)

    for change in ({"zone": "till"}, {"delete_by": later}, {"epoch": "2026-W01-00000000"}):
        forged = resigned(segments[0], header=replace(segments[0].header, **change))
        with pytest.raises(SegmentTampered, match="context"):
            opener().open(forged, writer.sealed_key, verifier(), now=NOW)


def test_another_devices_segment_is_refused(sealed) -> None:
    """A signature that another device made doesn't count."""
    writer, segments = sealed

    with pytest.raises(SegmentTampered, match="signature"):
        opener().open(segments[0], writer.sealed_key, verifier("camera-2"), now=NOW)


def test_a_forger_with_public_keys_only_is_refused() -> None:
    """Whoever has public.toml can encrypt, but not sign."""
    from agent.crypto.seal import Sealer

    signer = Ed25519PrivateKey.generate()
    key = DeviceKey(signer.public_key().public_bytes_raw(), NOW)
    public = replace(keyset().public, devices=DeviceKeys("camera-1", (key,)))
    writer = Sealer(public, signer).open_bucket(
        "door", BUCKET_START, 3600, delete_by=BUCKET_START + timedelta(days=1),
        policy_digest="ab" * 32, models=(), now=NOW,
    )  # fmt: skip

    with pytest.raises(SegmentTampered, match="signature"):
        opener().open(writer.seal(records(3)), writer.sealed_key, verifier(), now=NOW)


def test_another_buckets_key_is_unknown(sealed) -> None:
    """A segment opens with the key that it names and no other."""
    _, segments = sealed

    with pytest.raises(UnknownKey):
        opener().open(segments[0], bucket().sealed_key, verifier(), now=NOW)


def test_a_key_under_a_false_name_is_refused(sealed) -> None:
    """Another bucket's sealed key, renamed, doesn't open in this context."""
    writer, segments = sealed
    renamed = replace(bucket().sealed_key, key_id=writer.sealed_key.key_id)

    with pytest.raises(SegmentTampered, match="context"):
        opener().open(segments[0], renamed, verifier(), now=NOW)


def test_segments_of_two_buckets_are_not_one(sealed) -> None:
    """A later segment that names another key is refused."""
    writer, segments = sealed
    other = bucket()
    others = [other.seal(records(5)) for _ in range(5)]

    with pytest.raises((UnknownKey, SegmentTampered)):
        opener().open_bucket([*segments, others[4]], writer.sealed_key, verifier(), now=NOW)


def test_a_destroyed_epoch_is_unknown(sealed) -> None:
    """Once the private half is gone, the bucket is gone."""
    writer, segments = sealed

    with pytest.raises(UnknownKey):
        Opener({}).open(segments[0], writer.sealed_key, verifier(), now=NOW)


def test_another_sites_epoch_does_not_open(sealed) -> None:
    """A private key under the right name but of another site is refused."""
    writer, segments = sealed
    foreign = create_epochs(NOW, weeks=1, passphrase=PASSPHRASE, device_id="d", profile=CHEAPEST)
    vault = foreign.vault
    private = open_wrapping(vault, PASSPHRASE).unwrap(vault.epochs[0])

    with pytest.raises(SegmentTampered):
        Opener({writer.sealed_key.epoch: private}).open(
            segments[0], writer.sealed_key, verifier(), now=NOW
        )


@pytest.mark.parametrize("part", ["nonce", "ciphertext", "signature", "previous"])
def test_a_part_that_ends_early_is_truncated(sealed, part) -> None:
    """Each part one byte short is refused before anything else happens."""
    writer, segments = sealed
    cut = replace(segments[1], **{part: getattr(segments[1], part)[:-1]})

    with pytest.raises(SegmentTruncated):
        opener().open(cut, writer.sealed_key, verifier(), now=NOW)


def test_a_segment_cut_at_a_grain_is_refused(sealed) -> None:
    """A cut that keeps the shape is caught by the signature."""
    writer, segments = sealed
    cut = replace(segments[1], ciphertext=segments[1].ciphertext[:-GRAIN_BYTES])

    with pytest.raises(AgentError):
        opener().open(cut, writer.sealed_key, verifier(), now=NOW)


@pytest.mark.parametrize("length", [0, 31, 1120, 1167])
def test_a_cut_bucket_key_is_truncated(sealed, length) -> None:
    """A sealed key that ends early is refused, at any length."""
    writer, segments = sealed
    cut = replace(writer.sealed_key, wrapped=writer.sealed_key.wrapped[:length])

    with pytest.raises(SegmentTruncated):
        opener().open(segments[0], cut, verifier(), now=NOW)


def test_another_schema_is_refused(sealed) -> None:
    """A segment of a later Omokage isn't guessed at."""
    writer, segments = sealed
    newer = replace(segments[0], header=replace(segments[0].header, schema_version=3))

    with pytest.raises(SealError, match="schema"):
        opener().open(newer, writer.sealed_key, verifier(), now=NOW)


def test_an_old_first_segment_follows_nothing(old) -> None:
    """In schema 1 a bucket's beginning can't claim an earlier segment."""
    writer, segments = old
    odd = resigned(segments[0], previous=b"\1" * 32)

    with pytest.raises(SegmentTampered, match="first"):
        opener().open(odd, writer.sealed_key, verifier(), now=NOW)
