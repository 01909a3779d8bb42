"""The writer: seals records to somebody else's key, and can't open what it sealed.

Rules: a fresh data key for each bucket; it lives inside one cipher object in this process and is
stored only sealed to the epoch's public key. No epoch for now, no bucket. The nonce is the
segment's number in its bucket; a number that was tried is never used again, also after a failure,
and never by a forked child.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agent.crypto.codec import encode, in_time_order
from agent.crypto.keys import PublicKeys, load_public, load_signer
from agent.crypto.suite import DATA_KEY_BYTES, SUITE, bucket_context
from agent.domain.record import FeatureRecord, to_batch
from agent.domain.segment import (
    FIRST_LINK,
    KEY_ID_BYTES,
    SCHEMA_VERSION,
    SealedBucketKey,
    SealedSegment,
    SegmentHeader,
    chain_link,
    counter_nonce,
)
from agent.errors import ConfigError, NoRecipient, SealError


class Sealer:
    """Opens buckets for writing. Holds public keys and the device's signing key, nothing more."""

    def __init__(self, public: PublicKeys, signer: Ed25519PrivateKey) -> None:
        if signer.public_key().public_bytes_raw() != public.verify_key:
            raise ConfigError("the device's signing key isn't the one that public.toml names")
        self._public = public
        self._signer = signer

    def open_bucket(
        self,
        zone: str,
        bucket_start: datetime,
        bucket_seconds: int,
        *,
        delete_by: datetime,
        policy_digest: str,
        models: tuple[str, ...],
        now: datetime,
    ) -> BucketSealer:
        """Draw a data key for one zone's bucket and seal it to the epoch of `now`.

        Args:
            zone: name of the camera's place.
            bucket_start: aware UTC, whole seconds.
            bucket_seconds: length of the bucket.
            delete_by: aware UTC; see `agent.domain.segment.delete_by`.
            policy_digest: SHA-256 (hex) of the policy in force.
            models: each `card@` and the first 8 hex digits of the model's SHA-256.
            now: aware UTC.

        Raises:
            NoRecipient: no epoch is valid at `now`; nothing may be persisted.
            ValueError: an argument is out of its range.
        """
        epoch = self._public.epoch_at(now)
        if epoch is None:
            raise NoRecipient("no epoch's public key is valid now: nothing is persisted")
        header = SegmentHeader(
            schema_version=SCHEMA_VERSION,
            device=self._public.device,
            zone=zone,
            bucket_start=bucket_start,
            bucket_seconds=bucket_seconds,
            sequence=0,
            count=1,
            policy_digest=policy_digest,
            models=models,
            key_id=os.urandom(KEY_ID_BYTES),
            epoch=epoch.id,
            delete_by=delete_by,
        )
        context = bucket_context(
            key_id=header.key_id,
            zone=zone,
            bucket_start=bucket_start,
            epoch=epoch.id,
            delete_by=delete_by,
        )
        key = bytearray(os.urandom(DATA_KEY_BYTES))
        wrapped = SUITE.encrypt(key, epoch.recipient(), context)
        cipher = AESGCM(key)
        key[:] = bytes(DATA_KEY_BYTES)  # from here on it lives in the cipher object only
        sealed = SealedBucketKey(header.key_id, epoch.id, wrapped, delete_by)
        return BucketSealer(header, sealed, cipher, self._signer)


class BucketSealer:
    """Seals the segments of one bucket, in order, from one thread, until it is closed."""

    def __init__(
        self,
        template: SegmentHeader,
        sealed_key: SealedBucketKey,
        cipher: AESGCM,
        signer: Ed25519PrivateKey,
    ) -> None:
        self.sealed_key = sealed_key
        self._template = template
        self._cipher: AESGCM | None = cipher
        self._signer = signer
        self._sequence = 0
        self._previous = FIRST_LINK
        self._process = os.getpid()

    def seal(self, records: list[FeatureRecord]) -> SealedSegment:
        """Seal records as the bucket's next segment, ordered by time, then by track.

        Raises:
            SealError: the bucket is closed, or this is a forked child.
            ValueError: there are no records, too many, or a code is out of its range.
        """
        if self._cipher is None:
            raise SealError("this bucket is closed")
        if os.getpid() != self._process:
            raise SealError("a forked process must not seal under its parent's key")
        batch = to_batch(records)
        payload = encode(batch[in_time_order(batch)])
        sequence = self._sequence
        self._sequence += 1
        header = self._header(sequence, len(records))
        clear = header.to_bytes()
        nonce = counter_nonce(sequence)
        ciphertext = self._cipher.encrypt(nonce, payload, clear)
        previous = self._previous
        self._previous = chain_link(previous, clear, nonce, ciphertext)
        signature = self._signer.sign(self._previous)
        return SealedSegment(header, nonce, ciphertext, previous, signature)

    def close(self) -> None:
        """Drop the data key, for good; OpenSSL clears its memory. Closing twice is fine."""
        self._cipher = None

    def _header(self, sequence: int, count: int) -> SegmentHeader:
        start = self._template
        return SegmentHeader(
            schema_version=start.schema_version,
            device=start.device,
            zone=start.zone,
            bucket_start=start.bucket_start,
            bucket_seconds=start.bucket_seconds,
            sequence=sequence,
            count=count,
            policy_digest=start.policy_digest,
            models=start.models,
            key_id=start.key_id,
            epoch=start.epoch,
            delete_by=start.delete_by,
        )


def load_sealer(public_keys: Path, device_key: Path) -> Sealer:
    """Read the two files that the agent may read, and nothing else.

    Raises:
        NoRecipient: `public.toml` is missing.
        ConfigError: a file can't be used, or the two don't belong together.
    """
    return Sealer(load_public(public_keys), load_signer(device_key))
