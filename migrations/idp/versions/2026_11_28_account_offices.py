"""What directories say of the offices of their people; a browser's registrations are found."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_28_account_offices"
down_revision = "2026_11_27_confirmed_claims"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_offices",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("directory", sa.String(length=32), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("also_login", sa.Text(), nullable=False),
        sa.Column("ad_account", sa.Text(), nullable=False),
        sa.Column("court", sa.Text(), nullable=False),
        sa.Column("court_name", sa.Text(), nullable=False),
        sa.Column("court_is_chosen", sa.Boolean(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("employee_number", sa.Text(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_offices_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_offices")),
    )
    op.create_index("ix_account_offices_login", "account_offices", ["login"])
    op.create_index("ix_account_offices_also_login", "account_offices", ["also_login"])
    op.create_index("ix_registrations_browser_hash", "registrations", ["browser_hash"])


def downgrade() -> None:
    op.drop_index("ix_registrations_browser_hash", "registrations")
    op.drop_table("account_offices")
