"""Leave room beside what is claimed once: PostgreSQL then writes none of its indexes again."""

from alembic import op

revision = "2026_11_30_claimed_in_place"
down_revision = "2026_11_29_directory_brakes"
branch_labels = None
depends_on = None

_CLAIMED = ("authorizations", "refresh_tokens")


def upgrade() -> None:
    """Change the tables; rows that are there stay as they lie."""
    if op.get_bind().dialect.name == "postgresql":
        for table in _CLAIMED:
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 50)")


def downgrade() -> None:
    """Change the tables back."""
    if op.get_bind().dialect.name == "postgresql":
        for table in _CLAIMED:
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
