"""The writer seals for somebody else, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.config.site import Site
from agent.crypto.create import write_keys
from agent.crypto.seal import Sealer, load_sealer
from agent.crypto.suite import WRAPPED_BYTES
from agent.domain.record import FeatureRecord, to_batch
from agent.domain.segment import FIRST_LINK, counter_nonce
from agent.errors import ConfigError, NoRecipient, SealError
from tests.forked import exit_code_of
from tests.sealing import (
    BUCKET_START,
    DELETE_BY,
    DIGEST,
    MODELS,
    NOW,
    bucket,
    keyset,
    records,
    sealer,
)


def open_at(now, **changes):
    """Open a bucket at an instant, with some arguments changed."""
    arguments = {"delete_by": DELETE_BY, "policy_digest": DIGEST, "models": MODELS}
    return sealer().open_bucket("door", BUCKET_START, 3600, now=now, **{**arguments, **changes})


@pytest.mark.parametrize("weeks", [-1, 3, 500])
def test_without_a_valid_epoch_nothing_is_sealed(weeks: int) -> None:
    """Before the first epoch and after the last there is no bucket to write to."""
    with pytest.raises(NoRecipient):
        open_at(NOW + timedelta(weeks=weeks))


def test_a_lifetime_that_ends_before_the_bucket_is_refused() -> None:
    """A bucket that would be overdue at once isn't opened."""
    with pytest.raises(ValueError, match="delete_by"):
        open_at(NOW, delete_by=BUCKET_START)


def test_a_naive_start_is_refused() -> None:
    """A bucket whose time zone is unknown isn't opened."""
    with pytest.raises(ValueError, match="UTC"):
        sealer().open_bucket(
            "door",
            BUCKET_START.replace(tzinfo=None),
            3600,
            delete_by=DELETE_BY,
            policy_digest=DIGEST,
            models=MODELS,
            now=NOW,
        )


def test_segments_count_from_zero_and_follow_each_other() -> None:
    """Number, nonce and link run through the bucket."""
    writer = bucket()

    segments = [writer.seal(records(5)) for _ in range(4)]

    assert [s.header.sequence for s in segments] == [0, 1, 2, 3]
    assert [counter_nonce(i) for i in range(4)] == [s.nonce for s in segments]
    links = [FIRST_LINK, *(s.link for s in segments)]
    assert links[:-1] == [s.previous for s in segments]


def test_the_same_records_never_give_the_same_bytes() -> None:
    """Two segments of a bucket, and two buckets, differ in every ciphertext and key."""
    one, other = bucket(), bucket()

    sealed = [writer.seal(records(9)) for writer in (one, one, other, other)]

    assert len({s.ciphertext for s in sealed}) == 4
    assert one.sealed_key.key_id != other.sealed_key.key_id
    assert one.sealed_key.wrapped != other.sealed_key.wrapped


def test_a_header_says_what_the_bucket_is() -> None:
    """Device, zone, policy, models, epoch and deadline are in clear, values are not."""
    segment = bucket().seal(records(50))

    header = segment.header
    assert (header.device, header.zone, header.count) == ("camera-1", "door", 50)
    assert (header.policy_digest, header.models) == (DIGEST, MODELS)
    assert (header.epoch, header.delete_by) == (keyset().public.epochs[0].id, DELETE_BY)


def test_a_closed_bucket_seals_nothing_more() -> None:
    """After the bucket's end its key is gone, and closing again is harmless."""
    writer = bucket()
    writer.close()
    writer.close()

    with pytest.raises(SealError, match="closed"):
        writer.seal(records(1))


def test_a_number_is_not_used_again_after_a_failure() -> None:
    """When signing fails, the nonce that was tried is skipped."""
    writer = bucket()
    signer, writer._signer = writer._signer, None
    with pytest.raises(AttributeError):
        writer.seal(records(1))
    writer._signer = signer

    assert counter_nonce(1) == writer.seal(records(1)).nonce


def test_a_forked_child_does_not_seal() -> None:
    """Two processes never count nonces under one key."""
    writer = bucket()

    def seal() -> int:
        try:
            writer.seal(records(1))
        except SealError:
            return 0
        return 1

    assert exit_code_of(seal) == 0


def test_no_records_make_no_segment() -> None:
    """An empty flush is refused and uses no number."""
    writer = bucket()

    with pytest.raises(ValueError, match="holds"):
        writer.seal([])
    assert writer.seal(records(1)).header.sequence == 0


@pytest.mark.parametrize(
    "wrong", [{"offset": 65536}, {"offset": -1}, {"quality": 256}, {"pose": (200, 0, 0)}]
)
def test_a_code_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    """A code that its width can't hold is never wrapped into another one."""
    record: FeatureRecord = replace(records(1)[0], **wrong)

    with pytest.raises((ValueError, OverflowError)):
        bucket().seal([record])


def test_another_devices_signing_key_is_refused() -> None:
    """A sealer isn't made from halves that don't belong together."""
    with pytest.raises(ConfigError, match="signing key"):
        Sealer(keyset().public, Ed25519PrivateKey.generate())


def test_a_sealed_key_is_as_long_as_documented() -> None:
    """Encapsulation, key and tag: 1168 bytes once per bucket."""
    assert len(bucket().sealed_key.wrapped) == WRAPPED_BYTES


def test_sealed_bytes_hold_no_plain_record() -> None:
    """No record's bytes, and none of its Action Units' codes, stand in the ciphertext."""
    wanted = records(50)
    segment = bucket().seal(wanted)

    stored = segment.ciphertext + segment.signature + segment.header.to_bytes()

    assert all(row.tobytes() not in stored for row in to_batch(wanted))
    assert all(bytes(r.au_sides) not in stored for r in wanted)


def test_the_agent_loads_from_its_two_files(tmp_path) -> None:
    """`load_sealer` needs the public side and the device's key only."""
    site = Site(tmp_path)
    write_keys(site, keyset())
    site.vault.unlink()

    assert isinstance(load_sealer(site.public_keys, site.device_key), Sealer)
