"""Cards of accounts: which warnings were given, and renewed cards on their way to an account."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_account_cards"
down_revision = "2026_11_22_what_is_proven"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_cards_not_after", table_name="cards")
    with op.batch_alter_table("cards") as cards:
        cards.drop_column("warned_at")
        cards.add_column(
            sa.Column("warned_days", sa.Integer(), nullable=False, server_default="32767")
        )
    with op.batch_alter_table("cards") as cards:
        cards.alter_column("warned_days", server_default=None)
    op.create_index("ix_cards_ending", "cards", ["not_after", "warned_days"])
    op.create_table(
        "card_offers",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("consumed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_card_offers_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_card_offers")),
    )
    op.create_index("ix_card_offers_account_id", "card_offers", ["account_id"])
    op.create_index("ix_card_offers_expires_at", "card_offers", ["expires_at"])


def downgrade() -> None:
    op.drop_table("card_offers")
    op.drop_index("ix_cards_ending", table_name="cards")
    with op.batch_alter_table("cards") as cards:
        cards.drop_column("warned_days")
        cards.add_column(sa.Column("warned_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_cards_not_after", "cards", ["not_after"])
