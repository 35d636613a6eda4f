"""Accounts that stand on what a directory says of them: asked anew when tokens are given (P04).

The question is slow, so it is never asked inside a transaction. The token endpoint finds out inside
one whether there is anything to ask (:class:`Asks`), lets all of it go, asks, and begins again with
the answer. For every other account nothing is asked, and it costs no round trip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.orm import InstrumentedAttribute

from idp.accounts.store import Accounts
from idp.accounts.tables import AccountIdentity
from idp.authenticators.directory.model import IDENTITY_KIND, DirectoryPerson, Standing
from idp.database.transaction import Transaction
from idp.sessions.actions import Ending, Reach
from idp.sessions.store import BrowserSession

_FOR_NOW = frozenset(
    {
        # Whoever fails at passwords elsewhere locks an account for a while: that may keep its
        # judge waiting, and must not end what she is doing.
        Standing.LOCKED,
        Standing.OUTSIDE_HOURS,
        Standing.BUSY,
        Standing.UNREACHABLE,
        Standing.UNANSWERED,
        Standing.MISCONFIGURED,
    }
)


class Word(StrEnum):
    """What a directory's answer means for what it has vouched for before."""

    STANDS = "stands"
    WITHDRAWN = "withdrawn"
    """For good: nothing that was opened on its word goes on."""
    NOT_NOW = "not_now"
    """It cannot be asked, or not at this hour: the same request may succeed later."""


@dataclass(frozen=True, slots=True)
class Voucher:
    """A directory's answer about one identity."""

    key: str
    """The key of an identity of the kind ``directory``."""
    word: Word
    why: str = ""
    """For the log; empty where it stands."""


class Asks(Exception):
    """The request cannot be answered before a directory was asked; nothing of it is kept."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


class Directories(Protocol):
    """What is asked of the directories; slow, and never raises for what the world does."""

    def by_guid(self, identity_key: str) -> DirectoryPerson | Standing:
        """Ask how somebody stands whose key is known."""


class Held(NamedTuple):
    """An account of a directory that somebody is signed in to at this moment."""

    account_id: UUID
    key: str

    @property
    def directory(self) -> str:
        """The id of the directory."""
        return directory_of(self.key)


@dataclass(frozen=True, slots=True)
class Vouching:
    """Takes back what stood on a directory's word when that is withdrawn."""

    accounts: Accounts
    ending: Ending

    def withdraw(self, tx: Transaction, account_id: UUID, reach: Reach, why: str) -> None:
        """End every session, grant and token of an account, and tell its apps."""
        account = self.accounts.find(tx, account_id)
        if account is not None:
            why = f"directory_{why}"
            self.ending.end_all(tx, account_id, reach, subject=account.subject, why=why)


def directory_of(key: str) -> str:
    """Read which directory knows an identity."""
    return key.partition(":")[0]


def ask(directories: Directories, key: str) -> Voucher:
    """Ask a directory, outside any transaction, whether it still vouches for somebody."""
    found = directories.by_guid(key)
    if isinstance(found, DirectoryPerson):
        return Voucher(key, Word.STANDS)
    return Voucher(key, Word.NOT_NOW if found in _FOR_NOW else Word.WITHDRAWN, found)


def signed_in(tx: Transaction, idle: timedelta) -> Sequence[Held]:
    """List the accounts of directories that have a session in use; one round trip."""
    found = tx.execute(_SIGNED_IN, {"instant": tx.now, "idle_since": tx.now - idle})
    return [Held(*row) for row in found]


def find_key(tx: Transaction, account_id: UUID) -> str:
    """Find what a directory knows an account by; empty: it is of none."""
    return tx.scalar(_KEY, {"wanted": account_id}) or ""


def key_of(account_id: InstrumentedAttribute[UUID]) -> ColumnElement[str | None]:
    """Select beside an account what its directory knows it by; ``NULL``: it is of none.

    Also in a ``RETURNING`` of SQLite, where columns are written without their table: there an
    ``account_id`` of the same name within would be compared with itself, and everybody's be found.
    """
    return select(_ENTRIES.c.key).where(_ENTRIES.c.holder == account_id).limit(1).scalar_subquery()


_ENTRIES = (
    select(AccountIdentity.key, AccountIdentity.account_id.label("holder"))
    .where(AccountIdentity.kind == IDENTITY_KIND)
    .subquery("entries")
)
_KEY = select(AccountIdentity.key).where(
    AccountIdentity.account_id == bindparam("wanted"), AccountIdentity.kind == IDENTITY_KIND
)
_SIGNED_IN = (
    select(AccountIdentity.account_id, AccountIdentity.key)
    .where(
        AccountIdentity.kind == IDENTITY_KIND,
        AccountIdentity.account_id.in_(
            select(BrowserSession.account_id).where(
                BrowserSession.ended_at.is_(None),
                BrowserSession.expires_at > bindparam("instant"),
                BrowserSession.last_seen_at > bindparam("idle_since"),
            )
        ),
    )
    .order_by(AccountIdentity.key)
)
