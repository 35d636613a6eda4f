"""Court and title of the judges who are signed in."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_offices"
down_revision = "2026_11_21_accounts_and_links"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("app_sessions", sa.Column("office", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("app_sessions", "office")
