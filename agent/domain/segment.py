"""A sealed run of records, its clear header and its bucket's sealed key.

The header's canonical bytes are the authenticated data of the cipher and part of what the device
signs. Layout, integers big-endian, `text` = one length byte and UTF-8:

    "omokage/segment/2" NUL · schema u16 · device text · zone text · bucket_start i64 ·
    bucket_seconds u32 · sequence u32 · count u32 · policy digest 32 bytes ·
    number of models u8 · each model text · key id 16 bytes · epoch text · delete_by i64 ·
    closing u8 (0 no, 1 more follow, 2 last) · records so far u32 (0 unless closing)

Schema 1 has the label "omokage/segment/1" and ends after `delete_by`. Instants are whole seconds
since 1970 UTC. Each field is fixed-width or length-prefixed, so two different headers never share
their bytes. What a header shows to a thief of the disk: where, when and how many face-records
there were, never what they say.

While a bucket runs it consists of *flush* segments, numbered from 0. At its end *closing* segments,
numbered from `CLOSING_SEQUENCE`, hold all its records again and replace them. Each kind is a chain
of its own, and both begin at the zone's bucket before: see `SealedSegment.previous`.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SCHEMA_VERSION = 2
"""Of header, payload and signature together; what is sealed now."""
READABLE_SCHEMAS = frozenset({1, 2})
KEY_ID_BYTES = 16
NONCE_BYTES = 12
SIGNATURE_BYTES = 64
LINK_BYTES = 32
MAX_RECORDS = 65_536
"""In one segment: bounds what a reader allocates before it has decoded anything."""
CLOSING_SEQUENCE = 1 << 31
"""Number of a bucket's first closing segment; flush segments have lower numbers."""
FIRST_LINK = bytes(LINK_BYTES)
"""What a zone's very first segment follows; in schema 1 the first one of each bucket."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINK_LABEL = b"omokage/segment-link/1\0"


@dataclass(frozen=True, slots=True)
class Closing:
    """What a closing segment says of its whole bucket.

    Attributes:
        records: face-records of the bucket up to and with this segment.
        last: whether no closing segment follows; then `records` is the whole bucket's number.
    """

    records: int
    last: bool


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What is readable of a segment without any key; everything here is authenticated.

    Attributes:
        schema_version: layout of header, payload and signature.
        device: id of the device, 1-255 bytes of UTF-8.
        zone: name of the camera's place.
        bucket_start: aware UTC, whole seconds.
        bucket_seconds: length of the bucket.
        sequence: of the segment in its bucket: from 0, closing ones from `CLOSING_SEQUENCE`.
        count: face-records inside, 1 to `MAX_RECORDS`.
        policy_digest: SHA-256 (hex) of the policy in force.
        models: each `card@` and the first 8 hex digits of the model's SHA-256.
        key_id: 16 random bytes, of the bucket's key.
        epoch: id of the epoch whose key pair the bucket's key is sealed to.
        delete_by: aware UTC, whole seconds; the segment must not outlive it.
        closing: of a closing segment, from schema 2 on; else None.

    Raises:
        ValueError: a field is out of its range, a time is naive, `delete_by` lies before the
            bucket's end, or number and kind contradict each other.
    """

    schema_version: int
    device: str
    zone: str
    bucket_start: datetime
    bucket_seconds: int
    sequence: int
    count: int
    policy_digest: str
    models: tuple[str, ...]
    key_id: bytes
    epoch: str
    delete_by: datetime
    closing: Closing | None = None

    def __post_init__(self) -> None:
        _check_instant("bucket_start", self.bucket_start)
        _check_instant("delete_by", self.delete_by)
        _check_range("schema_version", self.schema_version, 1, 0xFFFF)
        _check_range("bucket_seconds", self.bucket_seconds, 1, 0xFFFFFFFF)
        _check_range("sequence", self.sequence, 0, 0xFFFFFFFF)
        _check_range("count", self.count, 1, MAX_RECORDS)
        _check_range("number of models", len(self.models), 0, 255)
        if len(self.key_id) != KEY_ID_BYTES:
            raise ValueError("key_id isn't 16 bytes")
        if len(self.policy_digest) != 64 or len(bytes.fromhex(self.policy_digest)) != 32:
            raise ValueError("policy_digest isn't a SHA-256 in hex")
        if self.delete_by < self.bucket_end:
            raise ValueError("delete_by lies before the bucket's end")
        if (self.closing is not None) != (self.sequence >= CLOSING_SEQUENCE):
            raise ValueError("a segment's number isn't one of its kind")
        if self.closing is not None:
            if self.schema_version == 1:
                raise ValueError("schema 1 knows no closing segments")
            _check_range("records of the bucket", self.closing.records, self.count, 0xFFFFFFFF)

    @property
    def bucket_end(self) -> datetime:
        """Return the first instant after the bucket."""
        return self.bucket_start + timedelta(seconds=self.bucket_seconds)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes, laid out as the module says."""
        head, tail = _frame(
            self.schema_version,
            self.device,
            self.zone,
            self.bucket_start,
            self.bucket_seconds,
            self.policy_digest,
            self.models,
            self.key_id,
            self.epoch,
            self.delete_by,
        )
        clear = head + struct.pack(">II", self.sequence, self.count) + tail
        if self.schema_version == 1:
            return clear
        if self.closing is None:
            return clear + bytes(5)
        return clear + struct.pack(">BI", 2 if self.closing.last else 1, self.closing.records)


@dataclass(frozen=True, slots=True)
class SealedSegment:
    """Ciphertext of records, bound to its header and to the segment before it.

    Attributes:
        header: in clear.
        nonce: 12 bytes, always `counter_nonce(header.sequence)`.
        ciphertext: AES-256-GCM of the padded payload, tag at the end.
        previous: `link` of the segment of its kind before this one. The bucket's first flush
            segment and its first closing one both follow the zone's bucket before: the last
            segment that was stored of it, or `FIRST_LINK` if there was none.
        signature: the device's Ed25519 signature of `link`, 64 bytes.
    """

    header: SegmentHeader
    nonce: bytes
    ciphertext: bytes
    previous: bytes
    signature: bytes

    @property
    def link(self) -> bytes:
        """Return the digest that this segment's signature covers and the next one refers to."""
        return chain_link(self.previous, self.header.to_bytes(), self.nonce, self.ciphertext)


