"""Remembered consent: scopes and resources that an account has given a client."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Text, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.consent.model import NOTHING, Permission
from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
from idp.database.transaction import Transaction


class Consent(Table):
    """An account lets a client have these scopes, and use these resources, without being asked."""

    __tablename__ = "consents"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    resources: Mapped[str | None] = mapped_column(Text, default=None)
    """URIs, separated by blanks (RFC 8707)."""
    given_at: Mapped[datetime]


def remember(tx: Transaction, account_id: UUID, client_id: str, given: Permission) -> None:
    """Add to what the account lets the client have; details are asked about every time."""
    of = {"owner": account_id, "app": client_id}
    row = {"account_id": account_id, "client_id": client_id, "given_at": tx.now}
    if tx.ask(_ADD, row | _columns(given)) is not None:
        return
    row_held = tx.execute(_HELD, of).one_or_none()
    held = read(*row_held) if row_held else NOTHING
    together = Permission(given.scopes | held.scopes, given.resources | held.resources)
    tx.execute(_WIDEN, of | {"instant": tx.now} | _columns(together))


def read(scope: str | None, resources: str | None) -> Permission:
    """Read the columns of a row, or what an outer join gives in place of one."""
    return Permission(frozenset((scope or "").split()), frozenset((resources or "").split()))


def _columns(given: Permission) -> dict[str, str]:
    return {
        "scope": " ".join(sorted(given.scopes)),
        "resources": " ".join(sorted(given.resources)),
    }


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
_HELD = select(Consent.scope, Consent.resources).where(*_OF).with_for_update()
_ADD = Prepared(insert_if_new(Consent).returning(Consent.client_id))
_WIDEN = (
    update(Consent)
    .where(*_OF)
    .values(
        scope=bindparam("scope"), resources=bindparam("resources"), given_at=bindparam("instant")
    )
)
_FORGET = delete(Consent).where(*_OF)
