"""Who somebody is in this app: the link from the provider's person to a local account.

A link's key is (issuer, sub) and nothing else: an e-mail address proves nobody. One account
has one holder. An app calls :func:`account_of` at the first page after a sign-in; a person
without a link is led to :func:`page_url`, the provider's page, and back.

Every link has the id of the attempt that made it, and both sides call it by that. An attempt
is decided once: asked about before it is decided, it never will be anything but refused.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol
from urllib.parse import quote, urlencode
from uuid import UUID

from sqlalchemy import String, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from clients.kit.config import KitConfig
from clients.kit.database import Table, Transaction

Status = Literal["linked", "refused", "taken", "throttled"]

_FIRST_RETRY = timedelta(seconds=5)
_DOUBLINGS = 9  # some forty minutes
_KEEP_ATTEMPTS = timedelta(days=30)


class Link(Table):
    """A person of an issuer is the holder of a local account; one account has one holder."""

    __tablename__ = "links"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    sub: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(unique=True)
    linked_at: Mapped[datetime]
    attempt: Mapped[UUID | None] = mapped_column(default=None)
    """What the provider calls it; without one, the provider does not know of it."""


class LinkAttempt(Table):
    """A request of the provider, heard once. No password is kept of it, in no form."""

    __tablename__ = "link_attempts"

    attempt: Mapped[UUID] = mapped_column(primary_key=True)
    issuer: Mapped[str]
    sub: Mapped[str]
    status: Mapped[str] = mapped_column(String(16))
    """``begun``, ``unlinked``, or what was answered."""
    account: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)


class UnlinkNotice(Table):
    """The provider is to hear that a link is over; the row goes when it has."""

    __tablename__ = "unlink_notices"

    attempt: Mapped[UUID] = mapped_column(primary_key=True)
    not_before: Mapped[datetime] = mapped_column(index=True)
    tries: Mapped[int]


@dataclass(frozen=True, slots=True)
class Checked:
    """What an app says of an account and a password."""

    verdict: Literal["right", "wrong", "throttled"]
    account: str = ""
    """The app's own name of the account, where it was right."""


class LocalAccounts(Protocol):
    """An app's own accounts, as far as linking needs them."""

    def check(self, name: str, password: str, source: str) -> Checked:
        """Compare a password, behind the app's own throttle; opens its own transactions.

        Args:
            name: as it was typed.
            password: is kept nowhere.
            source: who is trying: one source's failures are no other's.
        """


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who asks for a link, and what both sides call it."""

    id: UUID
    issuer: str
    sub: str


def page_url(config: KitConfig, target: str) -> str:
    """Give the provider's page that links an account and leads back to ``target`` of this app.

    Args:
        target: path and query as they stand in an address.
    """
    section = config.provider
    back = urlencode({"return_to": config.server.base_url + target})
    return f"{section.issuer}/links/{quote(section.client_id, safe='')}?{back}"


def account_of(tx: Transaction, issuer: str, sub: str) -> str | None:
    """Find the local account of a person; ``None``: it is their first visit, or unlinked."""
    found: str | None = tx.execute(_FIND, {"at": issuer, "who": sub}).scalar_one_or_none()
    return found


def link(tx: Transaction, issuer: str, sub: str, account: str, attempt: UUID | None = None) -> bool:
    """Link a person to an account; ``False`` when either is linked already."""
    row = {
        "issuer": issuer,
        "sub": sub,
        "account": account,
        "linked_at": tx.now,
        "attempt": attempt,
    }
    try:
        with tx.connection.begin_nested():
            tx.execute(_ADD, row)
    except IntegrityError:
        return False
    return True


def claim(tx: Transaction, attempt: Attempt, status: str = "begun") -> bool:
    """Hear an attempt for the first time; ``False`` for every other time."""
    row = {
        "attempt": attempt.id,
        "issuer": attempt.issuer,
        "sub": attempt.sub,
        "status": status,
        "account": "",
        "at": tx.now,
    }
    try:
        with tx.connection.begin_nested():
            tx.execute(insert(LinkAttempt), row)
    except IntegrityError:
        return False
    return True


def decide(tx: Transaction, attempt: Attempt, checked: Checked) -> Status:
    """Decide an attempt that was claimed; gives what is answered."""
    if checked.verdict != "right":
        status: Status = "refused" if checked.verdict == "wrong" else "throttled"
        return status if _decided(tx, attempt, status) else "refused"
    if not _decided(tx, attempt, "linked", checked.account):
        return "refused"  # it was asked about, or given up, before it was decided
    holder = tx.execute(_HOLDER, {"which": checked.account}).one_or_none()
    if holder is not None and tuple(holder) != (attempt.issuer, attempt.sub):
        return _taken(tx, attempt)
    # Who asks has no link at the provider any more: one that is here is a thing of the past.
    _forget(tx, attempt.issuer, attempt.sub)
    if not link(tx, attempt.issuer, attempt.sub, checked.account, attempt.id):
        return _taken(tx, attempt)  # somebody else was faster
    return "linked"


def status_of(tx: Transaction, attempt: Attempt) -> tuple[Status, str]:
    """Say what came of an attempt. One that is not decided yet is refused from now on."""
    claim(tx, attempt, "refused")
    asked = {"which": attempt.id, "whose": attempt.issuer, "who": attempt.sub}
    tx.execute(_DECIDE, asked | {"so": "refused", "name": ""})
    row = tx.execute(_STATUS, asked).one_or_none()
    if row is None or row.status == "unlinked":
        return "refused", ""
    return row.status, row.account


def unlink(tx: Transaction, issuer: str, sub: str) -> bool:
    """End a person's link from this side, and note that the provider has to hear of it."""
    ended = _forget(tx, issuer, sub)
    if ended is None:
        return False
    (attempt,) = ended
    if attempt is not None:
        notice = {"attempt": attempt, "not_before": tx.now, "tries": 0}
        tx.execute(insert(UnlinkNotice), notice)
    return True