@dataclass(frozen=True, slots=True)
class SealedBucketKey:
    """A bucket's data key, sealed to an epoch: destroying it destroys the bucket.

    Attributes:
        key_id: 16 random bytes.
        epoch: id of the epoch that can open it.
        wrapped: HPKE ciphertext (encapsulated key, sealed data key, tag).
        delete_by: aware UTC, as in the headers of the bucket's segments.
    """

    key_id: bytes
    epoch: str
    wrapped: bytes
    delete_by: datetime

    def __post_init__(self) -> None:
        _check_instant("delete_by", self.delete_by)
        if len(self.key_id) != KEY_ID_BYTES:
            raise ValueError("key_id isn't 16 bytes")


def chain_link(previous: bytes, header: bytes, nonce: bytes, ciphertext: bytes) -> bytes:
    """Return SHA-256 over a segment and its predecessor's link.

    `previous` and `nonce` are fixed-width and `header` delimits itself, so the parts can't be
    shifted against each other.
    """
    digest = hashlib.sha256(_LINK_LABEL)
    for part in (previous, nonce, header, ciphertext):
        digest.update(part)
    return digest.digest()


def counter_nonce(sequence: int) -> bytes:
    """Return the 96-bit nonce of a bucket's segment.

    A counter is safe here because a data key is drawn afresh for each bucket, lives in one process
    only and is never stored in clear, so no second counter can ever run under the same key. Flush
    and closing segments count in ranges that never meet.
    """
    return sequence.to_bytes(NONCE_BYTES, "big")


def delete_by(bucket_start: datetime, bucket_seconds: int, retention: timedelta) -> datetime:
    """Return the instant after which nothing of a bucket may exist."""
    return bucket_start + timedelta(seconds=bucket_seconds) + retention


def to_seconds(instant: datetime) -> int:
    """Return whole seconds since 1970 of an aware instant."""
    return (instant - _EPOCH) // timedelta(seconds=1)


def from_seconds(seconds: int) -> datetime:
    """Return the aware UTC instant of whole seconds since 1970."""
    return _EPOCH + timedelta(seconds=seconds)


@lru_cache(maxsize=16)  # hundreds of segments share their bucket's part of the header
def _frame(  # noqa: PLR0913, PLR0917 one argument per field
    schema_version: int,
    device: str,
    zone: str,
    bucket_start: datetime,
    bucket_seconds: int,
    policy_digest: str,
    models: tuple[str, ...],
    key_id: bytes,
    epoch: str,
    delete_by: datetime,
) -> tuple[bytes, bytes]:
    """Return a header's bytes before and after its sequence and count."""
    head = (
        f"omokage/segment/{schema_version}\0".encode(),
        struct.pack(">H", schema_version),
        _text(device),
        _text(zone),
        struct.pack(">qI", to_seconds(bucket_start), bucket_seconds),
    )
    tail = (
        bytes.fromhex(policy_digest),
        struct.pack(">B", len(models)),
        *(_text(model) for model in models),
        key_id,
        _text(epoch),
        struct.pack(">q", to_seconds(delete_by)),
    )
    return b"".join(head), b"".join(tail)


def _check_instant(name: str, instant: datetime) -> None:
    if instant.utcoffset() != timedelta(0):
        raise ValueError(f"{name} isn't an aware UTC instant")
    if instant.microsecond:
        raise ValueError(f"{name} isn't a whole second")


def _check_range(name: str, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise ValueError(f"{name} isn't within {low}-{high}")


def _text(text: str) -> bytes:
    raw = text.encode()
    if not 0 < len(raw) < 256:
        raise ValueError("a header's text isn't 1-255 bytes long")
    return bytes((len(raw),)) + raw
