"""What was allowed on a journey, in whole, and by whom; resources in what is remembered."""

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


def downgrade() -> None:
    with op.batch_alter_table("consents") as consents:
        consents.drop_column("resources")
    with op.batch_alter_table("journeys") as journeys:
        journeys.drop_column("consented_by")
        journeys.drop_column("consented")
