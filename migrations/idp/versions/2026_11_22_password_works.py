"""How much work the passwords on record take, counted."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_password_works"
down_revision = "2026_11_21_undone_by_link"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "password_works",
        sa.Column("specimen", sa.String(length=512), nullable=False),
        sa.Column("passwords", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("specimen", name=op.f("pk_password_works")),
    )


def downgrade() -> None:
    op.drop_table("password_works")
