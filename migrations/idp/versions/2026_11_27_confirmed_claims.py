"""Only a national id that its authority has confirmed is one account's of a kind.

What was typed and agrees in four characters claimed it as well; and nothing that is on record
now is confirmed (2026_11_25_proven_values).
"""

from alembic import op

revision = "2026_11_27_confirmed_claims"
down_revision = "2026_11_26_card_offer_kinds"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE account_particulars SET claim = NULL WHERE field = 'national_id'")


def downgrade() -> None:
    """What claimed a number is not on record; a number keeps nobody from theirs."""
