"""People open accounts themselves: registrations, codes, links, terms, sealed particulars."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_21_registration"
down_revision = "2026_11_21_qa_consent"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "email_codes",
        sa.Column("owner", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("consumed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("owner", "purpose", name=op.f("pk_email_codes")),
    )
    op.create_index(op.f("ix_email_codes_expires_at"), "email_codes", ["expires_at"])
    op.create_table(
        "accepted_terms",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("document", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_accepted_terms_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "document", "version", name=op.f("pk_accepted_terms")
        ),
    )
    op.create_table(
        "account_particulars",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("blind_index", sa.LargeBinary(), nullable=True),
        sa.Column("claim", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_particulars_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "field", name=op.f("pk_account_particulars")),
        sa.UniqueConstraint("claim", name=op.f("uq_account_particulars_claim")),
    )
    op.create_index(
        op.f("ix_account_particulars_field_blind_index"),
        "account_particulars",
        ["field", "blind_index"],
    )
    op.create_table(
        "mail_tickets",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("errand", sa.String(length=16), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("address_key", sa.String(length=320), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("consumed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_mail_tickets_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_mail_tickets")),
    )
    op.create_index(op.f("ix_mail_tickets_account_id"), "mail_tickets", ["account_id"])
    op.create_index(op.f("ix_mail_tickets_expires_at"), "mail_tickets", ["expires_at"])
    op.create_table(
        "past_passwords",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("phc_hash", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_past_passwords_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "until", name=op.f("pk_past_passwords")),
    )
    op.create_table(
        "registrations",
        sa.Column("id_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("track", sa.String(length=32), nullable=False),
        sa.Column("done", sa.JSON(), nullable=False),
        sa.Column("answers_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_registrations_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_registrations")),
    )
    op.create_index(op.f("ix_registrations_expires_at"), "registrations", ["expires_at"])
    op.add_column(
        "account_emails",
        sa.Column("address_key", sa.String(length=320), nullable=False, server_default=""),
    )
    op.execute("UPDATE account_emails SET address_key = lower(address)")
    op.create_index(op.f("ix_account_emails_address_key"), "account_emails", ["address_key"])
    op.add_column("accounts", sa.Column("electronic_id", sa.String(length=16), nullable=True))
    op.add_column(
        "accounts",
        sa.Column("accepted_terms", sa.String(length=32), nullable=False, server_default=""),
    )
    op.create_index("uq_accounts_electronic_id", "accounts", ["electronic_id"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_accounts_electronic_id", "accounts")
    op.drop_column("accounts", "accepted_terms")
    op.drop_column("accounts", "electronic_id")
    op.drop_index(op.f("ix_account_emails_address_key"), "account_emails")
    op.drop_column("account_emails", "address_key")
    op.drop_table("registrations")
    op.drop_table("past_passwords")
    op.drop_table("mail_tickets")
    op.drop_table("account_particulars")
    op.drop_table("accepted_terms")
    op.drop_table("email_codes")
