"""Sealed segments and their buckets' keys, as they are, unreadable.

What a bucket's segments have in common is stored once, with the bucket's key; a segment's header is
put together again from both.

Guarantees, each call being one transaction that is on the disk when it returns, or didn't happen:
- `append`: an acknowledged segment survives a kill and a power cut; the same segment twice is one;
  a key is stored with its bucket's first segment or not at all;
- `close_bucket`: a bucket is all flush segments or all closing segments, never in between;
- `lower`: a deadline only ever comes nearer;
- `purge`: a bucket's key goes with its segments. What a purge deleted is gone from the disk too
  once `Purge.wal_truncated` says so; until then the purge must be called again, with no ids if
  nothing else is due. Where the disk is full the purge goes bucket by bucket, keys first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from agent.domain.retention import Holding
from agent.domain.segment import (
    CLOSING_SEQUENCE,
    SealedBucketKey,
    SealedSegment,
    SegmentHeader,
    counter_nonce,
    to_seconds,
)
from agent.errors import StoreError, StoreFull
from agent.store.ballast import Ballast
from agent.store.database import (
    DEFAULT_MAX_BYTES,
    check_pages,
    refusals,
    truncate_wal,
    writer_engine,
)
from agent.store.holds import HoldStore
from agent.store.identity import check_identity, prepare
from agent.store.quarantine import Quarantined, erase_quarantined, register
from agent.store.reading import SegmentReader, Selection, read_buckets, read_holdings, read_link
from agent.store.tables import (
    BUCKETS,
    CHAINS,
    EFFECTIVE,
    SEGMENTS,
    SealedBucket,
    bucket_row,
    segment_row,
)

__all__ = ["Purge", "SealedBucket", "SegmentReader", "SegmentStore"]

_IDS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class Purge:
    """What one purge did.

    Attributes:
        keys: buckets whose key was destroyed.
        segments: rows that went with them.
        wal_truncated: whether they are gone from the write-ahead log too; if not, a reader was
            in the way and the purge must be tried again soon.
        files: quarantined databases that were overwritten and removed.
    """

    keys: int
    segments: int
    wal_truncated: bool
    files: int = 0


class SegmentStore:
    """The agent's database of sealed segments; one writer, any number of short readers."""

    def __init__(self, path: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        """Open or create the database; an older one is brought forward.

        Raises:
            SchemaTooNew: a newer Omokage wrote it.
            StoreMissing: there was a database here, and this isn't it.
            StoreCorrupt: it is damaged; see `agent.store.recover`.
            StoreError: it can't be opened, or isn't Omokage's.
        """
        self._path, self._name = path, path.name
        check_identity(path)
        self._engine = writer_engine(path, max_bytes=max_bytes)
        try:
            with refusals(self._name):
                check_pages(self._engine)
                prepare(self._engine, path)
        except BaseException:
            self._engine.dispose()
            raise
        self._ballast = Ballast(path)
        self._ballast.restore()
        self.holds = HoldStore(self._engine, self._name)

    def append(self, segment: SealedSegment, key: SealedBucketKey) -> bool:
        """Store a segment, and its bucket's key if it is the bucket's first.

        Returns:
            Whether it was new; the same segment again changes nothing.

        Raises:
            StoreFull: the cap or the disk is reached; nothing was stored.
            StoreError: the key isn't the segment's, another segment has this number, the bucket
                is closed, or the database refuses; nothing was stored.
        """
        _check_belongs(segment, key)
        if segment.header.closing is not None:
            raise StoreError("closing segments replace a bucket's flushes, all at once")
        with refusals(self._name), self._engine.begin() as connection:
            bucket = _put_key(connection, segment.header, key)
            _check_open(connection, bucket)
            new = _put_segment(connection, bucket, segment)
            if new:
                _put_link(connection, segment)
            return new

    def close_bucket(self, key: SealedBucketKey, segments: Sequence[SealedSegment]) -> int:
        """Replace a bucket's flush segments by its closing ones.

        Args:
            key: of the bucket.
            segments: all closing segments of the bucket, the last one marked as such.

        Returns:
            How many flush segments went; 0 when the bucket was closed already by the same ones.

        Raises:
            StoreFull, StoreError: as `append`; the flush segments are still there.
        """
        _check_closing(segments)
        for segment in segments:
            _check_belongs(segment, key)
        with refusals(self._name), self._engine.begin() as connection:
            bucket = _put_key(connection, segments[0].header, key)
            flushes = SEGMENTS.c.bucket == bucket, SEGMENTS.c.sequence < CLOSING_SEQUENCE
            replaced = connection.execute(delete(SEGMENTS).where(*flushes)).rowcount
            new = [_put_segment(connection, bucket, segment) for segment in segments]
            if any(new):  # asked again, it may not be the zone's end any more
                _put_link(connection, segments[-1])
            return replaced

    def last_link(self, zone: str) -> bytes:
        """Return what the zone's next bucket follows; zeros where there was nothing yet.

        Raises:
            StoreError: the database refuses.
        """
        return read_link(self._engine, self._name, zone)

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
        yield from read_buckets(self._engine, self._name, Selection(zone, since, until))

    def segments(self) -> Iterator[SealedSegment]:
        """Yield all segments in order of their buckets' time. Raises as `buckets`."""
        for bucket in self.buckets():
            yield from bucket.segments

    def count(self) -> int:
        """Return how many segments there are."""
        with refusals(self._name), self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(SEGMENTS)) or 0

    def holdings(self) -> list[Holding]:
        """Return every bucket, and every quarantined file, with its effective deadline.

        No ciphertext is read. A holding's id is what `lower` and `purge` take.

        Raises:
            StoreError: the database refuses.
        """
        return read_holdings(self._engine, self._path)

    def lower(self, deadlines: Mapping[str, datetime]) -> int:
        """Bring deadlines forward; a later one than what holds already changes nothing.

        Args:
            deadlines: new deadline, aware UTC, by holding's id.

        Returns:
            How many deadlines changed.

        Raises:
            StoreError: the database refuses; no deadline was changed.
        """
        rows = [
            {"which": raw, "new": to_seconds(at)}
            for id_, at in deadlines.items()
            if (raw := _key_id(id_)) is not None
        ]
        if not rows:
            return 0
        new: BindParameter[int] = bindparam("new", type_=Integer)
        change = (
            update(BUCKETS)
            .where(BUCKETS.c.key_id == bindparam("which"), new < EFFECTIVE)
            .values(lowered=new)
        )
        with refusals(self._name), self._engine.begin() as connection:
            return sum(connection.execute(change, row).rowcount for row in rows)

    def purge(self, ids: Collection[str]) -> Purge:
        """Destroy keys and segments, and empty the log; ids that aren't there are passed over.

        The log is emptied also without ids: an earlier purge may have found a reader in the way.

        Args:
            ids: of holdings.

        Raises:
            StoreFull: not even the reserved room was enough; some buckets may be left.
            StoreError: the database refuses; nothing was deleted.
        """
        keys = [raw for id_ in ids if (raw := _key_id(id_)) is not None]
        with refusals(self._name):
            files = erase_quarantined(self._engine, self._path, ids)
            try:
                buckets, segments = self._purge_at_once(keys)
            except StoreFull:
                # SQLite can't delete on a full disk: it needs room in its log first.
                self._ballast.release()
                buckets, segments = self._purge_one_by_one(keys)
            emptied = truncate_wal(self._engine)
        self._ballast.restore()
        return Purge(buckets, segments, emptied, files)

    def adopt(self, longest: timedelta) -> list[Quarantined]:
        """Take databases that were moved aside into this one's care; see `register`."""
        return register(self._engine, self._path, longest)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _purge_at_once(self, keys: list[bytes]) -> tuple[int, int]:
        buckets = segments = 0
        with refusals(self._name), self._engine.begin() as connection:
            for at in range(0, len(keys), _IDS_A_STATEMENT):
                found = _delete(connection, keys[at : at + _IDS_A_STATEMENT])
                buckets, segments = buckets + found[0], segments + found[1]
        return buckets, segments

    def _purge_one_by_one(self, keys: list[bytes]) -> tuple[int, int]:
        """Delete with as little room as possible: keys first, and the log emptied in between."""
        buckets = segments = 0
        blank = update(BUCKETS).values(wrapped=func.zeroblob(func.length(BUCKETS.c.wrapped)))
        for key in keys:
            with self._engine.begin() as connection:
                connection.execute(blank.where(BUCKETS.c.key_id == key))
        truncate_wal(self._engine)
        for key in keys:
            with self._engine.begin() as connection:
                found = _delete(connection, [key])
            buckets, segments = buckets + found[0], segments + found[1]
            truncate_wal(self._engine)
        return buckets, segments


