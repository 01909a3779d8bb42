"""What can be checked of sealed segments with the device's verification key and nothing secret.

Within a bucket: shape, order, completeness, links, and the signature at the chain's end, which
covers every segment before it. Across the buckets of a zone: each one follows the one before.

What is found: a changed, forged, exchanged or reordered segment; a closed bucket that lost
segments; a bucket that was never closed; a bucket that is gone although its neighbours are still
here; two buckets in one place. What can't be found from the segments alone: that all of a zone's
newest buckets are gone (the store's own record of the zone's end helps, where nobody changed it
too), and a bucket that went between two of which the older one was due already, because a purge
looks the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.crypto.codec import GRAIN_BYTES
from agent.crypto.suite import TAG_BYTES
from agent.domain.segment import (
    CLOSING_SEQUENCE,
    FIRST_LINK,
    LINK_BYTES,
    NONCE_BYTES,
    READABLE_SCHEMAS,
    SIGNATURE_BYTES,
    SealedSegment,
    SegmentHeader,
    chain_link,
    counter_nonce,
)
from agent.errors import SealError, SegmentTampered, SegmentTruncated


class SignatureCheck(Protocol):
    """A public key, or several of which any one may have signed."""

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise `InvalidSignature` if the signature doesn't fit."""


class Verifier(Protocol):
    """Finds what a device signed with at some time."""

    def __call__(self, device: str, at: datetime) -> SignatureCheck:
        """Return what checks a bucket that starts at an instant; raises `UnknownKey`."""


VerifyKey = Ed25519PublicKey | Verifier
"""One key for everything, or a look-up by device and time."""


class Finding(StrEnum):
    """What can be wrong with a zone's buckets."""

    UNCLOSED = "unclosed"
    TRUNCATED = "truncated"
    TAMPERED = "tampered"
    UNREADABLE = "unreadable"
    GAP = "gap"
    FORK = "fork"
    END_MISSING = "end-missing"


@dataclass(frozen=True, slots=True)
class ZoneFinding:
    """One thing that is wrong with a zone's buckets.

    Attributes:
        kind: what it is.
        zone: where.
        start: of the bucket that it was found at, aware UTC.
        key_id: of that bucket.
        text: one sentence.
    """

    kind: Finding
    zone: str
    start: datetime
    key_id: bytes
    text: str


def check_bucket(segments: Sequence[SealedSegment], verify_key: VerifyKey) -> list[bytes]:
    """Check one bucket's segments against each other and against the device's signature.

    Args:
        segments: at least one, by rising sequence, all of the bucket.
        verify_key: of the device.

    Returns:
        Each segment's canonical header, which is the cipher's authenticated data.

    Raises:
        SegmentTampered: a link, an order or a signature doesn't fit.
        SegmentTruncated: a part is too short, or a segment is missing.
        UnknownKey: no verification key for this device and time.
        SealError: a newer Omokage sealed it.
    """
    _check_order(segments)
    clear = [segment.header.to_bytes() for segment in segments]
    key = find_key(verify_key, segments[0])
    before: SealedSegment | None = None
    link, records = b"", 0
    for segment, header in zip(segments, clear, strict=True):
        check_shape(segment)
        records += segment.header.count
        if before is not None:
            if segment.header.sequence > before.header.sequence + 1:
                check_signature(before.signature, link, key)  # schema 1: a run of its own ends
            elif segment.previous != link:
                raise SegmentTampered("a segment doesn't follow the one before it")
        _check_total(segment, records)
        before = segment
        link = chain_link(segment.previous, header, segment.nonce, segment.ciphertext)
    check_signature(segments[-1].signature, link, key)
    closing = segments[-1].header.closing
    if closing is not None and not closing.last:
        raise SegmentTruncated("a closed bucket has lost its last segments")
    return clear


def is_closed(segments: Sequence[SealedSegment]) -> bool:
    """Say whether a bucket was ended properly; buckets of schema 1 never say so."""
    closing = segments[-1].header.closing
    return closing is not None and closing.last


def find_key(verify_key: VerifyKey, segment: SealedSegment) -> SignatureCheck:
    """Return the key that checks a segment. Raises `UnknownKey` where there is none."""
    if isinstance(verify_key, Ed25519PublicKey):
        return verify_key
    return verify_key(segment.header.device, segment.header.bucket_start)


def check_shape(segment: SealedSegment) -> None:
    """Refuse a segment whose parts can't be those of any. Raises as `check_bucket`."""
    if segment.header.schema_version not in READABLE_SCHEMAS:
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
    if (
        segment.header.schema_version == 1
        and segment.header.sequence == 0
        and segment.previous != FIRST_LINK
    ):
        raise SegmentTampered("a bucket's first segment follows another one")


def check_signature(signature: bytes, link: bytes, key: SignatureCheck) -> None:
    """Refuse a link that the device didn't sign. Raises `SegmentTampered`."""
    try:
        key.verify(signature, link)
    except InvalidSignature as error:
        raise SegmentTampered("a segment's signature doesn't fit") from error


