"""Schema 2: a deadline with each cell, and the numbers of whole days.

An older cell has no deadline yet, since the file doesn't know the policy; the agent dates it from
the cell's own end at its next start (`AggregateWriter.adopt`). The description stands here and not
in `agent.store.aggregate_tables`, which will go on changing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_FROZEN = {
    "cell": "bucket_start, zone, bucket_seconds, k, policy, models",
    "day": "start, zone, seconds, date, expected, k, policies, models, numbers",
    "day_number": (
        "start, zone, metric, unit, value, standard_error, samples, tracks, persons, shown, "
        "cells, reason"
    ),
    "number": (
        "bucket_start, zone, metric, unit, value, standard_error, samples, tracks, persons, "
        "suppressed, reason"
    ),
}


def upgrade() -> None:
    """Add columns, tables and triggers; no released number is touched."""
    for table in ("cell", "number"):
        op.execute(f"DROP TRIGGER {table}_never_changes")
    op.add_column("cell", sa.Column("delete_by", sa.Integer))
    op.add_column("cell", sa.Column("numbers", sa.Integer))
    op.create_index("cell_by_deadline", "cell", ["delete_by"])
    _create_days()
    op.execute(
        "UPDATE cell SET numbers = (SELECT count(*) FROM number "
        "WHERE number.bucket_start = cell.bucket_start AND number.zone = cell.zone)"
    )
    for table, columns in _FROZEN.items():
        _refuse(f"{table}_never_changes", table, columns, "", "a released number never changes")
    nearer = "WHEN NEW.delete_by IS NULL OR NEW.delete_by > OLD.delete_by "
    for table in ("cell", "day"):
        words = "a deadline only ever comes nearer"
        _refuse(f"{table}_never_later", table, "delete_by", nearer, words)
    counted = "WHEN OLD.numbers IS NOT NULL "
    words = "a released number never changes"
    _refuse("cell_counted_once", "cell", "numbers", counted, words)


def _refuse(name: str, table: str, columns: str, when: str, words: str) -> None:
    op.execute(
        f"CREATE TRIGGER {name} BEFORE UPDATE OF {columns} ON {table} {when}"
        f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
    )


def _create_days() -> None:
    op.create_table(
        "day",
        sa.Column("start", sa.Integer, primary_key=True),
        sa.Column("zone", sa.Text, primary_key=True),
        sa.Column("seconds", sa.Integer, nullable=False),
        sa.Column("date", sa.Text, nullable=False),
        sa.Column("expected", sa.Integer, nullable=False),
        sa.Column("k", sa.Integer, nullable=False),
        sa.Column("policies", sa.Text, nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("delete_by", sa.Integer, nullable=False),
        sa.Column("numbers", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "day_number",
        sa.Column("start", sa.Integer, primary_key=True),
        sa.Column("zone", sa.Text, primary_key=True),
        sa.Column("metric", sa.Text, primary_key=True),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("standard_error", sa.Float),
        sa.Column("samples", sa.Integer),
        sa.Column("tracks", sa.Integer),
        sa.Column("persons", sa.Integer),
        sa.Column("shown", sa.Integer, nullable=False),
        sa.Column("cells", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
        sa.ForeignKeyConstraint(["start", "zone"], ["day.start", "day.zone"], ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
