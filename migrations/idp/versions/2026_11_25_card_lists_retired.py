"""Lists of revoked cards whose rows may go, by name: nobody has to look for them among all rows."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_card_lists_retired"
down_revision = "2026_11_24_confirmed_ids"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card_lists_retired",
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("swept_to", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("list_id", name=op.f("pk_card_lists_retired")),
    )
    rows = sa.table("card_revocations", sa.column("list_id", sa.Uuid()))
    lists = sa.table(
        "card_revocation_lists", sa.column("list_id", sa.Uuid()), sa.column("writing_id", sa.Uuid())
    )
    retired = sa.table(
        "card_lists_retired",
        sa.column("list_id", sa.Uuid()),
        sa.column("swept_to", sa.LargeBinary()),
    )
    known = sa.exists().where(
        sa.or_(lists.c.list_id == rows.c.list_id, lists.c.writing_id == rows.c.list_id)
    )
    left = sa.select(rows.c.list_id, sa.literal(b"", sa.LargeBinary())).distinct().where(~known)
    op.execute(retired.insert().from_select(["list_id", "swept_to"], left))


def downgrade() -> None:
    op.drop_table("card_lists_retired")
