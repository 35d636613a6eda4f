"""What an authorization is narrowed to: resources, and details of what was allowed."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_protocol_narrowed"
down_revision = "2026_11_21_protocol"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("authorizations", "refresh_tokens"):
        op.add_column(table, sa.Column("details", sa.JSON(), nullable=True))


def downgrade() -> None:
    for table in ("refresh_tokens", "authorizations"):
        with op.batch_alter_table(table) as narrowed:
            narrowed.drop_column("details")
