"""The tables of the segments' database, and its rows as the domain's types.

A bucket's effective deadline is the earlier of the signed header's `delete_by` and `lowered`: who
can write to the file can bring a deletion forward, but not put it off unnoticed. Triggers keep the
same rules against mistakes of any program that leaves them there: what was sealed never changes,
a deadline only ever comes nearer, a key is only ever blanked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    func,
)

from agent.domain.segment import (
    Closing,
    SealedBucketKey,
    SealedSegment,
    SegmentHeader,
    counter_nonce,
    from_seconds,
    to_seconds,
)
from agent.errors import StoreError
from agent.store.database import new_metadata

SCHEMA = 3

METADATA = new_metadata()
BUCKETS = Table(
    "buckets",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("key_id", LargeBinary, nullable=False, unique=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("epoch", String, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("device", String, nullable=False),
    Column("zone", String, nullable=False),
    Column("bucket_start", Integer, nullable=False),
    Column("bucket_seconds", Integer, nullable=False),
    Column("policy_digest", LargeBinary, nullable=False),
    Column("models", JSON, nullable=False),
    Column("delete_by", Integer, nullable=False),
    Column("lowered", Integer),  # a deadline that a shorter policy brought forward
    Index("buckets_by_deadline", "delete_by"),
    Index("buckets_by_time", "bucket_start", "zone"),
)
SEGMENTS = Table(
    "segments",
    METADATA,
    Column("bucket", ForeignKey("buckets.id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("records", Integer, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("closing_records", Integer),  # of closing segments only, as is the next
    Column("closing_last", Boolean),
)
CHAINS = Table(
    "chains",
    METADATA,
    Column("zone", String, primary_key=True),
    Column("key_id", LargeBinary, nullable=False),
    Column("link", LargeBinary, nullable=False),
)
"""Each zone's end: the last segment that was stored, also after it was purged."""
HOLDS = Table(
    "holds",
    METADATA,
    Column("id", String, primary_key=True),
    Column("zone", String),
    Column("since", Integer, nullable=False),
    Column("until", Integer, nullable=False),
    Column("reason", String, nullable=False),
    Column("approver", String, nullable=False),
    Column("placed_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("lifted_at", Integer),
)
QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("name", String, primary_key=True),
    Column("start", Integer, nullable=False),
    Column("moved_at", Integer, nullable=False),
    Column("delete_by", Integer, nullable=False),
)
"""Damaged databases that were moved aside; each is a holding of its own."""


def _refuse(name: str, words: str, when: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{words}'); END"


_SEALED = "what was sealed never changes"
_NEARER = "a deadline only ever comes nearer"
_COLUMNS = ", ".join(one.name for one in BUCKETS.c if one.name not in {"wrapped", "lowered"})
_LATER = "NEW.lowered IS NULL OR NEW.lowered > coalesce(OLD.lowered, OLD.delete_by)"
_OTHER_KEY = "NEW.wrapped IS NOT zeroblob(length(OLD.wrapped))"
_KEPT_LONGER = "NEW.delete_by > OLD.delete_by"
TRIGGERS = (
    _refuse("buckets_never_change", _SEALED, f"UPDATE OF {_COLUMNS} ON buckets"),
    _refuse("buckets_never_later", _NEARER, f"UPDATE OF lowered ON buckets WHEN {_LATER}"),
    _refuse("buckets_key_only_blanked", _SEALED, f"UPDATE OF wrapped ON buckets WHEN {_OTHER_KEY}"),
    _refuse("segments_never_change", _SEALED, "UPDATE ON segments"),
    _refuse(
        "quarantine_never_later", _NEARER, f"UPDATE OF delete_by ON quarantine WHEN {_KEPT_LONGER}"
    ),
)
"""What makes the database itself refuse."""
EFFECTIVE = func.min(BUCKETS.c.delete_by, func.coalesce(BUCKETS.c.lowered, BUCKETS.c.delete_by))


@dataclass(frozen=True, slots=True)
class SealedBucket:
    """One bucket as it lies in the store.

    Attributes:
        key: its sealed data key.
        segments: by rising sequence, at least one.
        deadline: the effective one: of the header, or an earlier one that a policy set.
    """

    key: SealedBucketKey
    segments: tuple[SealedSegment, ...]
    deadline: datetime


def bucket_row(header: SegmentHeader, key: SealedBucketKey) -> dict[str, Any]:
    """Return what the segments of a bucket have in common, as columns."""
    return {
        "key_id": header.key_id,
        "wrapped": key.wrapped,
        "epoch": header.epoch,
        "schema_version": header.schema_version,
        "device": header.device,
        "zone": header.zone,
        "bucket_start": to_seconds(header.bucket_start),
        "bucket_seconds": header.bucket_seconds,
        "policy_digest": bytes.fromhex(header.policy_digest),
        "models": list(header.models),
        "delete_by": to_seconds(header.delete_by),
    }


def segment_row(segment: SealedSegment) -> dict[str, Any]:
    """Return what is a segment's own, as columns."""
    closing = segment.header.closing
    return {
        "sequence": segment.header.sequence,
        "records": segment.header.count,
        "ciphertext": segment.ciphertext,
        "previous": segment.previous,
        "signature": segment.signature,
        "closing_records": closing and closing.records,
        "closing_last": closing and closing.last,
    }


def to_bucket(head: Row[Any], rows: Sequence[Row[Any]]) -> SealedBucket:
    """Put a bucket together again from its rows.

    Raises:
        StoreError: a row isn't a segment's, or there is none.
    """
    if not rows:
        raise StoreError("a stored bucket has no segment")
    try:
        _check_kinds(str, head.device, head.zone, head.epoch, *head.models)
        _check_lengths(head.device, head.zone, head.epoch, *head.models)
        _check_kinds(bytes, head.key_id, head.wrapped, head.policy_digest)
        common: dict[str, Any] = {
            "schema_version": head.schema_version,
            "device": head.device,
            "zone": head.zone,
            "bucket_start": from_seconds(head.bucket_start),
            "bucket_seconds": head.bucket_seconds,
            "policy_digest": head.policy_digest.hex(),
            "models": tuple(head.models),
            "key_id": head.key_id,
            "epoch": head.epoch,
            "delete_by": from_seconds(head.delete_by),
        }
        key = SealedBucketKey(head.key_id, head.epoch, head.wrapped, common["delete_by"])
        lowered = head.delete_by if head.lowered is None else head.lowered
        deadline = from_seconds(min(lowered, head.delete_by))
        return SealedBucket(key, tuple(_to_segment(common, row) for row in rows), deadline)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise StoreError("a stored row isn't a segment's") from error


def _check_kinds(kind: type, *values: object) -> None:
    """Refuse a column of another kind: SQLite keeps whatever somebody else's program wrote."""
    if not all(isinstance(value, kind) for value in values):
        raise TypeError("a column holds another kind of value")


def _check_lengths(*texts: str) -> None:
    """Refuse texts that no header can hold."""
    if not all(0 < len(text.encode()) < 256 for text in texts):
        raise ValueError("a text that no header can hold")


def _to_segment(common: dict[str, Any], row: Row[Any]) -> SealedSegment:
    _check_kinds(bytes, row.ciphertext, row.previous, row.signature)
    closing = None
    if row.closing_records is not None:
        closing = Closing(row.closing_records, bool(row.closing_last))
    return SealedSegment(
        header=SegmentHeader(sequence=row.sequence, count=row.records, closing=closing, **common),
        nonce=counter_nonce(row.sequence),
        ciphertext=row.ciphertext,
        previous=row.previous,
        signature=row.signature,
    )
