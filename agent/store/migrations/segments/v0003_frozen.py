"""Schema 3: the database itself refuses to change what was sealed, or to put a deadline off.

The description stands here and not in `agent.store.tables`, which will go on changing.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

_SEALED = "what was sealed never changes"
_NEARER = "a deadline only ever comes nearer"


def upgrade() -> None:
    """Add the triggers; no row is touched."""
    _refuse(
        "buckets_never_change",
        _SEALED,
        when="UPDATE OF id, key_id, epoch, schema_version, device, zone, bucket_start, "
        "bucket_seconds, policy_digest, models, delete_by ON buckets",
    )
    _refuse(
        "buckets_never_later",
        _NEARER,
        when="UPDATE OF lowered ON buckets "
        "WHEN NEW.lowered IS NULL OR NEW.lowered > coalesce(OLD.lowered, OLD.delete_by)",
    )
    _refuse(
        "buckets_key_only_blanked",
        _SEALED,
        when="UPDATE OF wrapped ON buckets WHEN NEW.wrapped IS NOT zeroblob(length(OLD.wrapped))",
    )
    _refuse("segments_never_change", _SEALED, when="UPDATE ON segments")
    _refuse(
        "quarantine_never_later",
        _NEARER,
        when="UPDATE OF delete_by ON quarantine WHEN NEW.delete_by > OLD.delete_by",
    )


def _refuse(name: str, words: str, *, when: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{words}'); END")
