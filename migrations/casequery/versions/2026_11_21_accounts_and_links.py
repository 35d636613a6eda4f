"""The app's own accounts, requests to link them, and links that have ended."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_accounts_and_links"
down_revision = "2026_11_20_cases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("links", sa.Column("attempt", sa.Uuid(), nullable=True))
    op.create_table(
        "local_accounts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("phc_hash", sa.String(length=255), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_local_accounts")),
    )
    op.create_table(
        "failure_counts",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_failure_counts")),
    )
    op.create_index(op.f("ix_failure_counts_ends_at"), "failure_counts", ["ends_at"])
    op.create_table(
        "link_attempts",
        sa.Column("attempt", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("sub", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("attempt", name=op.f("pk_link_attempts")),
    )
    op.create_index(op.f("ix_link_attempts_at"), "link_attempts", ["at"])
    op.create_table(
        "unlink_notices",
        sa.Column("attempt", sa.Uuid(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("attempt", name=op.f("pk_unlink_notices")),
    )
    op.create_index(op.f("ix_unlink_notices_not_before"), "unlink_notices", ["not_before"])


def downgrade() -> None:
    for table in ("unlink_notices", "link_attempts", "failure_counts", "local_accounts"):
        op.drop_table(table)
    with op.batch_alter_table("links") as links:
        links.drop_column("attempt")
