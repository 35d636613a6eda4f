"""Rows of a sign-in on its way: journeys, attempts, and the browsers an account has used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, and_, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.tables import AccountRow
from idp.consent import store as consents
from idp.consent.model import Permission
from idp.consent.store import Consent
from idp.database import paging
from idp.database.columns import Table
from idp.database.paging import NEWEST, Mark
from idp.database.prepared import Prepared, insert_if_new
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.sessions import store as sessions
from idp.sessions.store import BrowserSession, Session, SessionClient

AWAITS_FACTOR = "second_factor"
"""What an attempt says as long as the password was right and the second factor is missing."""
_HISTORY_KEPT = timedelta(days=730)


class Journey(Table):
    """An authorization request that could not be answered at once.

    The browser that is on it holds the id in the address and a cookie of its own: a copied
    address leads another browser nowhere.
    """

    __tablename__ = "journeys"

    id_hash: Mapped[bytes] = mapped_column(primary_key=True)
    browser_hash: Mapped[bytes | None]
    """SHA-256 of the browser's cookie; bound at the first page it sees."""
    client_id: Mapped[str] = mapped_column(String(128))
    parameters: Mapped[dict[str, Any]]
    """The checked request, as the client sent it."""
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consented_at: Mapped[datetime | None] = mapped_column(default=None)
    consented: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """What was allowed on it: :class:`idp.consent.model.Permission`."""
    consented_by: Mapped[UUID | None] = mapped_column(default=None)
    """The account that allowed it: nobody else's yes."""
    denied_at: Mapped[datetime | None] = mapped_column(default=None)
    """The person said no, on whichever page."""
    completed_at: Mapped[datetime | None] = mapped_column(default=None)
    pushed_hash: Mapped[bytes | None] = mapped_column(default=None)
    """The reference of a pushed request (RFC 9126), used up when the journey is answered."""


