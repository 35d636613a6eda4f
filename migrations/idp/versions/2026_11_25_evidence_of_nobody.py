"""The evidence of cards that open no account goes sooner, and is found by an index of its own."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_evidence_of_nobody"
down_revision = "2026_11_25_card_lists_retired"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_card_evidence_of_nobody",
        "card_evidence",
        ["at"],
        postgresql_where=sa.text("account_id IS NULL"),
        sqlite_where=sa.text("account_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_card_evidence_of_nobody", table_name="card_evidence")
