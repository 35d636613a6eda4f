"""What a directory has in the place of a court that nobody knows: told to operators and holders."""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_court_told"
down_revision = "2026_11_30_claimed_in_place"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the table; the next sign-in of each judge fills the column."""
    with op.batch_alter_table("account_offices") as table:
        table.add_column(sa.Column("court_told", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Change the table back."""
    with op.batch_alter_table("account_offices") as table:
        table.drop_column("court_told")
