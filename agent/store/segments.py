"""Sealed segments and their buckets' keys, as they are, unreadable.

What a bucket's segments have in common is stored once, with the bucket's key; a segment's header is
put together again from both. Rules: `append` returns after the row is on the disk; the same
segment twice is one segment; a key is stored with its bucket's first segment or not at all;
deleting a bucket's key deletes its segments in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)

from agent.domain.segment import (
    SealedBucketKey,
    SealedSegment,
    SegmentHeader,
    counter_nonce,
    from_seconds,
    to_seconds,
)
from agent.errors import StoreError
from agent.store.database import (
    DEFAULT_MAX_BYTES,
    check_schema,
    new_metadata,
    prepare_schema,
    reader_engine,
    refusals,
    truncate_wal,
    writer_engine,
)

SCHEMA = 1

_METADATA = new_metadata()
_BUCKETS = Table(
    "buckets",
    _METADATA,
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
    Index("buckets_by_deadline", "delete_by"),
    Index("buckets_by_time", "bucket_start", "zone"),
)
_SEGMENTS = Table(
    "segments",
    _METADATA,
    Column("bucket", ForeignKey("buckets.id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("records", Integer, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class SealedBucket:
    """One bucket as it lies in the store.

    Attributes:
        key: its sealed data key.
        segments: by rising sequence, at least one.
    """

    key: SealedBucketKey
    segments: tuple[SealedSegment, ...]


@dataclass(frozen=True, slots=True)
class Purge:
    """What one purge did.

    Attributes:
        keys: buckets whose key was destroyed.
        segments: rows that went with them.
        wal_truncated: whether they are gone from the write-ahead log too; if not, a reader was
            in the way and the purge must be tried again soon.
    """

    keys: int
    segments: int
    wal_truncated: bool


class SegmentStore:
    """The agent's database of sealed segments; one writer, any number of short readers."""

    def __init__(self, path: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        """Open or create the database.

        Raises:
            SchemaTooNew: a newer Omokage wrote it.
            StoreError: it can't be opened, or isn't Omokage's.
        """
        self._name = path.name
        self._engine = writer_engine(path, max_bytes=max_bytes)
        with refusals(self._name):
            prepare_schema(self._engine, _METADATA, SCHEMA)

    def append(self, segment: SealedSegment, key: SealedBucketKey) -> bool:
        """Store a segment, and its bucket's key if it is the bucket's first.

        Returns:
            Whether it was new; the same segment again changes nothing.

        Raises:
            StoreFull: the cap or the disk is reached; nothing was stored.
            StoreError: the key isn't the segment's, another segment has this number, or the
                database refuses; nothing was stored.
        """
        header = segment.header
        if (header.key_id, header.epoch, header.delete_by) != (
            key.key_id,
            key.epoch,
            key.delete_by,
        ):
            raise StoreError("the key isn't that of the segment's bucket")
        if segment.nonce != counter_nonce(header.sequence):
            raise StoreError("the segment's nonce isn't its number")
        with refusals(self._name), self._engine.begin() as connection:
            bucket = _put_key(connection, header, key)
            return _put_segment(connection, bucket, segment)

    def buckets(
        self,
        *,
        zone: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[SealedBucket]:
        """Yield buckets in order of time, each read in a short transaction of its own.

        Args:
            zone: only this one.
            since: only buckets that start at or after this instant.
            until: only buckets that start before it.

        Raises:
            StoreError: the database refuses, or a row isn't a segment's.
        """
        yield from _read_buckets(self._engine, self._name, zone, since, until)

    def segments(self) -> Iterator[SealedSegment]:
        """Yield all segments in order of their buckets' time. Raises as `buckets`."""
        for bucket in self.buckets():
            yield from bucket.segments

    def count(self) -> int:
        """Return how many segments there are."""
        with refusals(self._name), self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(_SEGMENTS)) or 0

    def expire(self, now: datetime) -> Purge:
        """Destroy every key and segment whose `delete_by` has come, and empty the log.

        The log is emptied also when nothing was due: an earlier purge may have found a reader.

        Raises:
            StoreError: the database refuses.
        """
        due = select(_BUCKETS.c.id).where(_BUCKETS.c.delete_by <= to_seconds(now))
        with refusals(self._name):
            with self._engine.begin() as connection:
                rows = connection.execute(
                    delete(_SEGMENTS).where(_SEGMENTS.c.bucket.in_(due))
                ).rowcount
                keys = connection.execute(
                    delete(_BUCKETS).where(_BUCKETS.c.delete_by <= to_seconds(now))
                ).rowcount
            return Purge(keys, rows, truncate_wal(self._engine))

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SegmentReader:
    """The same database for a reviewer's tools: can't write, not even by mistake."""

    def __init__(self, path: Path) -> None:
        """Open the database.

        Raises:
            SchemaTooNew: a newer Omokage wrote it.
            StoreError: it isn't there, or isn't Omokage's.
        """
        self._name = path.name
        self._engine = reader_engine(path)
        with refusals(self._name):
            check_schema(self._engine, SCHEMA)

    def buckets(
        self,
        *,
        zone: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[SealedBucket]:
        """Yield buckets in order of time; see `SegmentStore.buckets`."""
        yield from _read_buckets(self._engine, self._name, zone, since, until)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bucket_row(header: SegmentHeader, key: SealedBucketKey) -> dict[str, Any]:
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


def _put_key(connection: Connection, header: SegmentHeader, key: SealedBucketKey) -> int:
    """Return the bucket's row id, after inserting it or finding it unchanged."""
    row = _bucket_row(header, key)
    found = connection.execute(select(_BUCKETS).where(_BUCKETS.c.key_id == header.key_id)).first()
    if found is None:
        made = connection.scalars(insert(_BUCKETS).values(row).returning(_BUCKETS.c.id))
        return int(made.one())
    if found._asdict() != {"id": found.id, **row}:
        raise StoreError("the segment's header contradicts its bucket's")
    return int(found.id)


def _put_segment(connection: Connection, bucket: int, segment: SealedSegment) -> bool:
    row = {
        "records": segment.header.count,
        "ciphertext": segment.ciphertext,
        "previous": segment.previous,
        "signature": segment.signature,
    }
    sequence = segment.header.sequence
    found = connection.execute(
        select(_SEGMENTS).where(_SEGMENTS.c.bucket == bucket, _SEGMENTS.c.sequence == sequence)
    ).first()
    if found is None:
        connection.execute(insert(_SEGMENTS).values(bucket=bucket, sequence=sequence, **row))
        return True
    if found._asdict() != {"bucket": bucket, "sequence": sequence, **row}:
        raise StoreError("the bucket already has another segment with this number")
    return False


def _read_buckets(
    engine: Engine, name: str, zone: str | None, since: datetime | None, until: datetime | None
) -> Iterator[SealedBucket]:
    query = select(_BUCKETS.c.id).order_by(_BUCKETS.c.bucket_start, _BUCKETS.c.zone, _BUCKETS.c.id)
    if zone is not None:
        query = query.where(_BUCKETS.c.zone == zone)
    if since is not None:
        query = query.where(_BUCKETS.c.bucket_start >= to_seconds(since))
    if until is not None:
        query = query.where(_BUCKETS.c.bucket_start < to_seconds(until))
    with refusals(name), engine.connect() as connection:
        ids = connection.scalars(query).all()
    for bucket in ids:
        # The transaction ends before the caller gets to work: a slow reader blocks no purge.
        with refusals(name), engine.connect() as connection:
            head = connection.execute(select(_BUCKETS).where(_BUCKETS.c.id == bucket)).first()
            rows = connection.execute(
                select(_SEGMENTS).where(_SEGMENTS.c.bucket == bucket).order_by(_SEGMENTS.c.sequence)
            ).all()
        if head is not None:  # it may have expired meanwhile
            yield _to_bucket(head, rows)


def _to_bucket(head: Row[Any], rows: Sequence[Row[Any]]) -> SealedBucket:
    try:
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
        return SealedBucket(key, tuple(_to_segment(common, row) for row in rows))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise StoreError("a stored row isn't a segment's") from error


def _to_segment(common: dict[str, Any], row: Row[Any]) -> SealedSegment:
    return SealedSegment(
        header=SegmentHeader(sequence=row.sequence, count=row.records, **common),
        nonce=counter_nonce(row.sequence),
        ciphertext=row.ciphertext,
        previous=row.previous,
        signature=row.signature,
    )
