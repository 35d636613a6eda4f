"""Who somebody is in this app: the link from the provider's person to a local account.

A link's key is (issuer, sub) and nothing else: an e-mail address proves nobody. An app
calls :func:`account_of` at the first page after a sign-in; a person without a link is led
to the app's own binding page.
"""

from datetime import datetime

from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from clients.kit.database import Table, Transaction


class Link(Table):
    """A person of an issuer is the holder of a local account; one account has one holder."""

    __tablename__ = "links"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    sub: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(unique=True)
    linked_at: Mapped[datetime]


def account_of(tx: Transaction, issuer: str, sub: str) -> str | None:
    """Find the local account of a person; ``None``: it is their first visit, or unlinked."""
    found: str | None = tx.execute(_FIND, {"at": issuer, "who": sub}).scalar_one_or_none()
    return found


def link(tx: Transaction, issuer: str, sub: str, account: str) -> bool:
    """Link a person to an account; ``False`` when either is linked already."""
    row = {"issuer": issuer, "sub": sub, "account": account, "linked_at": tx.now}
    try:
        with tx.connection.begin_nested():
            tx.execute(_ADD, row)
    except IntegrityError:
        return False
    return True


_FIND = select(Link.account).where(Link.issuer == bindparam("at"), Link.sub == bindparam("who"))
_ADD = insert(Link)
