"""The reader: opens what the agent sealed. Only a reviewer's tools may import this.

Order: the deadline, then shape and the device's signature (`agent.crypto.chain`), then the cipher,
then the payload; nothing is unpacked that wasn't signed, and nothing is opened that should be gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from agent.crypto.chain import (
    VerifyKey,
    check_bucket,
    check_shape,
    check_signature,
    find_key,
)
from agent.crypto.codec import decode
from agent.crypto.devices import DeviceKeys
from agent.crypto.suite import SUITE, WRAPPED_BYTES, bucket_context
from agent.crypto.vault import load_vault
from agent.crypto.wrapping import open_wrapping
from agent.domain.record import Batch
from agent.domain.segment import SealedBucketKey, SealedSegment, SegmentHeader
from agent.errors import (
    PassphraseWrong,
    SegmentExpired,
    SegmentTampered,
    SegmentTruncated,
    UnknownKey,
)


@dataclass(frozen=True, slots=True)
class BucketKey:
    """A bucket's data key, opened; lives in RAM for as long as somebody reads the bucket."""

    key_id: bytes
    cipher: AESGCM


class Opener:
    """Holds the epochs' private keys of an unlocked vault, and what it knows of the device."""

    def __init__(
        self, epochs: dict[str, MLKEM768X25519PrivateKey], devices: DeviceKeys | None = None
    ) -> None:
        self._epochs = epochs
        self._devices = devices

    @property
    def verifier(self) -> DeviceKeys:
        """Return the look-up of verification keys that the vault vouches for; give it to `open`.

        Unlike those of `public.toml`, nobody without the passphrase can have exchanged them.

        Raises:
            UnknownKey: a vault of version 1 knows none.
        """
        if self._devices is None:
            raise UnknownKey(
                "this vault doesn't know the device's keys yet",
                advice="Run `omokage keys extend` once: it brings the vault up to date.",
            )
        return self._devices

    @property
    def epochs(self) -> frozenset[str]:
        """Return the ids of the epochs that can be opened."""
        return frozenset(self._epochs)

    def open_key(self, sealed: SealedBucketKey, header: SegmentHeader) -> BucketKey:
        """Open a bucket's key in the context of one of its segments' headers.

        Raises:
            UnknownKey: the header names another key, or the epoch's private half isn't there.
            SegmentTruncated: the sealed key ends too early.
            SegmentTampered: the sealed key or its context was changed.
        """
        if sealed.key_id != header.key_id:
            raise UnknownKey("the segment names another bucket's key")
        private = self._epochs.get(sealed.epoch)
        if private is None:
            raise UnknownKey(f"epoch {sealed.epoch} isn't in the vault (any more)")
        if len(sealed.wrapped) < WRAPPED_BYTES:
            raise SegmentTruncated("a bucket's sealed key ends too early")
        context = bucket_context(
            key_id=header.key_id,
            zone=header.zone,
            bucket_start=header.bucket_start,
            epoch=header.epoch,
            delete_by=header.delete_by,
        )
        try:
            return BucketKey(header.key_id, AESGCM(SUITE.decrypt(sealed.wrapped, private, context)))
        except (InvalidTag, ValueError) as error:
            raise SegmentTampered("a bucket's key doesn't open in this context") from error

    def open(
        self,
        segment: SealedSegment,
        sealed: SealedBucketKey,
        verify_key: VerifyKey,
        *,
        now: datetime,
    ) -> Batch:
        """Verify and decrypt one segment by itself, whatever became of its bucket.

        Returns:
            `RECORD_DTYPE` (count,), ordered by time, then by track.

        Raises:
            SegmentExpired: its deadline is past.
            SegmentTruncated: a part is too short.
            SegmentTampered: a signature, a tag or the payload doesn't fit.
            UnknownKey: a key isn't there.
            SealError: a newer Omokage sealed it.
        """
        _check_deadline(segment.header.delete_by, now)
        check_shape(segment)
        check_signature(segment.signature, segment.link, find_key(verify_key, segment))
        key = self.open_key(sealed, segment.header)
        payload = _decrypt(segment, segment.header.to_bytes(), key)
        return decode([payload], [segment.header.count])

    def open_bucket(
        self,
        segments: Sequence[SealedSegment],
        sealed: SealedBucketKey,
        verify_key: VerifyKey,
        *,
        now: datetime,
        deadline: datetime | None = None,
        held: bool = False,
    ) -> Batch:
        """Verify and decrypt all segments of one bucket together; all of them or none.

        A bucket that was never closed is opened too: what it lost at its end can't be seen from
        here. `agent.crypto.chain.is_closed` tells, and `verify_zone` looks at its neighbours.

        Args:
            segments: all of the bucket, at least one, by rising sequence. In schema 1 a missing
                one is allowed (its writer may have failed to store it) and starts a new run.
            sealed: the bucket's key.
            verify_key: of the device, or a look-up by device and time.
            now: aware UTC.
            deadline: the store's effective deadline, if it is earlier than the header's.
            held: whether a legal hold covers the bucket at `now`; then its deadline waits.

        Returns:
            `RECORD_DTYPE` (all counts,), ordered by time, then by track.

        Raises:
            SegmentExpired: the deadline is past and no hold covers the bucket.
            SegmentTampered: also where the sequence doesn't rise or a link doesn't fit.
            SegmentTruncated: a part is too short, or a segment is missing.
            UnknownKey, SealError: as `open`.
        """
        if not segments:
            raise ValueError("a bucket has at least one segment")
        if not held:
            written = segments[0].header.delete_by
            _check_deadline(min(written, deadline or written), now)
        clear = check_bucket(segments, verify_key)
        key = self.open_key(sealed, segments[0].header)
        payloads = [_decrypt(s, c, key) for s, c in zip(segments, clear, strict=True)]
        return decode(payloads, [segment.header.count for segment in segments])


def unlock(vault_path: Path, *passphrases: str) -> Opener:
    """Unwrap the vault's private keys.

    An entry that doesn't open while others do was damaged: its epoch is left out, and its
    segments are then refused with `UnknownKey`.

    Args:
        vault_path: `epochs.toml`.
        passphrases: one for each person, in any order.

    Raises:
        PassphraseWrong: nothing opens, or there are too few passphrases.
        UnknownKey: the vault has no entry.
        SealError: its root key, or what that key signs, was changed.
        ConfigError: the vault can't be read, or others than its owner may read it.
    """
    vault = load_vault(vault_path)
    if not vault.epochs:
        raise UnknownKey("the vault holds no epoch")
    wrapping = open_wrapping(vault, *passphrases)
    opened: dict[str, MLKEM768X25519PrivateKey] = {}
    for epoch in vault.epochs:
        try:
            opened[epoch.id] = wrapping.unwrap(epoch)
        except PassphraseWrong:
            continue
    return Opener(opened, vault.root.devices if vault.root else None)


def _check_deadline(deadline: datetime, now: datetime) -> None:
    if deadline <= now:
        raise SegmentExpired("this bucket's time is over: it should have been deleted")


def _decrypt(segment: SealedSegment, clear: bytes, key: BucketKey) -> bytes:
    if segment.header.key_id != key.key_id:
        raise UnknownKey("the segment names another bucket's key")
    try:
        return key.cipher.decrypt(segment.nonce, segment.ciphertext, clear)
    except InvalidTag as error:
        raise SegmentTampered("a segment doesn't open with its bucket's key") from error
