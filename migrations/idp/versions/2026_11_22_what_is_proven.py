"""What of an account is proven, by what, and how surely."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_what_is_proven"
down_revision = "2026_11_22_smart_cards_standing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_proofs",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("attribute", sa.String(length=32), nullable=False),
        sa.Column("assurance", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("proven_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_proofs_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "attribute", name=op.f("pk_account_proofs")),
    )


def downgrade() -> None:
    op.drop_table("account_proofs")
