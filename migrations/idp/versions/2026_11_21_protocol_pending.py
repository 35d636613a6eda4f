"""Requests that a person answers somewhere else than where they were made."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_protocol_pending"
down_revision = "2026_11_21_protocol_narrowed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pending_requests",
        sa.Column("handle_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("client_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("binding_message", sa.Text(), nullable=False),
        sa.Column("notify", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("poll_every", sa.Integer(), nullable=False),
        sa.Column("polled_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("approved", sa.JSON(), nullable=True),
        sa.Column("consumed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_pending_requests_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("handle_hash", name=op.f("pk_pending_requests")),
        sa.UniqueConstraint("user_code_hash", name=op.f("uq_pending_requests_user_code_hash")),
    )
    op.create_index(op.f("ix_pending_requests_account_id"), "pending_requests", ["account_id"])
    op.create_index(op.f("ix_pending_requests_expires_at"), "pending_requests", ["expires_at"])


def downgrade() -> None:
    op.drop_table("pending_requests")
