"""The reader: opens what the agent sealed. Only a reviewer's tools may import this.

Order: shape, then the device's signature, then the cipher, then the payload; nothing is unpacked
that wasn't signed. A whole bucket is verified through its chain: the last signature covers the
link of every segment before it, so one signature check and a hash per segment do for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from agent.crypto.codec import GRAIN_BYTES, decode
from agent.crypto.suite import SUITE, TAG_BYTES, WRAPPED_BYTES, bucket_context
from agent.crypto.vault import WrappingKey, load_vault
from agent.domain.record import Batch
from agent.domain.segment import (
    FIRST_LINK,
    LINK_BYTES,
    NONCE_BYTES,
    SCHEMA_VERSION,
    SIGNATURE_BYTES,
    SealedBucketKey,
    SealedSegment,
    SegmentHeader,
    chain_link,
    counter_nonce,
)
from agent.errors import PassphraseWrong, SealError, SegmentTampered, SegmentTruncated, UnknownKey


@dataclass(frozen=True, slots=True)
class BucketKey:
    """A bucket's data key, opened; lives in RAM for as long as somebody reads the bucket."""

    key_id: bytes
    cipher: AESGCM


class Opener:
    """Holds the epochs' private keys of an unlocked vault."""

    def __init__(self, epochs: dict[str, MLKEM768X25519PrivateKey]) -> None:
        self._epochs = epochs

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
        self, segment: SealedSegment, sealed: SealedBucketKey, verify_key: Ed25519PublicKey
    ) -> Batch:
        """Verify and decrypt one segment; its signature is checked before anything is unpacked.

        Returns:
            `RECORD_DTYPE` (count,), ordered by time, then by track.

        Raises:
            SegmentTruncated: a part is too short.
            SegmentTampered: a signature, a tag or the payload doesn't fit.
            UnknownKey: the key isn't there.
            SealError: a newer Omokage sealed it.
        """
        return self.open_bucket([segment], sealed, verify_key)

    def open_bucket(
        self,
        segments: Sequence[SealedSegment],
        sealed: SealedBucketKey,
        verify_key: Ed25519PublicKey,
    ) -> Batch:
        """Verify and decrypt segments of one bucket together; all of them or none.

        Args:
            segments: at least one, by rising sequence. A missing one (its writer may have failed
                to store it) is allowed and starts a new run of the chain; use the sequences in
                the headers to report it.
            sealed: the bucket's key.
            verify_key: of the device.

        Returns:
            `RECORD_DTYPE` (all counts,), ordered by time, then by track.

        Raises:
            SegmentTampered: also where the sequence doesn't rise or a link doesn't fit.
            SegmentTruncated, UnknownKey, SealError: as `open`.
        """
        if not segments:
            raise ValueError("a bucket has at least one segment")
        clear = [segment.header.to_bytes() for segment in segments]
        _verify_chain(segments, clear, verify_key)
        key = self.open_key(sealed, segments[0].header)
        payloads = [_decrypt(s, c, key) for s, c in zip(segments, clear, strict=True)]
        return decode(payloads, [segment.header.count for segment in segments])


def unlock(vault_path: Path, passphrase: str) -> Opener:
    """Unwrap the vault's private keys.

    An entry that doesn't open while others do was damaged: its epoch is left out, and its
    segments are then refused with `UnknownKey`.

    Raises:
        PassphraseWrong: no entry opens.
        UnknownKey: the vault has no entry.
        ConfigError: the vault can't be read, or others than its owner may read it.
    """
    vault = load_vault(vault_path)
    if not vault.epochs:
        raise UnknownKey("the vault holds no epoch")
    wrapping = WrappingKey(passphrase, vault.profile, vault.salt)
    opened: dict[str, MLKEM768X25519PrivateKey] = {}
    for epoch in vault.epochs:
        try:
            opened[epoch.id] = wrapping.unwrap(epoch)
        except PassphraseWrong:
            continue
    if not opened:
        raise PassphraseWrong("the passphrase doesn't open the vault")
    return Opener(opened)


def _check_shape(segment: SealedSegment) -> None:
    if segment.header.schema_version != SCHEMA_VERSION:
        raise SealError("a segment has another schema than this Omokage reads")
    short = (
        len(segment.nonce) < NONCE_BYTES
        or len(segment.previous) < LINK_BYTES
        or len(segment.signature) < SIGNATURE_BYTES
    )
    body = len(segment.ciphertext) - TAG_BYTES
    if short or body < GRAIN_BYTES or body % GRAIN_BYTES:
        raise SegmentTruncated("a segment isn't as long as it was when it was sealed")
    if segment.nonce != counter_nonce(segment.header.sequence):
        raise SegmentTampered("a segment's nonce isn't its number")
    if segment.header.sequence == 0 and segment.previous != FIRST_LINK:
        raise SegmentTampered("a bucket's first segment follows another one")


def _verify(signature: bytes, link: bytes, verify_key: Ed25519PublicKey) -> None:
    try:
        verify_key.verify(signature, link)
    except InvalidSignature as error:
        raise SegmentTampered("a segment's signature doesn't fit") from error


def _verify_chain(
    segments: Sequence[SealedSegment], clear: Sequence[bytes], verify_key: Ed25519PublicKey
) -> None:
    """Check each link, and the signature at the end of each gapless run."""
    before: SealedSegment | None = None
    link = b""
    for segment, header in zip(segments, clear, strict=True):
        _check_shape(segment)
        if before is not None:
            step = segment.header.sequence - before.header.sequence
            if step < 1:
                raise SegmentTampered("a bucket's segments aren't in order")
            if step > 1:
                _verify(before.signature, link, verify_key)
            elif segment.previous != link:
                raise SegmentTampered("a segment doesn't follow the one before it")
        before = segment
        link = chain_link(segment.previous, header, segment.nonce, segment.ciphertext)
    _verify(segments[-1].signature, link, verify_key)


def _decrypt(segment: SealedSegment, clear: bytes, key: BucketKey) -> bytes:
    if segment.header.key_id != key.key_id:
        raise UnknownKey("the segment names another bucket's key")
    try:
        return key.cipher.decrypt(segment.nonce, segment.ciphertext, clear)
    except InvalidTag as error:
        raise SegmentTampered("a segment doesn't open with its bucket's key") from error