class SignInAttempt(Table):
    """One try, good or bad: the person's own history (P06)."""

    __tablename__ = "signin_attempts"
    __table_args__ = (Index(None, "account_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(index=True)
    method: Mapped[str] = mapped_column(String(32))
    refused_for: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str]
    client_id: Mapped[str | None] = mapped_column(String(128))


class KnownDevice(Table):
    """A browser that has signed in to an account: strangers' failures do not touch it."""

    __tablename__ = "known_devices"

    device_hash: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(
        ForeignKey("accounts.id"), primary_key=True, index=True
    )
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class OnJourney:
    """A journey as a page needs it."""

    client_id: str
    parameters: Mapping[str, Any]
    asked_at: datetime
    consented: Mapping[str, Any] | None
    consented_by: UUID | None
    denied_at: datetime | None
    pushed_hash: bytes | None


@dataclass(frozen=True, slots=True)
class SignedInHere:
    """A browser's session, and what it has with one client."""

    session: Session
    consented: Permission
    accepted_terms: str
    joined: bool
    """Whether the session has signed in to this client before."""


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """A line of the sign-in history."""

    at: datetime
    id: UUID
    method: str
    refused_for: str | None
    address: str
    user_agent: str = ""
    client_id: str | None = None


def begin_journey(
    tx: Transaction,
    *,
    id_hash: bytes,
    browser_hash: bytes | None,
    client_id: str,
    parameters: Mapping[str, Any],
    lifetime: timedelta,
    pushed_hash: bytes | None = None,
) -> None:
    """Keep a checked authorization request until its pages have been gone through."""
    tx.put(
        _BEGIN,
        {
            "id_hash": id_hash,
            "browser_hash": browser_hash,
            "client_id": client_id,
            "parameters": dict(parameters),
            "asked_at": tx.now,
            "expires_at": tx.now + lifetime,
            "pushed_hash": pushed_hash,
        },
    )


def bind_journey(tx: Transaction, id_hash: bytes, browser_hash: bytes) -> bool:
    """Bind a journey that came without cookies (a POST from another site) to this browser."""
    return tx.execute(_BIND, {"which": id_hash, "browser": browser_hash}).rowcount == 1


def rebind_journey(tx: Transaction, id_hash: bytes, before: bytes, after: bytes) -> None:
    """Take a journey along when its browser's binding is renewed."""
    tx.put(_REBIND, {"which": id_hash, "before": before, "after": after})


def find_journey(tx: Transaction, id_hash: bytes, browser_hash: bytes) -> OnJourney | None:
    """Find an open journey of this browser."""
    row = tx.ask(_FIND, {"which": id_hash, "browser": browser_hash, "instant": tx.now})
    return OnJourney(*row) if row else None


def is_unbound(tx: Transaction, id_hash: bytes) -> bool:
    """Tell whether a journey waits for its first browser."""
    return tx.ask(_UNBOUND, {"which": id_hash, "instant": tx.now}) is not None


def complete_journey(tx: Transaction, id_hash: bytes) -> bool:
    """Close a journey; ``True`` for the one caller that may answer it."""
    return tx.ask(_COMPLETE, {"which": id_hash, "instant": tx.now}) is not None


def note_consent(tx: Transaction, id_hash: bytes, account_id: UUID, given: Permission) -> None:
    """Note what was allowed on this journey, and by whom."""
    told = {"instant": tx.now, "given": given.kept(), "giver": account_id}
    tx.execute(_CONSENTED, {"which": id_hash} | told)


def deny_journey(tx: Transaction, id_hash: bytes) -> None:
    """Note that the person said no."""
    tx.execute(_DENIED, {"which": id_hash, "instant": tx.now})


def signed_in_here(
    tx: Transaction, cookie_hash: bytes, client_id: str, idle: timedelta
) -> SignedInHere | None:
    """Find the browser's live session and what it has with a client: one round trip for all."""
    row = tx.ask(
        _HERE,
        {
            "presented": cookie_hash,
            "app": client_id,
            "instant": tx.now,
            "idle_since": tx.now - idle,
        },
    )
    if row is None:
        return None
    *_, terms, scope, resources, joined = row
    consented = consents.read(scope, resources)
    return SignedInHere(sessions.read(row), consented, terms, joined is not None)


def add_attempt(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Put an attempt on record; ``row`` has the columns of :class:`SignInAttempt`."""
    tx.put(_ATTEMPT, row)


def complete_attempt(tx: Transaction, account_id: UUID, at: datetime, second: str) -> None:
    """Make one success of a sign-in whose second factor has come: a line, not two.

    Its method becomes ``password+totp``: the first one's and this one's.
    """
    found = {"owner": account_id, "began": at, "second": f"+{second}"}
    tx.execute(_COMPLETE_ATTEMPT, found)


def history(
    tx: Transaction, account_id: UUID, limit: int, before: Mark = NEWEST
) -> list[PastAttempt]:
    """List an account's attempts, newest first."""
    rows = tx.execute(_HISTORY, {"owner": account_id, "at_most": limit} | before.bound)
    return [PastAttempt(*row) for row in rows]


def knows_device(tx: Transaction, device_hash: bytes, account_id: UUID) -> bool:
    """Tell whether the browser has signed in to the account before."""
    return tx.ask(_KNOWS, {"device": device_hash, "owner": account_id}) is not None


def devices_of(tx: Transaction, account_id: UUID) -> list[tuple[bytes, datetime]]:
    """List the browsers that an account was signed in from, and when last; the newest first."""
    return [(row.device_hash, row.last_seen_at) for row in tx.execute(_OF, {"owner": account_id})]


def expect_device(tx: Transaction, device_hash: bytes, account_name: str) -> Callable[[], bool]:
    """Ask whether the browser has signed in to the account of a canonical name before.

    Goes with what is asked next. The same work whether or not there is such an account.
    """
    rows = tx.expect(_KNOWS_OF_NAME, {"device": device_hash, "named": account_name})
    return lambda: bool(rows())


def remember_device(
    tx: Transaction,
    device_hash: bytes,
    account_id: UUID,
    is_known: Callable[[], bool] | None = None,
) -> bool:
    """Note that the browser has signed in; ``True`` when it is new to the account.

    Args:
        is_known: what :func:`expect_device` said in this transaction, where it was asked.
    """
    seen = {"device": device_hash, "owner": account_id, "instant": tx.now}
    if is_known is not None and is_known():
        tx.put(_SEEN_AGAIN, seen)
        return False
    if is_known is None and tx.ask(_SEEN_AGAIN, seen) is not None:
        return False
    tx.put(
        _REMEMBER,
        {
            "device_hash": device_hash,
            "account_id": account_id,
            "first_seen_at": tx.now,
            "last_seen_at": tx.now,
        },
    )
    return True


def sweep(tx: Transaction) -> int:
    """Forget journeys whose time is over."""
    return _JOURNEYS.sweep(tx, tx.now)


def sweep_history(tx: Transaction) -> int:
    """Forget attempts after two years: longer than any log has to be kept."""
    return _ATTEMPTS.sweep(tx, tx.now - _HISTORY_KEPT)


def sweep_devices(tx: Transaction) -> int:
    """Forget browsers that were not seen for as long."""
    return _DEVICES.sweep(tx, tx.now - _HISTORY_KEPT)


_BEGIN = Prepared(insert(Journey))
_BIND = (
    update(Journey)
    .where(Journey.id_hash == bindparam("which"), Journey.browser_hash.is_(None))
    .values(browser_hash=bindparam("browser"))
)
_REBIND = Prepared(
    update(Journey)
    .where(Journey.id_hash == bindparam("which"), Journey.browser_hash == bindparam("before"))
    .values(browser_hash=bindparam("after"))
)
_OPEN = (
    Journey.id_hash == bindparam("which"),
    Journey.completed_at.is_(None),
    Journey.expires_at > bindparam("instant"),
)
_FIND = Prepared(
    select(
        Journey.client_id,
        Journey.parameters,
        Journey.asked_at,
        Journey.consented,
        Journey.consented_by,
        Journey.denied_at,
        Journey.pushed_hash,
    ).where(*_OPEN, Journey.browser_hash == bindparam("browser"))
)
_UNBOUND = Prepared(select(Journey.client_id).where(*_OPEN, Journey.browser_hash.is_(None)))
_COMPLETE = Prepared(
    update(Journey)
    .where(*_OPEN)
    .values(completed_at=bindparam("instant"))
    .returning(Journey.client_id)
)
_CONSENTED = (
    update(Journey)
    .where(*_OPEN)
    .values(
        consented_at=bindparam("instant"),
        consented=bindparam("given"),
        consented_by=bindparam("giver"),
    )
)
_DENIED = update(Journey).where(*_OPEN).values(denied_at=bindparam("instant"))
_HERE = Prepared(
    select(
        *sessions.COLUMNS,
        AccountRow.accepted_terms,
        Consent.scope,
        Consent.resources,
        SessionClient.client_id,
    )
    .join(AccountRow, AccountRow.id == BrowserSession.account_id)
    .outerjoin(
        Consent,
        and_(
            Consent.account_id == BrowserSession.account_id, Consent.client_id == bindparam("app")
        ),
    )
    .outerjoin(
        SessionClient,
        and_(
            SessionClient.session_id == BrowserSession.id,
            SessionClient.client_id == bindparam("app"),
        ),
    )
    .where(BrowserSession.cookie_hash == bindparam("presented"), *sessions.LIVE)
)
_ATTEMPT = Prepared(insert(SignInAttempt))
_COMPLETE_ATTEMPT = (
    update(SignInAttempt)
    .where(
        SignInAttempt.account_id == bindparam("owner"),
        SignInAttempt.at == bindparam("began"),
        SignInAttempt.refused_for == AWAITS_FACTOR,
    )
    .values(refused_for=None, method=SignInAttempt.method + bindparam("second"))
)
_HISTORY = (
    select(
        SignInAttempt.at,
        SignInAttempt.id,
        SignInAttempt.method,
        SignInAttempt.refused_for,
        SignInAttempt.address,
        SignInAttempt.user_agent,
        SignInAttempt.client_id,
    )
    .where(
        SignInAttempt.account_id == bindparam("owner"),
        paging.before(SignInAttempt.at, SignInAttempt.id),
    )
    .order_by(SignInAttempt.at.desc(), SignInAttempt.id.desc())
    .limit(bindparam("at_most"))
)
_KNOWS = Prepared(
    select(KnownDevice.first_seen_at).where(
        KnownDevice.device_hash == bindparam("device"), KnownDevice.account_id == bindparam("owner")
    )
)
_KNOWS_OF_NAME = Prepared(
    select(KnownDevice.first_seen_at)
    .join(AccountRow, AccountRow.id == KnownDevice.account_id)
    .where(
        KnownDevice.device_hash == bindparam("device"),
        AccountRow.account_name == bindparam("named"),
    )
)
_OF = (
    select(KnownDevice.device_hash, KnownDevice.last_seen_at)
    .where(KnownDevice.account_id == bindparam("owner"))
    .order_by(KnownDevice.last_seen_at.desc())
)
_SEEN_AGAIN = Prepared(
    update(KnownDevice)
    .where(
        KnownDevice.device_hash == bindparam("device"), KnownDevice.account_id == bindparam("owner")
    )
    .values(last_seen_at=bindparam("instant"))
    .returning(KnownDevice.first_seen_at)
)
_REMEMBER = Prepared(insert_if_new(KnownDevice))
_JOURNEYS = Broom(Journey, Journey.expires_at)
_ATTEMPTS = Broom(SignInAttempt, SignInAttempt.at)
_DEVICES = Broom(KnownDevice, KnownDevice.last_seen_at)
