"""What reviewers said, in a database of its own: appended, never changed, deleted by its deadline.

Rules:
- a row is on the disk before anybody is told that it was submitted (`synchronous=EXTRA`, rollback
  journal: it is read by the pages of other roles, also when nobody writes);
- a row never changes, except that a reviewer's name may become NULL and a deadline may come nearer.
  Triggers refuse the rest: they stop a mistake, not somebody who may write the file; for those the
  access log holds a digest of each row;
- nobody can code the same clip twice;
- it holds codes and judgements in clear, and no key: nothing here opens a picture or a record. It
  does say what one (unnamed) face did for some seconds, so it lives as long as released numbers;
- rows leave by `purge` alone.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    Connection,
    Table,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from agent.domain.access_entry import SALT_BYTES, commitment
from agent.domain.retention import Holding, Tier
from agent.domain.review import (
    COMMITMENT_LABEL,
    ClipId,
    Done,
    Review,
    StoredReview,
    Verdict,
    Why,
    body,
    digest,
    read_body,
)
from agent.domain.segment import from_seconds, to_seconds
from agent.errors import SchemaTooNew, StoreError
from agent.store.access_tables import RESERVE_PAGES, create_file, reader_engine, writer_engine
from agent.store.database import PAGE_BYTES, refusals
from agent.store.migrations import migrate, schema_number
from agent.store.review_tables import (
    DRAW,
    MAX_BYTES,
    METADATA,
    NAME,
    REVIEW,
    SCHEMA_VERSION,
    SEED_BYTES,
    SITE,
    TRIGGERS,
)


@dataclass(frozen=True, slots=True)
class SealedReview:
    """A review as it will be stored, so that its digest can be written down first.

    Attributes:
        body: canonical bytes; the reviewer's name is in them as a commitment only.
        digest: of the body, hex.
        reviewer: account name.
        salt: of the commitment.
        delete_by: aware UTC.
    """

    body: bytes
    digest: str
    reviewer: str
    salt: bytes
    delete_by: datetime


@dataclass(frozen=True, slots=True)
class Draw:
    """What was decided when a bucket was looked at first.

    Attributes:
        bucket: key id, hex.
        probability: with which each of its clips is drawn at random.
        clips: how many it has.
        drawn: how many were drawn.
        at: when it was decided, aware UTC.
        delete_by: the last instant at which this may be kept.
    """

    bucket: str
    probability: float
    clips: int
    drawn: int
    at: datetime
    delete_by: datetime


@dataclass(frozen=True, slots=True)
class ReviewPurge:
    """How many reviews and draws one purge deleted."""

    reviews: int
    draws: int


def seal(review: Review, keep: timedelta) -> SealedReview:
    """Fix a review's bytes and its deadline.

    Args:
        review: what was said.
        keep: how long it may live, counted from the clip's own time.
    """
    end = review.clip.at + timedelta(seconds=review.clip.seconds)
    delete_by = from_seconds(to_seconds(end + keep))
    salt = os.urandom(SALT_BYTES)
    name = commitment(COMMITMENT_LABEL, salt, review.reviewer.encode()).decode()
    content = body(review, name, delete_by)
    return SealedReview(content, digest(content), review.reviewer, salt, delete_by)


class ReviewReader:
    """Reads what reviewers said and can't write; a database that isn't there reads as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reading = reader_engine(path)

    def reviews(self) -> list[StoredReview]:
        """Return every review, oldest first.

        Raises:
            SchemaTooNew: a newer Omokage wrote the database.
            StoreError: it is locked or broken, or a row isn't a review.
        """
        columns = (REVIEW.c[name] for name in ("number", "body", "reviewer", "delete_by"))
        found = []
        for row in self._fetch(select(*columns).order_by(REVIEW.c.number)):
            try:
                review, _ = read_body(row.body.encode(), row.reviewer or "")
            except ValueError as error:
                raise StoreError(f"{NAME}: row {row.number} isn't a review") from error
            # Computed from the bytes: what the row says of itself proves nothing.
            stored = digest(row.body.encode())
            found.append(StoredReview(row.number, review, stored, from_seconds(row.delete_by)))
        return found

    def done(self) -> list[Done]:
        """Return who has coded which clip. Raises as `reviews`."""
        names = ("bucket", "track", "start", "reviewer", "at", "why")
        rows = self._fetch(select(*(REVIEW.c[name] for name in names)))
        return [
            Done(
                ClipId(row.bucket, row.track, row.start),
                row.reviewer or "",
                datetime.fromisoformat(row.at),
                Why(row.why),
            )
            for row in rows
        ]

    def draws(self) -> dict[str, Draw]:
        """Return what was decided for each bucket, by its id. Raises as `reviews`."""
        return {
            row.bucket: Draw(
                row.bucket, row.probability, row.clips, row.drawn,
                from_seconds(row.at), from_seconds(row.delete_by),
            )
            for row in self._fetch(select(DRAW))
        }  # fmt: skip

    def not_to_be_captured(self) -> frozenset[str]:
        """Return the buckets of which a reviewer said that they shouldn't exist. Raises as above.

        Whoever keeps the records brings these buckets' deadlines forward; this database can't.
        """
        wanted = REVIEW.c.verdict == Verdict.NOT_CAPTURED.value
        return frozenset(row.bucket for row in self._fetch(select(REVIEW.c.bucket).where(wanted)))

    def holdings(self) -> list[Holding]:
        """Return every review and every draw with its deadline. Raises as `reviews`."""
        names = ("number", "zone", "clip_at", "seconds", "delete_by")
        length = func.length(REVIEW.c.body).label("size")
        reviews = self._fetch(select(*(REVIEW.c[name] for name in names), length))
        return [
            *(_review_holding(row) for row in reviews),
            *(_draw_holding(row) for row in self._fetch(select(DRAW))),
        ]

    def close(self) -> None:
        """Let go of the file."""
        self._reading.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fetch(self, query: Any) -> Sequence[Any]:
        if not self._path.exists():
            return []
        with refusals(NAME), self._reading.connect() as connection:
            found = schema_number(connection)
            if found is None:
                return []  # somebody is just creating it
            if found > SCHEMA_VERSION:
                raise SchemaTooNew(f"the reviews have schema {found}")
            return connection.execute(query).all()


