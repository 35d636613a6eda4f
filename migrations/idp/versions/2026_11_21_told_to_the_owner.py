"""The changes of accounts, kept for their owners; sign-ins are found by account and time."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_told_to_the_owner"
down_revision = "2026_11_21_sweeping"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=128), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("about", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_events")),
    )
    op.create_index(op.f("ix_account_events_at"), "account_events", ["at"])
    op.create_index(op.f("ix_account_events_subject_at"), "account_events", ["subject", "at"])
    op.drop_index(op.f("ix_signin_attempts_account_id"), "signin_attempts")
    op.create_index(
        op.f("ix_signin_attempts_account_id_at"), "signin_attempts", ["account_id", "at"]
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_signin_attempts_account_id_at"), "signin_attempts")
    op.create_index(op.f("ix_signin_attempts_account_id"), "signin_attempts", ["account_id"])
    op.drop_table("account_events")
