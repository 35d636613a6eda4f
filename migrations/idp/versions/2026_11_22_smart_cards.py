"""Smart cards: whose are taken, which are revoked, and which card opens which account."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_smart_cards"
down_revision = "2026_11_22_password_works"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card_authorities",
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("crl_url", sa.Text(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("installed_at", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_card_authorities")),
    )
    op.create_table(
        "card_revocation_lists",
        sa.Column("issuer", sa.LargeBinary(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=True),
        sa.Column("writing_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.String(length=50), nullable=False),
        sa.Column("this_update", sa.BigInteger(), nullable=True),
        sa.Column("next_update", sa.BigInteger(), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", name=op.f("pk_card_revocation_lists")),
    )
    op.create_table(
        "card_revocations",
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.LargeBinary(), nullable=False),
        sa.Column("is_suspended", sa.Boolean(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("list_id", "serial", name=op.f("pk_card_revocations")),
    )
    op.create_table(
        "card_challenges",
        sa.Column("challenge_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("consumed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("challenge_hash", name=op.f("pk_card_challenges")),
    )
    op.create_index("ix_card_challenges_expires_at", "card_challenges", ["expires_at"])
    op.create_table(
        "cards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("issuer", sa.LargeBinary(), nullable=False),
        sa.Column("serial", sa.String(length=50), nullable=False),
        sa.Column("subject_number", sa.String(length=200), nullable=False),
        sa.Column("rank", sa.String(length=16), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("warned_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_cards_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_cards_fingerprint")),
    )
    op.create_index("ix_cards_account_id", "cards", ["account_id"])
    op.create_index("ix_cards_holder", "cards", ["profile_id", "subject_number"])
    op.create_index("ix_cards_not_after", "cards", ["not_after"])

    op.create_table(
        "card_evidence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_card_evidence_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_evidence")),
    )
    op.create_index("ix_card_evidence_at", "card_evidence", ["at"])
    op.create_index("ix_card_evidence_digest", "card_evidence", ["digest"])
    op.create_index("ix_card_evidence_account_id", "card_evidence", ["account_id"])


def downgrade() -> None:
    op.drop_table("card_evidence")
    op.drop_table("cards")
    op.drop_table("card_challenges")
    op.drop_table("card_revocations")
    op.drop_table("card_revocation_lists")
    op.drop_table("card_authorities")
