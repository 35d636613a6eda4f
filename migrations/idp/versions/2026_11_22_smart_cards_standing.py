"""What a root says of the authorities below it."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_smart_cards_standing"
down_revision = "2026_11_22_smart_cards"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "card_authorities",
        sa.Column("standing", sa.String(length=16), nullable=False, server_default=""),
    )


def downgrade() -> None:
    op.drop_column("card_authorities", "standing")
