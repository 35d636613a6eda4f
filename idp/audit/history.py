"""The changes of an account, kept for its owner beside the audit log.

The log is for good, is read by operators and knows no browser. What ``for_owner`` marks in it is
written down a second time by the same call, in the same transaction: with the browser it came
from, for two years, and until the account is closed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Index, String, Text, bindparam, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import paging
from idp.database.columns import Table
from idp.database.paging import NEWEST, Mark
from idp.database.prepared import Prepared
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction

_KEPT = timedelta(days=730)  # as long as the sign-ins, which are shown beside them


class AccountEvent(Table):
    """One change of an account, as its owner is told of it."""

    __tablename__ = "account_events"
    __table_args__ = (Index(None, "subject", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    event: Mapped[str] = mapped_column(String(64))
    client_id: Mapped[str] = mapped_column(String(128))
    data: Mapped[str] = mapped_column(Text)
    """The event's own fields, as in the audit log."""
    about: Mapped[str]
    """Which one it was: the name of a passkey, or an e-mail address, masked."""
    address: Mapped[str] = mapped_column(String(64))
    """Empty where it was not done by a browser: by an operator, or by time."""
    user_agent: Mapped[str]


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the history."""

    mark: Mark
    event: str
    client_id: str
    data: dict[str, Any]
    about: str
    address: str
    user_agent: str


def put(tx: Transaction, row_id: UUID, event: str, row: dict[str, str]) -> None:
    """Keep an event; ``row`` has the remaining columns but those of the transaction."""
    origin = {"address": tx.origin.address, "user_agent": tx.origin.browser}
    tx.put(_PUT, row | origin | {"id": row_id, "at": tx.now, "event": event})


def of(tx: Transaction, subject: str, limit: int, before: Mark = NEWEST) -> list[Change]:
    """List an account's changes, newest first."""
    rows = tx.execute(_OF, {"whose": subject, "at_most": limit} | before.bound)
    return [
        Change(Mark(at, row_id), event, client_id, msgspec.json.decode(data), *place)
        for at, row_id, event, client_id, data, *place in rows
    ]


def forget(tx: Transaction, subject: str) -> None:
    """Delete what was kept for the owner of an account."""
    tx.execute(delete(AccountEvent).where(AccountEvent.subject == subject))


def sweep(tx: Transaction) -> int:
    """Forget a batch of what is older than two years."""
    return _BROOM.sweep(tx, tx.now - _KEPT)


_BROOM = Broom(AccountEvent, AccountEvent.at)
_PUT = Prepared(insert(AccountEvent))
_OF = (
    select(
        AccountEvent.at,
        AccountEvent.id,
        AccountEvent.event,
        AccountEvent.client_id,
        AccountEvent.data,
        AccountEvent.about,
        AccountEvent.address,
        AccountEvent.user_agent,
    )
    .where(
        AccountEvent.subject == bindparam("whose"), paging.before(AccountEvent.at, AccountEvent.id)
    )
    .order_by(AccountEvent.at.desc(), AccountEvent.id.desc())
    .limit(bindparam("at_most"))
)
