"""Clients that registered themselves keep a token to manage their registration."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_registration"
down_revision = "2026_11_20_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("registration_token_hash", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("clients") as clients:
        clients.drop_column("registration_token_hash")
