"""Links that say it was not their reader, and the addresses that they bring back."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_undone_by_link"
down_revision = "2026_11_21_told_to_the_owner"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("protected_since", sa.BigInteger(), nullable=True))
    op.create_table(
        "removed_emails",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("address_key", sa.String(length=320), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("verified_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_removed_emails_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "address_key", name=op.f("pk_removed_emails")),
    )
    op.create_index(op.f("ix_removed_emails_removed_at"), "removed_emails", ["removed_at"])
    op.create_table(
        "notice_links",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("address_key", sa.String(length=320), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("consumed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_notice_links_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_notice_links")),
    )
    op.create_index(op.f("ix_notice_links_account_id"), "notice_links", ["account_id"])
    op.create_index(op.f("ix_notice_links_expires_at"), "notice_links", ["expires_at"])


def downgrade() -> None:
    op.drop_table("notice_links")
    op.drop_table("removed_emails")
    with op.batch_alter_table("accounts") as batch_op:
        batch_op.drop_column("protected_since")
