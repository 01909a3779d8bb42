"""The tables of the reviews' database, and what its triggers refuse.

What a review says stands in its body alone, the bytes that its digest is of; the columns for
queries are computed from them, so the two can't disagree.
"""

from __future__ import annotations

from sqlalchemy import Column, Computed, Float, Index, Integer, LargeBinary, String, Table, Text

from agent.store.database import new_metadata

NAME = "the reviews' database"
SCHEMA_VERSION = 1
MAX_BYTES = 256 << 20
SEED_BYTES = 32

METADATA = new_metadata()
SITE = Table("site", METADATA, Column("seed", LargeBinary, primary_key=True))
REVIEW = Table(
    "review",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("body", Text, nullable=False),
    Column("digest", String, nullable=False),
    Column("reviewer", Text),
    Column("reviewer_salt", LargeBinary),
    Column("delete_by", Integer, nullable=False),  # seconds since 1970, UTC
    *(
        Column(name, kind, Computed(f"json_extract(body, '$.{path}')", persisted=False))
        for name, kind, path in (
            ("bucket", Text, "clip.bucket"),
            ("track", Integer, "clip.track"),
            ("start", Integer, "clip.start"),
            ("at", Text, "at"),
            ("zone", Text, "clip.zone"),
            ("clip_at", Text, "clip.at"),
            ("seconds", Float, "clip.seconds"),
            ("why", Text, "sampling.why"),
            ("verdict", Text, "verdict"),
        )
    ),
    Index("review_once", "bucket", "track", "start", "reviewer", unique=True),
    Index("review_by_deadline", "delete_by"),
    sqlite_autoincrement=True,  # a number that was deleted is never given again
)
DRAW = Table(
    "draw",
    METADATA,
    Column("bucket", String, primary_key=True),
    Column("probability", Float, nullable=False),
    Column("clips", Integer, nullable=False),
    Column("drawn", Integer, nullable=False),
    Column("at", Integer, nullable=False),
    Column("delete_by", Integer, nullable=False),
)
_NEVER_CHANGES = """CREATE TRIGGER review_never_changes BEFORE UPDATE ON review WHEN NOT (
    NEW.number IS OLD.number AND NEW.body IS OLD.body AND NEW.digest IS OLD.digest
    AND NEW.delete_by <= OLD.delete_by
    AND (NEW.reviewer IS OLD.reviewer AND NEW.reviewer_salt IS OLD.reviewer_salt
         OR NEW.reviewer IS NULL AND NEW.reviewer_salt IS NULL))
    BEGIN SELECT RAISE(ABORT, 'a review never changes'); END"""
_DRAW_NEVER_CHANGES = """CREATE TRIGGER draw_never_changes BEFORE UPDATE ON draw WHEN NOT (
    NEW.bucket IS OLD.bucket AND NEW.probability IS OLD.probability AND NEW.clips IS OLD.clips
    AND NEW.drawn IS OLD.drawn AND NEW.at IS OLD.at AND NEW.delete_by <= OLD.delete_by)
    BEGIN SELECT RAISE(ABORT, 'a draw never changes'); END"""
TRIGGERS = (
    _NEVER_CHANGES,
    _DRAW_NEVER_CHANGES,
    *(
        f"CREATE TRIGGER site_no_{verb} BEFORE {verb} ON site "
        "BEGIN SELECT RAISE(ABORT, 'the seed stays'); END"
        for verb in ("UPDATE", "DELETE")
    ),
)
