"""Clients that register themselves, and requests that go ahead of the browser."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_protocol"
down_revision = "2026_11_20_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("registration_token_hash", sa.LargeBinary(), nullable=True))
    for table in ("authorizations", "refresh_tokens"):
        op.add_column(table, sa.Column("dpop_jkt", sa.String(length=64), nullable=True))
    op.add_column("journeys", sa.Column("pushed_hash", sa.LargeBinary(), nullable=True))
    op.create_table(
        "pushed_requests",
        sa.Column("reference_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.String(length=128), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("consumed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("reference_hash", name=op.f("pk_pushed_requests")),
    )
    op.create_index(op.f("ix_pushed_requests_expires_at"), "pushed_requests", ["expires_at"])


def downgrade() -> None:
    op.drop_table("pushed_requests")
    for table in ("refresh_tokens", "authorizations"):
        with op.batch_alter_table(table) as bound:
            bound.drop_column("dpop_jkt")
    with op.batch_alter_table("journeys") as journeys:
        journeys.drop_column("pushed_hash")
    with op.batch_alter_table("clients") as clients:
        clients.drop_column("registration_token_hash")
