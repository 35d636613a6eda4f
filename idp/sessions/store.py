"""Sessions on record, and the apps that each has signed in to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Row, String, bindparam, insert, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import SecondFactor, State
from idp.accounts.tables import AccountRow
from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
from idp.database.transaction import Transaction


class BrowserSession(Table):
    """One browser, signed in. A row is never written back once it has ended."""

    __tablename__ = "browser_sessions"
    __table_args__ = (
        Index(
            "ix_browser_sessions_not_ended",
            "expires_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """The ``sid`` that relying apps are told (OIDC Back-Channel Logout section 2.1)."""
    cookie_hash: Mapped[bytes] = mapped_column(unique=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    epoch: Mapped[int]
    """The account's epoch at sign-in; raised since, the session is dead."""
    acr: Mapped[str]
    amr: Mapped[str]
    """RFC 8176 values, separated by blanks."""
    two_factors: Mapped[bool] = mapped_column(default=False)
    """Whether two factors were proven; without them it may be no more than half a sign-in."""
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str]
    authenticated_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    """The absolute limit; the idle one counts from ``last_seen_at``."""
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    successor_id: Mapped[UUID | None] = mapped_column(index=True, default=None)
    """The session that the same person opened in its place: when that ends, so does this."""


class SessionClient(Table):
    """An app that a session has signed in to, and is to be told when the session ends."""

    __tablename__ = "session_clients"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("browser_sessions.id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    """The ``sub`` this app knows the person by."""


@dataclass(frozen=True, slots=True)
class Session:
    """A live session, with what its account's row says now."""

    id: UUID
    account_id: UUID
    subject: str
    account_name: str
    kind: str
    epoch: int
    acr: str
    amr: tuple[str, ...]
    authenticated_at: datetime
    last_seen_at: datetime
    two_factors: bool = False
    second_factor: SecondFactor = SecondFactor.NONE
    """What the account is able to show, as it is now."""
    profile_sealed: bytes = field(default=b"", repr=False)
    """The name for the head of a page is in it; read by :func:`find` alone, which pages call."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing that the account's owner wants asked for every time."""
        return self.two_factors or self.second_factor is not SecondFactor.ALWAYS

    @property
    def is_of_ticket(self) -> bool:
        """Whether a judge's ticket alone has opened it: their browser did, they did nothing."""
        return self.amr == ("kerberos",)


@dataclass(frozen=True, slots=True)
class Unended:
    """A session that nobody has ended, whether or not anybody can still use it."""

    id: UUID
    account_id: UUID
    subject: str
    expires_at: datetime


LIVE = (
    BrowserSession.ended_at.is_(None),
    BrowserSession.expires_at > bindparam("instant"),
    BrowserSession.last_seen_at > bindparam("idle_since"),
    BrowserSession.epoch == AccountRow.epoch,
    AccountRow.state == State.ACTIVE,
)
"""The conditions of a session in use, beside its account; bind ``instant`` and ``idle_since``."""

WHOLE = or_(BrowserSession.two_factors, AccountRow.second_factor != SecondFactor.ALWAYS)
"""The condition of a sign-in that is complete: see :attr:`Session.is_whole`."""

COLUMNS = (
    BrowserSession.id,
    BrowserSession.account_id,
    AccountRow.subject,
    AccountRow.account_name,
    AccountRow.kind,
    BrowserSession.epoch,
    BrowserSession.acr,
    BrowserSession.amr,
    BrowserSession.authenticated_at,
    BrowserSession.last_seen_at,
    BrowserSession.two_factors,
    AccountRow.second_factor,
)


def read(row: Row[Any]) -> Session:
    """Turn a row that begins with :data:`COLUMNS` into a session."""
    sid, account_id, subject, name, kind, epoch, acr, amr, since, seen, two, second = row[
        : len(COLUMNS)
    ]
    return Session(
        sid,
        account_id,
        subject,
        name,
        kind,
        epoch,
        acr,
        tuple(amr.split()),
        since,
        seen,
        bool(two),
        SecondFactor(second),
    )


def find(tx: Transaction, cookie_hash: bytes, idle: timedelta) -> Session | None:
    """Find the live session a cookie names; one round trip.

    Half a sign-in is none: where the account always wants a second factor, a session that
    has not seen it opens no page.
    """
    return _named(tx, _BY_COOKIE, cookie_hash, idle)


def present(tx: Transaction, cookie_hash: bytes, idle: timedelta) -> Session | None:
    """Find what a cookie names even where the second factor is missing: to ask for it, to end it.

    Whoever is handed this checks :attr:`Session.is_whole` before anything is opened.
    """
    return _named(tx, _PRESENT, cookie_hash, idle)


def _named(
    tx: Transaction, statement: Prepared, cookie_hash: bytes, idle: timedelta
) -> Session | None:
    row = tx.ask(
        statement, {"presented": cookie_hash, "instant": tx.now, "idle_since": tx.now - idle}
    )
    return replace(read(row), profile_sealed=row.profile_sealed) if row else None


def find_unended(tx: Transaction, cookie_hash: bytes) -> Unended | None:
    """Find what a cookie names even where its time is over: its apps have not been told yet."""
    row = tx.execute(_UNENDED_BY_COOKIE, {"presented": cookie_hash}).one_or_none()
    return Unended(*row) if row else None


def expired(tx: Transaction, limit: int) -> list[Unended]:
    """List up to ``limit`` sessions past their absolute limit that nobody has ended."""
    rows = tx.execute(_EXPIRED, {"instant": tx.now, "at_most": limit})
    return [Unended(*row) for row in rows]


def touch(tx: Transaction, session_id: UUID) -> None:
    """Note that the session is in use; never revives one that has ended."""
    tx.put(_TOUCH, {"which": session_id, "instant": tx.now})


def join(tx: Transaction, session_id: UUID, client_id: str, subject: str) -> None:
    """Note that the session has signed in to a client; two tabs may do so at once."""
    tx.put(_JOIN, {"session_id": session_id, "client_id": client_id, "subject": subject})


def clients_of(tx: Transaction, session_id: UUID) -> list[tuple[str, str]]:
    """List the apps a session has signed in to: client id and the ``sub`` each knows."""
    return [(row.client_id, row.subject) for row in tx.execute(_CLIENTS, {"which": session_id})]


def used_by(tx: Transaction, account_id: UUID) -> list[str]:
    """List the apps that an account's sessions have signed in to, by client id."""
    return list(tx.execute(_USED_BY, {"owner": account_id}).scalars())


def mark_ended(tx: Transaction, session_id: UUID) -> bool:
    """End a session; ``True`` for the one caller that did it."""
    return tx.execute(_END, {"which": session_id, "instant": tx.now}).rowcount == 1


def hand_over(tx: Transaction, session_id: UUID, successor_id: UUID, unusable: bytes) -> None:
    """Let a session live on for its apps alone: no cookie opens it any more."""
    tx.execute(_HAND_OVER, {"which": session_id, "successor": successor_id, "unusable": unusable})


def predecessors(tx: Transaction, session_id: UUID) -> list[UUID]:
    """List the sessions that live on only as long as this one."""
    return list(tx.execute(_PREDECESSORS, {"which": session_id}).scalars())


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A live session as its owner sees it."""

    id: UUID
    address: str
    user_agent: str
    authenticated_at: datetime
    last_seen_at: datetime


def live_of(tx: Transaction, account_id: UUID, idle: timedelta) -> list[OpenSession]:
    """List an account's live sessions, the one used last first."""
    asked = {"owner": account_id, "instant": tx.now, "idle_since": tx.now - idle}
    return [OpenSession(*row) for row in tx.execute(_LIVE_OF, asked)]


def leads_to(tx: Transaction, earlier_id: UUID, session_id: UUID) -> bool:
    """Tell whether a session is this one, or lives on behind it."""
    if earlier_id == session_id:
        return True
    return session_id in tx.execute(_SUCCESSORS, {"which": earlier_id}).scalars()


def anonymise(tx: Transaction, account_id: UUID) -> None:
    """Forget from where an account's sessions were used."""
    tx.execute(
        update(BrowserSession)
        .where(BrowserSession.account_id == account_id)
        .values(address="", user_agent="")
    )


def open_of(tx: Transaction, account_id: UUID) -> list[UUID]:
    """List the sessions of an account that have not been ended."""
    return list(tx.execute(_OPEN, {"owner": account_id}).scalars())


def add(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Put a new session on record; ``row`` has every column of :class:`BrowserSession`."""
    tx.put(_ADD, row)


_NAMED = (
    select(*COLUMNS, AccountRow.profile_sealed)
    .join(AccountRow, AccountRow.id == BrowserSession.account_id)
    .where(BrowserSession.cookie_hash == bindparam("presented"), *LIVE)
)
_UNENDED = (
    select(
        BrowserSession.id, BrowserSession.account_id, AccountRow.subject, BrowserSession.expires_at
    )
    .join(AccountRow, AccountRow.id == BrowserSession.account_id)
    .where(BrowserSession.ended_at.is_(None))
)
_UNENDED_BY_COOKIE = _UNENDED.where(BrowserSession.cookie_hash == bindparam("presented"))
_EXPIRED = (
    _UNENDED.where(BrowserSession.expires_at <= bindparam("instant"))
    .order_by(BrowserSession.expires_at, BrowserSession.id)
    .limit(bindparam("at_most"))
)
_BY_COOKIE = Prepared(_NAMED.where(WHOLE))
_PRESENT = Prepared(_NAMED)
_TOUCH = Prepared(
    update(BrowserSession)
    .where(BrowserSession.id == bindparam("which"), BrowserSession.ended_at.is_(None))
    .values(last_seen_at=bindparam("instant"))
)
_JOIN = Prepared(insert_if_new(SessionClient))
_CLIENTS = (
    select(SessionClient.client_id, SessionClient.subject)
    .where(SessionClient.session_id == bindparam("which"))
    .order_by(SessionClient.client_id)
)
_USED_BY = (
    select(SessionClient.client_id)
    .join(BrowserSession, BrowserSession.id == SessionClient.session_id)
    .where(BrowserSession.account_id == bindparam("owner"))
    .distinct()
)
_END = (
    update(BrowserSession)
    .where(BrowserSession.id == bindparam("which"), BrowserSession.ended_at.is_(None))
    .values(ended_at=bindparam("instant"))
)
_HAND_OVER = (
    update(BrowserSession)
    .where(BrowserSession.id == bindparam("which"), BrowserSession.ended_at.is_(None))
    .values(successor_id=bindparam("successor"), cookie_hash=bindparam("unusable"))
)
_PREDECESSORS = select(BrowserSession.id).where(
    BrowserSession.successor_id == bindparam("which"), BrowserSession.ended_at.is_(None)
)
_FIRST = (
    select(BrowserSession.successor_id.label("id"))
    .where(BrowserSession.id == bindparam("which"))
    .cte("successors", recursive=True)
)
_CHAIN = _FIRST.union(select(BrowserSession.successor_id).where(BrowserSession.id == _FIRST.c.id))
_SUCCESSORS = select(_CHAIN.c.id)
_OPEN = select(BrowserSession.id).where(
    BrowserSession.account_id == bindparam("owner"), BrowserSession.ended_at.is_(None)
)
_LIVE_OF = (
    select(
        BrowserSession.id,
        BrowserSession.address,
        BrowserSession.user_agent,
        BrowserSession.authenticated_at,
        BrowserSession.last_seen_at,
    )
    .join(AccountRow, AccountRow.id == BrowserSession.account_id)
    # One that lives on for its apps alone is not a browser of its own.
    .where(
        BrowserSession.account_id == bindparam("owner"),
        BrowserSession.successor_id.is_(None),
        *LIVE,
    )
    .order_by(BrowserSession.last_seen_at.desc())
)
_ADD = Prepared(insert(BrowserSession))
