"""Indexes for what would otherwise read a whole table: a sweep, a removal, a closing."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_sweeping"
down_revision = "2026_11_21_sharing_links"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_authorizations_client_id"), "authorizations", ["client_id"])
    op.create_index(op.f("ix_known_devices_account_id"), "known_devices", ["account_id"])
    waiting = sa.text("confirmed_at IS NULL")
    op.create_index(
        "ix_totp_credentials_waiting",
        "totp_credentials",
        ["created_at"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    op.drop_index("ix_totp_credentials_waiting", table_name="totp_credentials")
    op.drop_index(op.f("ix_known_devices_account_id"), table_name="known_devices")
    op.drop_index(op.f("ix_authorizations_client_id"), table_name="authorizations")