def verify_zone(
    buckets: Sequence[Sequence[SealedSegment]],
    verify_key: VerifyKey,
    *,
    now: datetime,
    end: bytes | None = None,
    deadlines: Mapping[bytes, datetime] | None = None,
) -> list[ZoneFinding]:
    """Check all buckets of one zone, each by itself and each against the one before.

    Args:
        buckets: each one's segments by rising sequence; the buckets in order of time.
        verify_key: of the device.
        now: aware UTC; a bucket that is still running isn't expected to be closed.
        end: link of the zone's last stored segment as the store remembers it, read before the
            buckets; None where nobody remembers.
        deadlines: effective ones by key id, where a policy brought them forward.

    Returns:
        What is wrong, in the buckets' order; empty when all is well.
    """
    found: list[ZoneFinding] = []
    for segments in buckets:
        found += _check_alone(segments, verify_key, now)
    chained = [segments for segments in buckets if segments[0].header.schema_version > 1]
    due = _Due(now, deadlines or {})
    found += _check_joints(buckets, chained, due)
    if chained and end is not None:
        found += _check_end(chained[-1], {s.link for b in buckets for s in b}, end, due)
    order = {segments[0].header.key_id: place for place, segments in enumerate(buckets)}
    return sorted(found, key=lambda finding: order[finding.key_id])


def _check_order(segments: Sequence[SealedSegment]) -> None:
    """Refuse mixed buckets and kinds, a wrong order, and from schema 2 on a missing segment."""
    headers = [segment.header for segment in segments]
    first = headers[0]
    for before, header in pairwise(headers):
        if header.key_id != first.key_id or header.schema_version != first.schema_version:
            raise SegmentTampered("segments of two buckets are mixed")
        if header.sequence <= before.sequence:
            raise SegmentTampered("a bucket's segments aren't in order")
        if (header.closing is None) != (first.closing is None):
            raise SegmentTampered("a bucket has flush and closing segments at once")
    if first.schema_version == 1:
        return
    if headers[-1].sequence - first.sequence >= len(headers):
        raise SegmentTruncated("a segment in the middle of a bucket is missing")
    if first.sequence not in {0, CLOSING_SEQUENCE}:
        raise SegmentTruncated("a bucket's first segment is missing")


def _check_total(segment: SealedSegment, records: int) -> None:
    closing = segment.header.closing
    if closing is not None and closing.records != records:
        raise SegmentTampered("a closing segment counts other records than there are")


def _check_alone(
    segments: Sequence[SealedSegment], verify_key: VerifyKey, now: datetime
) -> list[ZoneFinding]:
    header = segments[0].header
    try:
        check_bucket(segments, verify_key)
    except SegmentTruncated as error:
        return [_finding(Finding.TRUNCATED, segments, str(error))]
    except SegmentTampered as error:
        return [_finding(Finding.TAMPERED, segments, str(error))]
    except SealError as error:
        return [_finding(Finding.UNREADABLE, segments, str(error))]
    if header.schema_version > 1 and not is_closed(segments) and header.bucket_end <= now:
        text = "the bucket was never closed: the agent ended in it, or its end was taken away"
        return [_finding(Finding.UNCLOSED, segments, text)]
    return []


@dataclass(frozen=True, slots=True)
class _Due:
    """Which buckets a purge may have taken by `now`."""

    now: datetime
    deadlines: Mapping[bytes, datetime]

    def __call__(self, header: SegmentHeader) -> bool:
        """Say whether a bucket's time is over."""
        lowered = self.deadlines.get(header.key_id, header.delete_by)
        return min(lowered, header.delete_by) <= self.now


def _check_joints(
    buckets: Sequence[Sequence[SealedSegment]],
    chained: Sequence[Sequence[SealedSegment]],
    due: _Due,
) -> list[ZoneFinding]:
    ends = {segments[-1].link for segments in buckets}
    taken: set[bytes] = set()
    found = []
    for place, segments in enumerate(chained):
        origin = segments[0].previous
        if origin in taken:
            text = "two buckets follow the same one: one of them was put there"
            found.append(_finding(Finding.FORK, segments, text))
        # What came before the oldest bucket was purged in its time.
        elif origin not in ends and place > 0 and not due(chained[place - 1][0].header):
            text = "a bucket before this one is gone, and its time hadn't come"
            found.append(_finding(Finding.GAP, segments, text))
        taken.add(origin)
    return found


def _check_end(
    last: Sequence[SealedSegment], links: set[bytes], end: bytes, due: _Due
) -> list[ZoneFinding]:
    header = last[0].header
    # A running bucket may have grown, or have been closed, since `end` was read.
    if end in links or header.bucket_end > due.now or due(header):
        return []
    text = "the store remembers something after this bucket that isn't there"
    return [_finding(Finding.END_MISSING, last, text)]


def _finding(kind: Finding, segments: Sequence[SealedSegment], text: str) -> ZoneFinding:
    header = segments[0].header
    return ZoneFinding(kind, header.zone, header.bucket_start, header.key_id, text)
