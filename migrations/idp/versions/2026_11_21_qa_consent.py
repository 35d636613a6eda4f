"""What was allowed on a journey, and by whom; resources in what is remembered.

An index for the worker, which ends the sessions whose time is over. And the epoch in which a
waiting request was answered; one answered before this migration has to be asked anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_qa_consent"
down_revision = "2026_11_21_protocol_pending"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("journeys", sa.Column("consented", sa.JSON(), nullable=True))
    op.add_column("journeys", sa.Column("consented_by", sa.Uuid(), nullable=True))
    op.add_column("consents", sa.Column("resources", sa.Text(), nullable=True))
    op.add_column("pending_requests", sa.Column("approved_epoch", sa.Integer(), nullable=True))
    not_ended = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_browser_sessions_not_ended",
        "browser_sessions",
        ["expires_at"],
        sqlite_where=not_ended,
        postgresql_where=not_ended,
    )


def downgrade() -> None:
    op.drop_index("ix_browser_sessions_not_ended", "browser_sessions")
    with op.batch_alter_table("pending_requests") as pending:
        pending.drop_column("approved_epoch")
    with op.batch_alter_table("consents") as consents:
        consents.drop_column("resources")
    with op.batch_alter_table("journeys") as journeys:
        journeys.drop_column("consented_by")
        journeys.drop_column("consented")
