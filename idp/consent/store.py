"""Remembered consent: scopes that an account has given a client."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Text, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
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
    row = {"account_id": account_id, "client_id": client_id, "given_at": tx.now}
    if tx.ask(_ADD, row | {"scope": " ".join(sorted(scopes))}) is not None:
        return
    held = tx.scalar(_SCOPE, of) or ""
    together = " ".join(sorted(scopes | frozenset(held.split())))
    tx.execute(_WIDEN, of | {"together": together, "instant": tx.now})


def withdraw(tx: Transaction, account_id: UUID, client_id: str) -> bool:
    """Forget what the account let the client have; ``False`` when there was nothing."""
    return tx.execute(_FORGET, {"owner": account_id, "app": client_id}).rowcount == 1


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an account lets one client have."""

    client_id: str
    scopes: frozenset[str]
    given_at: datetime


def of_account(tx: Transaction, account_id: UUID) -> list[Remembered]:
    """List what an account lets its clients have."""
    rows = tx.execute(_ALL, {"owner": account_id})
    return [Remembered(row.client_id, frozenset(row.scope.split()), row.given_at) for row in rows]


_ALL = (
    select(Consent.client_id, Consent.scope, Consent.given_at)
    .where(Consent.account_id == bindparam("owner"))
    .order_by(Consent.client_id)
)
_OF = (Consent.account_id == bindparam("owner"), Consent.client_id == bindparam("app"))
_SCOPE = select(Consent.scope).where(*_OF).with_for_update()
_ADD = Prepared(insert_if_new(Consent).returning(Consent.client_id))
_WIDEN = (
    update(Consent).where(*_OF).values(scope=bindparam("together"), given_at=bindparam("instant"))
)
_FORGET = delete(Consent).where(*_OF)