class ReviewStore(ReviewReader):
    """The writing end."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        """Open the database, or create an empty one.

        Raises:
            SchemaTooNew: a newer Omokage wrote it.
            StoreError: it can't be opened, or isn't the reviews'.
        """
        super().__init__(path)
        create_file(path)
        self._engine = writer_engine(path, max_bytes)
        # Deleting must work in a database that reached its cap.
        self._larger = writer_engine(path, max_bytes + RESERVE_PAGES * PAGE_BYTES)
        with refusals(NAME):
            self._prepare()

    def _prepare(self) -> None:
        with self._engine.begin() as connection:
            tables = inspect(connection).get_table_names()
            if not tables:
                _create(connection)
            elif "review" not in tables:
                raise StoreError("this database isn't that of the reviews")
        migrate(self._engine, "reviews")

    @property
    def seed(self) -> bytes:
        """Return the site's secret seed of all draws; it was drawn with the database."""
        return bytes(self._fetch(select(SITE.c.seed))[0].seed)

    def add(self, sealed: SealedReview) -> int:
        """Store a review; when this returns, it is on the disk. Returns its number.

        Raises:
            StoreFull: there is no space left.
            StoreError: the reviewer has coded this clip before, or the database refuses.
        """
        row = {
            "body": sealed.body.decode(),
            "digest": sealed.digest,
            "reviewer": sealed.reviewer,
            "reviewer_salt": sealed.salt,
            "delete_by": to_seconds(sealed.delete_by),
        }
        try:
            with refusals(NAME), self._engine.begin() as connection:
                made = connection.scalars(insert(REVIEW).values(row).returning(REVIEW.c.number))
                return int(made.one())
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise StoreError(
                    "this person has coded this clip before", advice="Go on with the next clip."
                ) from error
            raise

    def decide(self, draws: Sequence[Draw]) -> None:
        """Store what was decided for buckets; one that was decided before stays as it was.

        Raises:
            StoreError: the database refuses; nothing was stored.
        """
        if not draws:
            return
        rows = [
            {
                "bucket": draw.bucket,
                "probability": draw.probability,
                "clips": draw.clips,
                "drawn": draw.drawn,
                "at": to_seconds(draw.at.replace(microsecond=0)),
                "delete_by": to_seconds(draw.delete_by.replace(microsecond=0)),
            }
            for draw in draws
        ]
        with refusals(NAME), self._engine.begin() as connection:
            connection.execute(insert(DRAW).prefix_with("OR IGNORE"), rows)

    def erase(self, reviewer: str) -> int:
        """Erase a person's name for good; what they said stays. Returns how many rows changed.

        Raises:
            StoreError: the database refuses; nothing was changed.
        """
        gone = update(REVIEW).where(REVIEW.c.reviewer == reviewer)
        with refusals(NAME), self._larger.begin() as connection:
            return connection.execute(gone.values(reviewer=None, reviewer_salt=None)).rowcount

    def lower(self, deadlines: Mapping[str, datetime]) -> int:
        """Bring deadlines forward, by holding's id; a later one changes nothing.

        Returns:
            How many deadlines changed.

        Raises:
            StoreError: the database refuses; no deadline was changed.
        """
        changed = 0
        with refusals(NAME), self._larger.begin() as connection:
            for id_, deadline in deadlines.items():
                if (found := _place(id_)) is None:
                    continue
                table, column, value = found
                nearer = update(table).where(column == value, table.c.delete_by > bindparam("new"))
                change = nearer.values(delete_by=bindparam("new"))
                changed += connection.execute(change, {"new": to_seconds(deadline)}).rowcount
        return changed

    def purge(self, ids: Collection[str]) -> ReviewPurge:
        """Delete holdings; ids that aren't there are passed over.

        Raises:
            StoreError: the database refuses; nothing was deleted.
        """
        gone = {REVIEW.name: 0, DRAW.name: 0}
        with refusals(NAME), self._larger.begin() as connection:
            for id_ in ids:
                if (found := _place(id_)) is not None:
                    table, column, value = found
                    rows = connection.execute(delete(table).where(column == value)).rowcount
                    gone[table.name] += rows
        return ReviewPurge(gone[REVIEW.name], gone[DRAW.name])

    def close(self) -> None:
        """Let go of the file."""
        super().close()
        self._engine.dispose()
        self._larger.dispose()


