"""Whether a directory takes back its word for more people than it may at once."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_directory_brakes"
down_revision = "2026_11_28_account_offices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "directory_brakes",
        sa.Column("directory", sa.String(length=32), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.JSON(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=True),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("confirmed_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("directory", name=op.f("pk_directory_brakes")),
    )


def downgrade() -> None:
    op.drop_table("directory_brakes")