def _key_id(id_: str) -> bytes | None:
    """Return a bucket's key id; None for the id of something else."""
    try:
        return bytes.fromhex(id_)
    except ValueError:
        return None


def _check_belongs(segment: SealedSegment, key: SealedBucketKey) -> None:
    header = segment.header
    if (header.key_id, header.epoch, header.delete_by) != (key.key_id, key.epoch, key.delete_by):
        raise StoreError("the key isn't that of the segment's bucket")
    if segment.nonce != counter_nonce(header.sequence):
        raise StoreError("the segment's nonce isn't its number")


def _check_closing(segments: Sequence[SealedSegment]) -> None:
    """Refuse anything but a bucket's whole run of closing segments."""
    records = 0
    for place, segment in enumerate(segments):
        closing = segment.header.closing
        records += segment.header.count
        if (
            closing is None
            or segment.header.sequence != CLOSING_SEQUENCE + place
            or closing.records != records
            or closing.last != (place == len(segments) - 1)
        ):
            raise StoreError("these aren't all closing segments of a bucket")
    if not segments:
        raise StoreError("a bucket is closed by at least one segment")


def _check_open(connection: Connection, bucket: int) -> None:
    closing = SEGMENTS.c.bucket == bucket, SEGMENTS.c.sequence >= CLOSING_SEQUENCE
    if connection.scalar(select(func.count()).where(*closing)):
        raise StoreError("the bucket is closed")


