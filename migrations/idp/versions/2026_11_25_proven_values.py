"""What a card has proven: which value, and of whose cards.

What is on record does not say which value was proven, and names could be changed since: it goes,
and the card that is added or shown again proves it anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_proven_values"
down_revision = "2026_11_25_evidence_of_nobody"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM account_proofs")
    with op.batch_alter_table("account_proofs") as table:
        table.add_column(sa.Column("subject_number", sa.String(length=200), nullable=False))
        table.add_column(sa.Column("value_hash", sa.LargeBinary(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("account_proofs") as table:
        table.drop_column("value_hash")
        table.drop_column("subject_number")