def _create(connection: Connection) -> None:
    METADATA.create_all(connection)
    for trigger in TRIGGERS:
        connection.execute(text(trigger))
    meta = insert(METADATA.tables["meta"]).values(name="schema", number=SCHEMA_VERSION)
    connection.execute(meta)
    connection.execute(insert(SITE).values(seed=os.urandom(SEED_BYTES)))


def _review_holding(row: Any) -> Holding:
    start = datetime.fromisoformat(row.clip_at)
    return Holding(
        id=f"review:{row.number}",
        tier=Tier.AGGREGATES,
        zone=row.zone,
        start=start,
        end=start + timedelta(seconds=row.seconds),
        rows=1,
        stored_bytes=row.size,
        delete_by=from_seconds(row.delete_by),
    )


def _draw_holding(row: Any) -> Holding:
    at = from_seconds(row.at)
    return Holding(
        id=f"draw:{row.bucket}",
        tier=Tier.AGGREGATES,
        zone="",
        start=at,
        end=at + timedelta(seconds=1),
        rows=1,
        stored_bytes=len(row.bucket),
        delete_by=from_seconds(row.delete_by),
    )


def _place(id_: str) -> tuple[Table, Any, object] | None:
    """Return where a holding lies; None for the id of something else."""
    kind, _, rest = id_.partition(":")
    if kind == "review" and rest.isdecimal():
        return REVIEW, REVIEW.c.number, int(rest)
    return (DRAW, DRAW.c.bucket, rest) if kind == "draw" else None
