"""From when on an authority may be asked to confirm what is proven of an account."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_confirmed_ids"
down_revision = "2026_11_23_account_cards"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account_proofs", sa.Column("ask_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE account_proofs SET ask_at = proven_at WHERE assurance = 'tail_matched'")
    op.create_index("ix_account_proofs_ask_at", "account_proofs", ["ask_at"])


def downgrade() -> None:
    op.drop_index("ix_account_proofs_ask_at", table_name="account_proofs")
    op.drop_column("account_proofs", "ask_at")
