"""Accounts that are linked with accounts of apps."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_sharing_links"
down_revision = "2026_11_21_registration"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("local_account", sa.String(length=64), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("ask_at", sa.BigInteger(), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_links_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_links")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_account_links_attempt_id")),
    )
    is_open, is_pending = sa.text("state <> 'unlinked'"), sa.text("state = 'pending'")
    op.create_index(
        "uq_account_links_open",
        "account_links",
        ["account_id", "client_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index(
        "ix_account_links_pending",
        "account_links",
        ["ask_at"],
        sqlite_where=is_pending,
        postgresql_where=is_pending,
    )


def downgrade() -> None:
    op.drop_table("account_links")