def hear_unlinked(tx: Transaction, attempt: Attempt) -> None:
    """End the link that an attempt made, or would have made: the provider says it is over."""
    named = {"which": attempt.id, "whose": attempt.issuer, "who": attempt.sub}
    if not claim(tx, attempt, "unlinked"):
        tx.execute(_END_ATTEMPT, named)
    tx.execute(_DROP_OF_ATTEMPT, named)


def notices(tx: Transaction, limit: int) -> list[tuple[UUID, int]]:
    """List what the provider is to hear now, and how often it has been tried."""
    due = {"instant": tx.now, "at_most": limit}
    return [(row.attempt, row.tries) for row in tx.execute(_DUE, due)]


def acknowledged(tx: Transaction, attempt: UUID) -> None:
    """Forget a notice that was heard."""
    tx.execute(_HEARD, {"which": attempt})


def put_off(tx: Transaction, attempt: UUID, tries: int) -> None:
    """Try a notice again later, each time after twice as long."""
    wait = _FIRST_RETRY * 2 ** min(tries, _DOUBLINGS)
    tx.execute(_PUT_OFF, {"which": attempt, "so_many": tries + 1, "next_time": tx.now + wait})


def sweep(tx: Transaction) -> None:
    """Forget attempts so old that nobody asks about them, unless their link still stands."""
    tx.execute(_SWEEP, {"long_ago": tx.now - _KEEP_ATTEMPTS})


def _decided(tx: Transaction, attempt: Attempt, status: Status, account: str = "") -> bool:
    which = {"which": attempt.id, "whose": attempt.issuer, "who": attempt.sub}
    so = which | {"so": status, "name": account}
    return bool(tx.execute(_DECIDE, so).rowcount == 1)


def _taken(tx: Transaction, attempt: Attempt) -> Status:
    tx.execute(_CORRECT, {"which": attempt.id, "so": "taken"})
    return "taken"


def _forget(tx: Transaction, issuer: str, sub: str) -> tuple[UUID | None] | None:
    row = tx.execute(_DROP, {"at": issuer, "who": sub}).one_or_none()
    if row is None:
        return None
    if row.attempt is not None:
        tx.execute(_CORRECT, {"which": row.attempt, "so": "unlinked"})
    return (row.attempt,)


_FIND = select(Link.account).where(Link.issuer == bindparam("at"), Link.sub == bindparam("who"))
_HOLDER = select(Link.issuer, Link.sub).where(Link.account == bindparam("which"))
_ADD = insert(Link)
_DROP = (
    delete(Link)
    .where(Link.issuer == bindparam("at"), Link.sub == bindparam("who"))
    .returning(Link.attempt)
)
_DROP_OF_ATTEMPT = delete(Link).where(
    Link.attempt == bindparam("which"),
    Link.issuer == bindparam("whose"),
    Link.sub == bindparam("who"),
)
_OF_ATTEMPT = update(LinkAttempt).where(LinkAttempt.attempt == bindparam("which"))
_CORRECT = _OF_ATTEMPT.values(status=bindparam("so"))
_OF_PERSON = _OF_ATTEMPT.where(
    LinkAttempt.issuer == bindparam("whose"), LinkAttempt.sub == bindparam("who")
)
_DECIDE = _OF_PERSON.where(LinkAttempt.status == "begun").values(
    status=bindparam("so"), account=bindparam("name")
)
_END_ATTEMPT = _OF_PERSON.values(status="unlinked")
_STATUS = select(LinkAttempt.status, LinkAttempt.account).where(
    LinkAttempt.attempt == bindparam("which"),
    LinkAttempt.issuer == bindparam("whose"),
    LinkAttempt.sub == bindparam("who"),
)
_DUE = (
    select(UnlinkNotice.attempt, UnlinkNotice.tries)
    .where(UnlinkNotice.not_before <= bindparam("instant"))
    .order_by(UnlinkNotice.not_before)
    .limit(bindparam("at_most"))
)
_HEARD = delete(UnlinkNotice).where(UnlinkNotice.attempt == bindparam("which"))
_PUT_OFF = (
    update(UnlinkNotice)
    .where(UnlinkNotice.attempt == bindparam("which"))
    .values(tries=bindparam("so_many"), not_before=bindparam("next_time"))
)
_SWEEP = delete(LinkAttempt).where(
    LinkAttempt.at <= bindparam("long_ago"), LinkAttempt.status != "linked"
)
