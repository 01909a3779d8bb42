"""Schema 1, where the reviews' database begins; nothing to do."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: this is the schema that the first release wrote."""
