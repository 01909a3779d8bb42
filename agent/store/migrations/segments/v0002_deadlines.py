"""Schema 2: deadlines that a policy brought forward, closing segments, chains, holds, quarantine.

The description stands here and not in `agent.store.tables`, which will go on changing. What older
segments say of themselves stays untouched: they remain sealed in schema 1 and readable.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns and tables; no sealed byte is rewritten."""
    op.add_column("buckets", sa.Column("lowered", sa.Integer))
    op.add_column("segments", sa.Column("closing_records", sa.Integer))
    op.add_column("segments", sa.Column("closing_last", sa.Boolean))
    op.create_table(
        "chains",
        sa.Column("zone", sa.String, primary_key=True),
        sa.Column("key_id", sa.LargeBinary, nullable=False),
        sa.Column("link", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("zone", sa.String),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("approver", sa.String, nullable=False),
        sa.Column("placed_at", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.Integer, nullable=False),
        sa.Column("lifted_at", sa.Integer),
    )
    op.create_table(
        "quarantine",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("moved_at", sa.Integer, nullable=False),
        sa.Column("delete_by", sa.Integer, nullable=False),
    )
    meta = sa.table("meta", sa.column("name"), sa.column("number"))
    op.bulk_insert(meta, [{"name": "identity", "number": secrets.randbits(63)}])
