"""Remembered consent: scopes that an account has given a client."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Text, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.database.columns import Table
from idp.database.transaction import Transaction


class Consent(Table):
    """An account lets a client have these scopes without being asked again."""

    __tablename__ = "consents"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    given_at: Mapped[datetime]


def remember(tx: Transaction, account_id: UUID, client_id: str, scopes: frozenset[str]) -> None:
    """Add ``scopes`` to what the account lets the client have."""
    of = {"owner": account_id, "app": client_id}
    held = tx.scalar(_SCOPE, of)
    together = " ".join(sorted(scopes | frozenset((held or "").split())))
    if held is None:
        tx.execute(
            _ADD,
            {
                "account_id": account_id,
                "client_id": client_id,
                "scope": together,
                "given_at": tx.now,
            },
        )
    else:
        tx.execute(_WIDEN, of | {"together": together, "instant": tx.now})


def withdraw(tx: Transaction, account_id: UUID, client_id: str) -> bool:
    """Forget what the account let the client have; ``False`` when there was nothing."""
    return tx.execute(_FORGET, {"owner": account_id, "app": client_id}).rowcount == 1


_OF = (Consent.account_id == bindparam("owner"), Consent.client_id == bindparam("app"))
_SCOPE = select(Consent.scope).where(*_OF).with_for_update()
_ADD = insert(Consent)
_WIDEN = (
    update(Consent).where(*_OF).values(scope=bindparam("together"), given_at=bindparam("instant"))
)
_FORGET = delete(Consent).where(*_OF)
