"""Which card is offered: the renewal of an earlier one, or one that its owner is adding."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_card_offer_kinds"
down_revision = "2026_11_25_proven_values"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # An offer is good for minutes: nobody loses more than a press.
    op.execute("DELETE FROM card_offers")
    with op.batch_alter_table("card_offers") as table:
        table.add_column(sa.Column("why", sa.String(length=8), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("card_offers") as table:
        table.drop_column("why")
