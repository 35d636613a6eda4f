"""Cases, their progress and parties; sessions and links."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_20_cases"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "app_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cookie_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("sub", sa.String(length=255), nullable=False),
        sa.Column("sid", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("id_token", sa.Text(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_sessions")),
        sa.UniqueConstraint("cookie_hash", name=op.f("uq_app_sessions_cookie_hash")),
    )
    with op.batch_alter_table("app_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_app_sessions_sid"), ["sid"], unique=False)
        batch_op.create_index(batch_op.f("ix_app_sessions_sub"), ["sub"], unique=False)

    op.create_table(
        "cases",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("court", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_cases")),
    )
    op.create_table(
        "links",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("sub", sa.String(length=255), nullable=False),
        sa.Column("account", sa.String(length=255), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "sub", name=op.f("pk_links")),
        sa.UniqueConstraint("account", name=op.f("uq_links_account")),
    )
    op.create_table(
        "open_case_words",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("word", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("kind", "word", name=op.f("pk_open_case_words")),
    )
    op.create_table(
        "pending_signins",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("binding_hash", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.String(length=255), nullable=False),
        sa.Column("verifier", sa.String(length=255), nullable=False),
        sa.Column("return_to", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("consumed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_pending_signins")),
    )
    with op.batch_alter_table("pending_signins", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pending_signins_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "seen_notices",
        sa.Column("jti_hash", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("jti_hash", name=op.f("pk_seen_notices")),
    )
    op.create_table(
        "entitlements",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"], ["cases.number"], name=op.f("fk_entitlements_number_cases")
        ),
        sa.PrimaryKeyConstraint("account", "number", name=op.f("pk_entitlements")),
    )
    with op.batch_alter_table("entitlements", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_entitlements_number"), ["number"], unique=False)

    op.create_table(
        "progress",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"], ["cases.number"], name=op.f("fk_progress_number_cases")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_progress")),
    )
    with op.batch_alter_table("progress", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_progress_number"), ["number"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("progress", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_progress_number"))

    op.drop_table("progress")
    with op.batch_alter_table("entitlements", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_entitlements_number"))

    op.drop_table("entitlements")
    op.drop_table("seen_notices")
    with op.batch_alter_table("pending_signins", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pending_signins_expires_at"))

    op.drop_table("pending_signins")
    op.drop_table("open_case_words")
    op.drop_table("links")
    op.drop_table("cases")
    with op.batch_alter_table("app_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_app_sessions_sub"))
        batch_op.drop_index(batch_op.f("ix_app_sessions_sid"))

    op.drop_table("app_sessions")
