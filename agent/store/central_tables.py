"""The centre's tables: what a site's file has, with the site in front of every key.

Rules:
- the key is (site, bucket, zone, metric). The schema under which a bucket was released stands with
  it and isn't part of the key: a released number never changes, so a bucket that came under two
  schemas would only be counted twice;
- a hidden row can't carry a number: the database checks it, whoever writes;
- each cell and each day brings its deadline along, which only ever comes nearer, and is never
  further from its end than the centre's own bound, whatever a site's policy says;
- on PostgreSQL a site's role sees and writes its own rows alone, and may change nothing but
  deadlines. SQLite has no roles: it is for trials.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    create_mock_engine,
    insert,
)
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

CENTRAL_SCHEMA = 1
LONGEST = timedelta(days=1095)
"""How long the centre keeps anything unless its owner says otherwise: what profiles allow days."""

SCHEMA = MetaData()
META = Table(
    "meta",
    SCHEMA,
    Column("name", Text, primary_key=True),  # schema, or longest: seconds that anything is kept
    Column("number", Integer, nullable=False),
)
SITE = Table(
    "site",
    SCHEMA,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),  # of the database, which alone may write this site's rows
    Column("title", Text),  # the policy's name of the site, for people
    Column("timezone", Text),  # IANA name, by the policy
    Column("seen_at", BigInteger),  # last complete sync, seconds since 1970, UTC
)
CELL = Table(
    "cell",
    SCHEMA,
    Column("site", Text, primary_key=True),
    Column("bucket_start", BigInteger, primary_key=True),  # seconds since 1970, UTC
    Column("zone", Text, primary_key=True),
    Column("schema", Integer, nullable=False),  # of the site's file at sending
    Column("bucket_seconds", Integer, nullable=False),
    Column("k", Integer, nullable=False),
    Column("policy", Text, nullable=False),
    Column("models", Text, nullable=False),  # one name a line
    Column("delete_by", BigInteger, nullable=False),
    ForeignKeyConstraint(["site"], ["site.name"], ondelete="CASCADE"),
    Index("cell_by_deadline", "delete_by"),
)
NUMBER = Table(
    "number",
    SCHEMA,
    Column("site", Text, primary_key=True),
    Column("bucket_start", BigInteger, primary_key=True),
    Column("zone", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("value", Float),
    Column("standard_error", Float),
    Column("samples", BigInteger),
    Column("tracks", BigInteger),
    Column("persons", BigInteger),
    Column("suppressed", Boolean, nullable=False),
    Column("reason", Text),
    CheckConstraint(
        "(NOT suppressed AND reason IS NULL) OR (suppressed AND reason IS NOT NULL AND "
        "value IS NULL AND standard_error IS NULL AND samples IS NULL AND tracks IS NULL AND "
        "persons IS NULL)",
        name="a_hidden_row_has_no_number",
    ),
    ForeignKeyConstraint(
        ["site", "bucket_start", "zone"], ["cell.site", "cell.bucket_start", "cell.zone"],
        ondelete="CASCADE",
    ),
)  # fmt: skip
DAY = Table(
    "day",
    SCHEMA,
    Column("site", Text, primary_key=True),
    Column("start", BigInteger, primary_key=True),  # seconds since 1970, UTC
    Column("zone", Text, primary_key=True),
    Column("schema", Integer, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("date", Text, nullable=False),  # ISO, by the site's clock
    Column("expected", Integer, nullable=False),
    Column("k", Integer, nullable=False),
    Column("policies", Text, nullable=False),  # one digest a line
    Column("models", Text, nullable=False),  # one name a line
    Column("delete_by", BigInteger, nullable=False),
    ForeignKeyConstraint(["site"], ["site.name"], ondelete="CASCADE"),
    Index("day_by_deadline", "delete_by"),
)
DAY_NUMBER = Table(
    "day_number",
    SCHEMA,
    Column("site", Text, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("zone", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("value", Float),
    Column("standard_error", Float),
    Column("samples", BigInteger),
    Column("tracks", BigInteger),
    Column("persons", BigInteger),
    Column("shown", Integer, nullable=False),
    Column("cells", Integer, nullable=False),
    Column("reason", Text),
    CheckConstraint(
        "shown > 0 OR (value IS NULL AND standard_error IS NULL AND samples IS NULL AND "
        "tracks IS NULL AND persons IS NULL)",
        name="a_hidden_day_has_no_number",
    ),
    ForeignKeyConstraint(
        ["site", "start", "zone"], ["day.site", "day.start", "day.zone"], ondelete="CASCADE"
    ),
)
ENDS = {
    CELL: CELL.c.bucket_start + CELL.c.bucket_seconds,
    DAY: DAY.c.start + DAY.c.seconds,
}
"""What carries a deadline, and from when on its life is counted."""

RULES = Path(__file__).with_name("central_rules.sql")
"""Roles and row security on PostgreSQL, for who owns the tables."""


def script(longest: timedelta = LONGEST) -> str:
    """Return all that prepares an empty PostgreSQL database, for who runs it by hand.

    Args:
        longest: how long anything may be kept, from its end on.
    """
    dialect = create_mock_engine("postgresql://", lambda *_: None).dialect
    tables = SCHEMA.sorted_tables
    made: list[ExecutableDDLElement] = [CreateTable(table) for table in tables]
    made += [CreateIndex(index) for table in tables for index in table.indexes]
    lines = [f"{str(one.compile(dialect=dialect)).strip()};" for one in made]
    for name, number in (("schema", CENTRAL_SCHEMA), ("longest", int(longest.total_seconds()))):
        row = insert(META).values(name=name, number=number)
        said = row.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        lines.append(f"{said};")
    return "\n".join(["SET search_path = public, pg_temp;", *lines, RULES.read_text("utf-8")])
