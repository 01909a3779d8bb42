"""What may be read of the segments' database, each in one short transaction.

A reader that keeps its snapshot open blocks the purge, so everything is fetched and let go of
before the caller gets to work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, func, select

from agent.domain.retention import Holding, Tier
from agent.domain.segment import FIRST_LINK, from_seconds, to_seconds
from agent.store.database import check_schema, empty_engine, reader_engine, refusals
from agent.store.holds import HoldStore
from agent.store.identity import check_identity, has_begun
from agent.store.quarantine import quarantine_id
from agent.store.tables import (
    BUCKETS,
    CHAINS,
    EFFECTIVE,
    METADATA,
    QUARANTINE,
    SCHEMA,
    SEGMENTS,
    SealedBucket,
    to_bucket,
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which buckets are read.

    Attributes:
        zone: only this one; None for all.
        since: only buckets that start at or after this instant.
        until: only buckets that start before it.
    """

    zone: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class SegmentReader:
    """The database for a reviewer's tools: can't write, not even by mistake.

    One that the agent hasn't begun yet reads as empty.
    """

    def __init__(self, path: Path) -> None:
        """Open the database.

        Raises:
            SchemaTooNew: a newer Omokage wrote it.
            StoreMissing: there was a database here, and this isn't it.
            StoreError: it isn't Omokage's, or waits for the agent to bring it forward.
        """
        self._path, self._name = path, path.name
        check_identity(path)
        begun = has_begun(path)
        self._engine = reader_engine(path) if begun else empty_engine(METADATA)
        self.holds = HoldStore(self._engine, self._name)
        if not begun:
            return
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
        yield from read_buckets(self._engine, self._name, Selection(zone, since, until))

    def holdings(self) -> list[Holding]:
        """Return every bucket with its effective deadline; see `SegmentStore.holdings`."""
        return read_holdings(self._engine, self._path)

    def last_link(self, zone: str) -> bytes:
        """Return a zone's end; see `SegmentStore.last_link`."""
        return read_link(self._engine, self._name, zone)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_buckets(engine: Engine, name: str, which: Selection) -> Iterator[SealedBucket]:
    """Yield buckets in order of time. Raises as `SegmentStore.buckets`."""
    query = select(BUCKETS.c.id).order_by(BUCKETS.c.bucket_start, BUCKETS.c.zone, BUCKETS.c.id)
    if which.zone is not None:
        query = query.where(BUCKETS.c.zone == which.zone)
    if which.since is not None:
        query = query.where(BUCKETS.c.bucket_start >= to_seconds(which.since))
    if which.until is not None:
        query = query.where(BUCKETS.c.bucket_start < to_seconds(which.until))
    with refusals(name), engine.connect() as connection:
        ids = connection.scalars(query).all()
    for bucket in ids:
        # The transaction ends before the caller gets to work: a slow reader blocks no purge.
        with refusals(name), engine.connect() as connection:
            head = connection.execute(select(BUCKETS).where(BUCKETS.c.id == bucket)).first()
            rows = connection.execute(
                select(SEGMENTS).where(SEGMENTS.c.bucket == bucket).order_by(SEGMENTS.c.sequence)
            ).all()
        if head is not None:  # it may have expired meanwhile
            yield to_bucket(head, rows)


def read_holdings(engine: Engine, path: Path) -> list[Holding]:
    """Return what the store holds, in order of time. Raises as `SegmentStore.holdings`."""
    sizes = (
        select(
            SEGMENTS.c.bucket,
            func.sum(SEGMENTS.c.records).label("records"),
            # `length` of a blob is read off the row's head: the blob itself stays on the disk.
            func.sum(
                func.length(SEGMENTS.c.ciphertext)
                + func.length(SEGMENTS.c.previous)
                + func.length(SEGMENTS.c.signature)
            ).label("size"),
        )
        .group_by(SEGMENTS.c.bucket)
        .subquery()
    )
    query = (
        select(
            *(BUCKETS.c[name] for name in ("key_id", "zone", "bucket_start", "bucket_seconds")),
            func.coalesce(sizes.c.records, 0).label("records"),
            (func.coalesce(sizes.c.size, 0) + func.length(BUCKETS.c.wrapped)).label("size"),
            EFFECTIVE.label("deadline"),
            BUCKETS.c.epoch,
        )
        .outerjoin(sizes, sizes.c.bucket == BUCKETS.c.id)
        .order_by(BUCKETS.c.bucket_start, BUCKETS.c.zone, BUCKETS.c.id)
    )
    with refusals(path.name), engine.connect() as connection:
        buckets = connection.execute(query).all()
        files = connection.execute(select(QUARANTINE).order_by(QUARANTINE.c.moved_at)).all()
    return [*(_to_holding(row) for row in buckets), *(_to_file(row, path) for row in files)]


def read_link(engine: Engine, name: str, zone: str) -> bytes:
    """Return the link of a zone's last stored segment, or `FIRST_LINK`."""
    query = select(CHAINS.c.link).where(CHAINS.c.zone == zone)
    with refusals(name), engine.connect() as connection:
        return connection.scalar(query) or FIRST_LINK


def _to_holding(row: Any) -> Holding:
    return Holding(
        id=row.key_id.hex(),
        tier=Tier.RECORDS,
        zone=row.zone,
        start=from_seconds(row.bucket_start),
        end=from_seconds(row.bucket_start + row.bucket_seconds),
        rows=row.records,
        stored_bytes=row.size,
        delete_by=from_seconds(row.deadline),
        epoch=row.epoch,
    )


def _to_file(row: Any, path: Path) -> Holding:
    """Return a database that was moved aside; how many records it holds nobody can tell."""
    file = path.with_name(row.name)
    return Holding(
        id=quarantine_id(row.name),
        tier=Tier.RECORDS,
        zone="",
        start=from_seconds(row.start),
        end=from_seconds(row.moved_at),
        rows=0,
        stored_bytes=file.stat().st_size if file.exists() else 0,
        delete_by=from_seconds(row.delete_by),
    )
