"""The tables of accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, bindparam, func, or_
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import SecondFactor
from idp.database.columns import Table


class AccountRow(Table):
    """An account. Its name, once given, is never given again."""

    __tablename__ = "accounts"
    __table_args__ = (Index("uq_accounts_electronic_id", "electronic_id", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(unique=True)
    account_name: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    epoch: Mapped[int] = mapped_column(default=0)
    locale: Mapped[str] = mapped_column(String(16), default="zh-Hant")
    electronic_id: Mapped[str | None] = mapped_column(String(16), default=None)
    """電子身分證號 (B03): what others name the account by to authorise it."""
    accepted_terms: Mapped[str] = mapped_column(String(32), default="")
    """The newest version of the terms that was accepted; every acceptance has a row of its own."""
    profile_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    second_factor: Mapped[str] = mapped_column(String(16), default=SecondFactor.NONE)
    """Kept beside the factors, so that a session can be judged without asking for them."""
    protected_since: Mapped[datetime | None] = mapped_column(default=None)
    """Since when it has had a second factor, one or another; empty for longer than is known."""


class AccountEmail(Table):
    """An e-mail address of an account, in the order the person gave them."""

    __tablename__ = "account_emails"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(String(320))
    address_key: Mapped[str] = mapped_column(String(320), index=True)
    verified_at: Mapped[datetime | None] = mapped_column(default=None)


class AccountIdentity(Table):
    """A card or a directory entry; each belongs to one account for ever."""

    __tablename__ = "account_identities"

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)


class PasswordCredential(Table):
    """The password of an account, as a hash in PHC string format (or bcrypt's, or ``$6$``)."""

    __tablename__ = "password_credentials"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    phc_hash: Mapped[str] = mapped_column(String(512))
    changed_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None] = mapped_column(default=None)


class PastPassword(Table):
    """A password that was in use until ``until``; kept where the policy asks for a history."""

    __tablename__ = "past_passwords"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    until: Mapped[datetime] = mapped_column(primary_key=True)
    phc_hash: Mapped[str] = mapped_column(String(512))


_KINDS = bindparam("kinds", type_=Text())
IS_SERVED = or_(_KINDS == "", func.replace(_KINDS, " " + AccountRow.kind + " ", "") != _KINDS)
"""The condition of an account of certain kinds: bind them as ``kinds``, with a blank before and
after each; empty for all."""
