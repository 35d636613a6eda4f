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
    is_told = sa.text("court_told <> ''")
    op.create_index(
        "ix_account_offices_courts_told",
        "account_offices",
        ["directory", "court_told"],
        sqlite_where=is_told,
        postgresql_where=is_told,
    )


def downgrade() -> None:
    """Change the table back."""
    op.drop_index("ix_account_offices_courts_told", table_name="account_offices")
    with op.batch_alter_table("account_offices") as table:
        table.drop_column("court_told")
