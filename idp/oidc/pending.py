"""Requests that a person answers somewhere else than where they were made.

A device without a keyboard (RFC 8628) and a service that asks by itself (CIBA) both wait:
the client holds a handle and asks again and again, the person decides on a page of ours.
Times and brakes are the same for both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String, Text, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import State
from idp.accounts.tables import IS_SERVED, AccountRow
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.oidc.model import Client
from idp.secret import digest
from idp.sessions.store import Session

POLL_SECONDS = 5
_SLOWER_SECONDS = 5  # RFC 8628 section 3.5
_KEPT = timedelta(days=1)


class PendingRequest(Table):
    """A request waiting for a person, by the SHA-256 of the handle its client polls with."""

    __tablename__ = "pending_requests"

    handle_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_code_hash: Mapped[bytes | None] = mapped_column(unique=True, default=None)
    """What a person types, for a device; a service names its person instead."""
    client_id: Mapped[str] = mapped_column(String(128))
    account_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("accounts.id"), index=True, default=None
    )
    """Whom a service asks, or who has answered a device."""
    scope: Mapped[str] = mapped_column(Text)
    binding_message: Mapped[str] = mapped_column(Text, default="")
    notify: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """Where a service wants to hear of the decision, and the sealed token it is told with."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    poll_every: Mapped[int]
    """Seconds."""
    polled_at: Mapped[datetime | None] = mapped_column(default=None)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    approved: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """How whoever allowed it had signed in; ``None`` once decided: it was denied."""
    approved_epoch: Mapped[int | None] = mapped_column(default=None)
    """The account's epoch when it was allowed; raised since, nothing comes of it."""
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that its person has not answered yet, as a page shows it."""

    handle_hash: bytes
    client_id: str
    scope: str
    binding_message: str
    expires_at: datetime

    @property
    def reference(self) -> str:
        """What a form names it by: worth nothing without the session it was shown to."""
        return self.handle_hash.hex()


@dataclass(frozen=True, slots=True)
class Allowed:
    """A request that was allowed, and is now the one caller's to make tokens of."""

    account_id: UUID
    scope: str
    approved: Mapping[str, Any]
    epoch: int


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nobody has decided; ``too_fast``: and the client did not keep its distance."""

    too_fast: bool = False


@dataclass(frozen=True, slots=True)
class Over:
    """It was denied, or its time is over; neither: there is no such request any more."""

    denied: bool = False
    expired: bool = False


def put(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Put a request on record; ``row`` has the columns of :class:`PendingRequest`."""
    tx.put(_PUT, {"binding_message": "", "poll_every": POLL_SECONDS, **row})


def by_user_code(tx: Transaction, user_code: str) -> Waiting | None:
    """Find what a code that somebody typed stands for; undecided and in time."""
    wanted = {"code": digest(user_code), "instant": tx.now}
    found = tx.ask(_BY_CODE, wanted)
    return Waiting(*found) if found else None


def of_account(tx: Transaction, account_id: UUID) -> list[Waiting]:
    """List what services are waiting to hear from somebody, the oldest first."""
    found = tx.rows(_OF_ACCOUNT, {"owner": account_id, "instant": tx.now})
    return [Waiting(*one) for one in found]


def decide(tx: Transaction, handle_hash: bytes, session: Session, *, allow: bool) -> bool:
    """Note a decision; ``False`` where it comes too late, or is somebody else's to make."""
    approved = {
        "acr": session.acr,
        "amr": list(session.amr),
        "auth_time": session.authenticated_at.timestamp(),
        "subject": session.subject,
    }
    which = {
        "wanted": handle_hash,
        "owner": session.account_id,
        "instant": tx.now,
        "how": approved if allow else None,
        "epoch": session.epoch if allow else None,
    }
    return tx.ask(_DECIDE, which) is not None


def poll(tx: Transaction, handle: str, client: Client) -> Allowed | NotYet | Over:
    """Claim a request that was allowed; exactly one of any number of callers gets it.

    Nobody does when the account was closed or signed out everywhere since, or when the client
    no longer serves its kind: that is as good as a no.
    """
    which = {"wanted": digest(handle), "caller": client.client_id, "instant": tx.now}
    claimed = tx.ask(_CLAIM, which | {"kinds": client.kinds})
    if claimed is not None:
        return Allowed(*claimed)
    row = tx.ask(_LOOK, {"wanted": which["wanted"], "caller": which["caller"]})
    if row is None or row.consumed_at is not None:
        return Over()
    if row.expires_at <= tx.now:
        return Over(expired=True)
    if row.decided_at is not None:
        return Over(denied=True)
    return _still_waiting(tx, row)


