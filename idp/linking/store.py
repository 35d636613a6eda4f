"""Who is linked to which account of which app, as far as the provider knows.

==========  ===================================================  ========================
state       means                                                leads to
==========  ===================================================  ========================
pending     the app was asked, or is being asked                 linked, unlinked, no row
linked      the app has confirmed it                             unlinked
unlinked    it is over; the row stays as its history             nothing
==========  ===================================================  ========================

An account has one open row an app. That a local account has one holder at most is for the
app to see to: it alone knows its accounts, and what it holds decides.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    Row,
    String,
    bindparam,
    delete,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
from idp.database.transaction import Transaction

ASK_AFTER = timedelta(minutes=1)
"""When a try without an answer is asked about, and how long until it is asked about again."""


class State(StrEnum):
    """Where a link stands."""

    PENDING = "pending"
    LINKED = "linked"
    UNLINKED = "unlinked"


_IS_OPEN = text("state <> 'unlinked'")
_IS_PENDING = text("state = 'pending'")


class AccountLink(Table):
    """A try to link, and what came of it. Holds no password, in no form."""

    __tablename__ = "account_links"
    __table_args__ = (
        Index(
            "uq_account_links_open",
            "account_id",
            "client_id",
            unique=True,
            sqlite_where=_IS_OPEN,
            postgresql_where=_IS_OPEN,
        ),
        Index(
            "ix_account_links_pending",
            "ask_at",
            sqlite_where=_IS_PENDING,
            postgresql_where=_IS_PENDING,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    client_id: Mapped[str] = mapped_column(String(128))
    subject: Mapped[str]
    """Who the person is to the app: public or pairwise."""
    local_account: Mapped[str] = mapped_column(String(64))
    """As it was typed, later as the app calls it; shown masked."""
    attempt_id: Mapped[UUID] = mapped_column(unique=True)
    """What both sides call this link: the ``jti`` of the request."""
    state: Mapped[str] = mapped_column(String(16))
    begun_at: Mapped[datetime]
    ask_at: Mapped[datetime]
    linked_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class Link:
    """A row that is open, or was until now."""

    account_id: UUID
    client_id: str
    subject: str
    local_account: str
    attempt_id: UUID
    state: State
    linked_at: datetime | None


def begin(tx: Transaction, row_id: UUID, link: Link) -> bool:
    """Put a try on record; ``False`` when the account has an open one with this app."""
    row = {
        "id": row_id,
        "account_id": link.account_id,
        "client_id": link.client_id,
        "subject": link.subject,
        "local_account": link.local_account,
        "attempt_id": link.attempt_id,
        "state": State.PENDING,
        "begun_at": tx.now,
        "ask_at": tx.now + ASK_AFTER,
    }
    return tx.ask(_BEGIN, row) is not None


def confirm(tx: Transaction, attempt_id: UUID, local_account: str) -> bool:
    """Note that the app has linked; ``False`` when the try is no longer open."""
    named = {"try": attempt_id, "instant": tx.now, "name": local_account}
    return tx.execute(_CONFIRM, named).rowcount == 1


def drop(tx: Transaction, attempt_id: UUID) -> bool:
    """Forget a try that came to nothing: what was typed may have been anything."""
    return tx.execute(_DROP, {"try": attempt_id}).rowcount == 1


def end(tx: Transaction, account_id: UUID, client_id: str) -> Link | None:
    """End what an account has open with an app."""
    whose = {"owner": account_id, "app": client_id, "instant": tx.now}
    return _read(tx.execute(_END, whose).one_or_none())


def end_attempt(tx: Transaction, client_id: str, attempt_id: UUID) -> Link | None:
    """End a link by the name that an app knows it by; ``None``: it is over already."""
    which = {"try": attempt_id, "app": client_id, "instant": tx.now}
    return _read(tx.execute(_END_ATTEMPT, which).one_or_none())


def of_account(tx: Transaction, account_id: UUID) -> dict[str, Link]:
    """Give what an account has open, by client."""
    rows = tx.execute(_OF_ACCOUNT, {"owner": account_id})
    return {link.client_id: link for row in rows if (link := _read(row))}


def forget(tx: Transaction, account_id: UUID) -> None:
    """Delete what is on record of an account's links; they have been ended before."""
    tx.execute(delete(AccountLink).where(AccountLink.account_id == account_id))


def overdue(tx: Transaction, limit: int) -> list[Link]:
    """Take tries that nobody answered in time; each is this worker's for a minute."""
    due = {"instant": tx.now, "at_most": limit}
    ids = list(tx.execute(_OVERDUE, due).scalars())
    if not ids:
        return []
    rows = tx.execute(_TAKE, {"taken": ids, "next_time": tx.now + ASK_AFTER})
    return [link for row in rows if (link := _read(row))]


def _read(row: Row[Any] | None) -> Link | None:
    if row is None:
        return None
    return Link(
        row.account_id,
        row.client_id,
        row.subject,
        row.local_account,
        row.attempt_id,
        State(row.state),
        row.linked_at,
    )


_COLUMNS = (
    AccountLink.account_id,
    AccountLink.client_id,
    AccountLink.subject,
    AccountLink.local_account,
    AccountLink.attempt_id,
    AccountLink.state,
    AccountLink.linked_at,
)
_OPEN = AccountLink.state != State.UNLINKED
_PENDING = AccountLink.state == State.PENDING
_OF_TRY = AccountLink.attempt_id == bindparam("try")

_BEGIN = Prepared(insert_if_new(AccountLink).returning(AccountLink.id))
_CONFIRM = (
    update(AccountLink)
    .where(_OF_TRY, _PENDING)
    .values(state=State.LINKED, linked_at=bindparam("instant"), local_account=bindparam("name"))
)
_DROP = delete(AccountLink).where(_OF_TRY, _PENDING)
_ENDING = (
    update(AccountLink)
    .where(_OPEN, AccountLink.client_id == bindparam("app"))
    .values(state=State.UNLINKED, ended_at=bindparam("instant"))
)
_END = _ENDING.where(AccountLink.account_id == bindparam("owner")).returning(*_COLUMNS)
_END_ATTEMPT = _ENDING.where(_OF_TRY).returning(*_COLUMNS)
_OF_ACCOUNT = select(*_COLUMNS).where(AccountLink.account_id == bindparam("owner"), _OPEN)
_OVERDUE = (
    select(AccountLink.id)
    .where(_PENDING, AccountLink.ask_at <= bindparam("instant"))
    .order_by(AccountLink.ask_at)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(AccountLink)
    .where(AccountLink.id.in_(bindparam("taken", expanding=True)))
    .values(ask_at=bindparam("next_time"))
    .returning(*_COLUMNS)
)
