"""The writer: seals records to somebody else's key, and can't open what it sealed.

Rules: a fresh data key for each bucket; it lives inside one cipher object in this process and is
stored only sealed to the epoch's public key. No epoch for now, no bucket. The nonce is the
segment's number in its bucket; a number that was tried is never used again, also after a failure,
and never by a forked child.

While a bucket runs, each flush is sealed by itself, so that a power cut loses seconds. Small
segments pack badly, so the bucket's records also stay in memory, as codes, and are sealed once
more together at its end. That adds nothing to what a thief of the running machine gets: it holds
the bucket's data key anyway. At most `MAX_RECORDS` of a zone wait in clear; what is more is sealed
at once and waits as ciphertext.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agent.crypto.codec import encode, in_time_order
from agent.crypto.keys import PublicKeys, load_public, load_signer
from agent.crypto.suite import DATA_KEY_BYTES, SUITE, bucket_context
from agent.domain.record import Batch, FeatureRecord, to_batch
from agent.domain.segment import (
    CLOSING_SEQUENCE,
    FIRST_LINK,
    KEY_ID_BYTES,
    MAX_RECORDS,
    SCHEMA_VERSION,
    Closing,
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
        if not public.devices.accepts(signer.public_key().public_bytes_raw()):
            raise ConfigError("the device's signing key isn't the one that public.toml names")
        self._public = public
        self._signer = signer

    def open_bucket(  # noqa: PLR0913  one argument per fact of the header
        self,
        zone: str,
        bucket_start: datetime,
        bucket_seconds: int,
        *,
        delete_by: datetime,
        policy_digest: str,
        models: tuple[str, ...],
        now: datetime,
        previous: bytes = FIRST_LINK,
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
            previous: link of the zone's last stored segment, of the bucket before.

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
        return BucketSealer(header, sealed, cipher, self._signer, previous)


class BucketSealer:
    """Seals the segments of one bucket, in order, from one thread, until it is closed."""

    def __init__(
        self,
        template: SegmentHeader,
        sealed_key: SealedBucketKey,
        cipher: AESGCM,
        signer: Ed25519PrivateKey,
        previous: bytes,
    ) -> None:
        self.sealed_key = sealed_key
        self._template = template
        self._cipher: AESGCM | None = cipher
        self._signer = signer
        self._process = os.getpid()
        self._flushes = _Chain(0, previous)
        self._closing = _Chain(CLOSING_SEQUENCE, previous)
        self._waiting: list[Batch] = []  # since the last closing segment, in clear
        self._closed: list[SealedSegment] = []  # closing segments that are sealed already
        self._records = 0  # in `_closed`

    def seal(self, records: list[FeatureRecord]) -> SealedSegment:
        """Seal records as the bucket's next segment, ordered by time, then by track.

        Raises:
            SealError: the bucket is closed, or this is a forked child.
            ValueError: there are no records, too many, or a code is out of its range.
        """
        self._check()
        batch = to_batch(records)
        batch = batch[in_time_order(batch)]
        segment = self._seal(batch, self._flushes, None)
        if self._count() + len(batch) > MAX_RECORDS:
            self._closed.append(self._seal_waiting(last=False))
        self._waiting.append(batch)
        return segment

    def finish(self) -> list[SealedSegment]:
        """Seal the whole bucket once more, as its closing segments, and drop the data key.

        Returns:
            What replaces everything that `seal` gave; empty if that was nothing.

        Raises:
            SealError: the bucket is closed, or this is a forked child.
        """
        self._check()
        try:
            if self._waiting:
                self._closed.append(self._seal_waiting(last=True))
            return self._closed
        finally:
            self.close()

    def close(self) -> None:
        """Drop the data key and the records, for good. Closing twice is fine."""
        self._cipher = None  # OpenSSL clears the key's memory
        self._wipe()

    def _check(self) -> None:
        if self._cipher is None:
            raise SealError("this bucket is closed")
        if os.getpid() != self._process:
            raise SealError("a forked process must not seal under its parent's key")

    def _count(self) -> int:
        return sum(len(batch) for batch in self._waiting)

    def _seal_waiting(self, *, last: bool) -> SealedSegment:
        together = np.concatenate(self._waiting)
        self._records += len(together)
        try:
            # Flushes follow each other in time, so what they are together is in order already.
            return self._seal(together, self._closing, Closing(self._records, last))
        finally:
            together.view(np.uint8).fill(0)
            self._wipe()

    def _wipe(self) -> None:
        for batch in self._waiting:
            batch.view(np.uint8).fill(0)
        self._waiting = []

    def _seal(self, batch: Batch, chain: _Chain, closing: Closing | None) -> SealedSegment:
        cipher = self._cipher
        assert cipher is not None  # `_check` came first
        payload = encode(batch)
        sequence = chain.next_sequence
        chain.next_sequence += 1
        header = replace(self._template, sequence=sequence, count=len(batch), closing=closing)
        clear = header.to_bytes()
        nonce = counter_nonce(sequence)
        ciphertext = cipher.encrypt(nonce, payload, clear)
        previous = chain.link
        chain.link = chain_link(previous, clear, nonce, ciphertext)
        return SealedSegment(header, nonce, ciphertext, previous, self._signer.sign(chain.link))


@dataclass(slots=True)
class _Chain:
    """Where one kind of a bucket's segments goes on."""

    next_sequence: int
    link: bytes


def load_sealer(public_keys: Path, device_key: Path) -> Sealer:
    """Read the two files that the agent may read, and nothing else.

    Raises:
        NoRecipient: `public.toml` is missing.
        ConfigError: a file can't be used, or the two don't belong together.
    """
    return Sealer(load_public(public_keys), load_signer(device_key))