def _put_key(connection: Connection, header: SegmentHeader, key: SealedBucketKey) -> int:
    """Return the bucket's row id, after inserting it or finding it unchanged."""
    row = bucket_row(header, key)
    found = connection.execute(select(BUCKETS).where(BUCKETS.c.key_id == header.key_id)).first()
    if found is None:
        made = connection.scalars(insert(BUCKETS).values(row).returning(BUCKETS.c.id))
        return int(made.one())
    known = found._asdict()
    if any(known[name] != value for name, value in row.items()):
        raise StoreError("the segment's header contradicts its bucket's")
    return int(found.id)


def _put_segment(connection: Connection, bucket: int, segment: SealedSegment) -> bool:
    row: dict[str, Any] = {"bucket": bucket, **segment_row(segment)}
    sequence = segment.header.sequence
    found = connection.execute(
        select(SEGMENTS).where(SEGMENTS.c.bucket == bucket, SEGMENTS.c.sequence == sequence)
    ).first()
    if found is None:
        connection.execute(insert(SEGMENTS).values(row))
        return True
    if found._asdict() != row:
        raise StoreError("the bucket already has another segment with this number")
    return False


def _put_link(connection: Connection, segment: SealedSegment) -> None:
    """Remember the zone's end in the transaction that makes it the end."""
    zone, row = segment.header.zone, {"key_id": segment.header.key_id, "link": segment.link}
    known = update(CHAINS).where(CHAINS.c.zone == zone).values(row)
    if connection.execute(known).rowcount == 0:
        connection.execute(insert(CHAINS).values(zone=zone, **row))


def _delete(connection: Connection, keys: list[bytes]) -> tuple[int, int]:
    chosen = select(BUCKETS.c.id).where(BUCKETS.c.key_id.in_(keys))
    rows = connection.execute(delete(SEGMENTS).where(SEGMENTS.c.bucket.in_(chosen))).rowcount
    gone = connection.execute(delete(BUCKETS).where(BUCKETS.c.key_id.in_(keys))).rowcount
    return gone, rows