def _still_waiting(tx: Transaction, row: Any) -> NotYet:
    earliest = (row.polled_at or row.created_at) + timedelta(seconds=row.poll_every)
    too_fast = row.polled_at is not None and tx.now < earliest
    pace = row.poll_every + (_SLOWER_SECONDS if too_fast else 0)
    tx.put(_POLLED, {"wanted": row.handle_hash, "instant": tx.now, "pace": pace})
    return NotYet(too_fast)


def notify_of(tx: Transaction, handle_hash: bytes) -> Mapping[str, Any] | None:
    """Give where the client of a request wants to hear that it was decided."""
    row = tx.ask(_NOTIFY, {"wanted": handle_hash})
    found: Mapping[str, Any] | None = row.notify if row else None
    return found


def sweep(tx: Transaction) -> int:
    """Forget requests that are long over."""
    return _BROOM.sweep(tx, tx.now - _KEPT)


_SHOWN = (
    PendingRequest.handle_hash,
    PendingRequest.client_id,
    PendingRequest.scope,
    PendingRequest.binding_message,
    PendingRequest.expires_at,
)
_UNDECIDED = (
    PendingRequest.decided_at.is_(None),
    PendingRequest.expires_at > bindparam("instant"),
)
_PUT = Prepared(insert(PendingRequest))
_BY_CODE = Prepared(
    select(*_SHOWN).where(PendingRequest.user_code_hash == bindparam("code"), *_UNDECIDED)
)
_OF_ACCOUNT = Prepared(
    select(*_SHOWN)
    .where(
        PendingRequest.account_id == bindparam("owner"),
        PendingRequest.user_code_hash.is_(None),
        *_UNDECIDED,
    )
    .order_by(PendingRequest.created_at)
)
_DECIDE = Prepared(
    update(PendingRequest)
    .where(
        PendingRequest.handle_hash == bindparam("wanted"),
        PendingRequest.account_id.is_(None)
        | (PendingRequest.account_id == bindparam("owner", type_=PendingRequest.account_id.type)),
        *_UNDECIDED,
    )
    .values(
        decided_at=bindparam("instant"),
        approved=bindparam("how"),
        approved_epoch=bindparam("epoch"),
        account_id=bindparam("owner", type_=PendingRequest.account_id.type),
    )
    .returning(PendingRequest.client_id)
)
_STILL_ALLOWS = (
    select(AccountRow.id)
    .where(
        AccountRow.id == PendingRequest.account_id,
        AccountRow.epoch == PendingRequest.approved_epoch,
        AccountRow.state == State.ACTIVE,
        IS_SERVED,
    )
    .correlate(PendingRequest)
    .exists()
)
_CLAIM = Prepared(
    update(PendingRequest)
    .where(
        PendingRequest.handle_hash == bindparam("wanted"),
        PendingRequest.client_id == bindparam("caller"),
        PendingRequest.decided_at.is_not(None),
        PendingRequest.approved.is_not(None),
        PendingRequest.consumed_at.is_(None),
        PendingRequest.expires_at > bindparam("instant"),
        _STILL_ALLOWS,
    )
    .values(consumed_at=bindparam("instant"))
    .returning(
        PendingRequest.account_id,
        PendingRequest.scope,
        PendingRequest.approved,
        PendingRequest.approved_epoch,
    )
)
_LOOK = Prepared(
    select(
        PendingRequest.handle_hash,
        PendingRequest.created_at,
        PendingRequest.expires_at,
        PendingRequest.poll_every,
        PendingRequest.polled_at,
        PendingRequest.decided_at,
        PendingRequest.consumed_at,
    ).where(
        PendingRequest.handle_hash == bindparam("wanted"),
        PendingRequest.client_id == bindparam("caller"),
    )
)
_POLLED = Prepared(
    update(PendingRequest)
    .where(PendingRequest.handle_hash == bindparam("wanted"))
    .values(polled_at=bindparam("instant"), poll_every=bindparam("pace"))
)
_NOTIFY = Prepared(
    select(PendingRequest.notify).where(PendingRequest.handle_hash == bindparam("wanted"))
)
_BROOM = Broom(PendingRequest, PendingRequest.expires_at)
