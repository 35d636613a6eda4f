"""What a person allowed a client in one sign-in: the code on its way, then all it buys.

The row is made when the code is; redeeming the code claims it, and every token bought
with it names the row. So one UPDATE revokes a family, and one look-up tells whether a
token is still good: the row, its account, its session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs
from sqlalchemy import ForeignKey, String, Text, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import State
from idp.accounts.tables import AccountRow
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.sweeping import BATCH, Broom
from idp.database.transaction import Transaction
from idp.oidc import narrowing
from idp.oidc.errors import InvalidGrant
from idp.oidc.model import Client
from idp.sessions.store import BrowserSession, SessionClient


class Authorization(Table):
    """One authorization of a client by a person. Of its code only the SHA-256 is kept."""

    __tablename__ = "authorizations"
    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[bytes | None] = mapped_column(unique=True, default=None)
    client_id: Mapped[str] = mapped_column(index=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    epoch: Mapped[int]
    session_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("browser_sessions.id"), index=True, default=None
    )
    """The session it was given in."""
    outlives_session: Mapped[bool] = mapped_column(default=False)
    """``offline_access`` was granted: the end of the session does not end it."""
    subject: Mapped[str]
    redirect_uri: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(Text)
    code_challenge: Mapped[str | None] = mapped_column(default=None)
    """``BASE64URL(SHA256(code_verifier))``, RFC 7636 section 4.2."""
    dpop_jkt: Mapped[str | None] = mapped_column(String(64), default=None)
    """The key that has to prove itself when the code is redeemed (RFC 9449 section 10)."""
    nonce: Mapped[str | None] = mapped_column(Text, default=None)
    claims: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """The ``claims`` parameter as it was granted (OIDC Core section 5.5)."""
    details: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """What it is narrowed to (:class:`idp.oidc.narrowing.Narrowed`)."""
    acr: Mapped[str]
    amr: Mapped[str]
    auth_time: Mapped[datetime]
    created_at: Mapped[datetime]
    code_expires_at: Mapped[datetime]
    code_consumed_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    """When nothing bought with it can be good any more: the sweeper's date."""


class Granted(msgspec.Struct, frozen=True):
    """What tokens are made of."""

    family_id: UUID
    client_id: str
    account_id: UUID
    session_id: UUID | None
    subject: str
    scope: str
    acr: str
    amr: tuple[str, ...]
    """RFC 8176."""
    auth_time: datetime
    nonce: str | None = None
    claims: dict[str, Any] | None = None
    details: dict[str, Any] | None = None
    vouched_by: str = ""
    """What a directory knows the account by; empty: no directory's word is needed."""


def granted(columns: Sequence[Any]) -> Granted:
    """Read the columns of :class:`Granted`, in its order, ``amr`` still as blank-separated text."""
    family, client, account, session, subject, scope, acr, amr, auth_time, *asked = columns
    return Granted(
        family, client, account, session, subject, scope, acr, tuple(amr.split()), auth_time, *asked
    )


def within(granted: Granted, client: Client) -> Granted:
    """Leave out what the client may no longer have: its registration reaches earlier grants.

    Raises:
        InvalidGrant: nothing is left.
    """
    scopes = [one for one in granted.scope.split() if one in client.scopes]
    if not scopes:
        raise InvalidGrant("nothing of what was granted is left to this client")
    details = narrowing.within(client, granted.details)
    return structs.replace(granted, scope=" ".join(scopes), details=details)


def told(granted: Granted) -> dict[str, Any]:
    """Give the members of a token response that say what was granted (RFC 9396 section 7)."""
    if granted.details is None:
        return {}
    details = narrowing.read(granted.details).authorization_details
    return {"authorization_details": list(details)} if details else {}


def put(tx: Transaction, row: dict[str, Any]) -> None:
    """Put a new authorization on record; ``row`` has the columns of :class:`Authorization`."""
    tx.put(_PUT, row)


def revoke(tx: Transaction, family_id: UUID) -> bool:
    """Revoke an authorization with all it ever bought; ``True`` for the first to do so."""
    return tx.execute(_REVOKE, {"family": family_id, "instant": tx.now}).rowcount == 1


def revoke_of_client(tx: Transaction, account_id: UUID, client_id: str) -> int:
    """Revoke all that an account ever allowed a client; gives how many there were."""
    return tx.execute(
        _REVOKE_OF_CLIENT, {"owner": account_id, "app": client_id, "instant": tx.now}
    ).rowcount


def revoke_all_of_client(tx: Transaction, client_id: str) -> int:
    """Revoke all that anybody ever allowed a client; gives how many there were."""
    return tx.execute(_REVOKE_ALL_OF_CLIENT, {"app": client_id, "instant": tx.now}).rowcount


@dataclass(frozen=True, slots=True)
class Access:
    """What one client holds of an account."""

    scopes: frozenset[str]
    since: datetime


def of_account(tx: Transaction, account_id: UUID) -> dict[str, Access]:
    """List what clients hold of an account at this moment, by client id."""
    found: dict[str, Access] = {}
    for row in tx.execute(_OF_ACCOUNT, {"owner": account_id, "instant": tx.now}):
        scopes, before = frozenset(row.scope.split()), found.get(row.client_id)
        if before is not None:
            scopes |= before.scopes
        since = min(row.created_at, before.since) if before else row.created_at
        found[row.client_id] = Access(scopes, since)
    return found


def sweep(tx: Transaction) -> int:
    """Forget authorizations that nothing lives of any more.

    Their refresh tokens have gone before: each is over with its family at the latest.
    """
    return _BROOM.sweep(tx, tx.now)


def sweep_sessions(tx: Transaction) -> int:
    """Forget sessions that are long over and that no authorization names."""
    over = list(tx.execute(_OVER, {"long_ago": tx.now - _KEEP, "at_most": BATCH}).scalars())
    if over:
        tx.execute(_FORGET_CLIENTS, {"over": over})
        tx.execute(_FORGET_SESSIONS, {"over": over})
    return len(over)


USABLE = (
    Authorization.revoked_at.is_(None),
    select(AccountRow.id)
    .where(
        AccountRow.id == Authorization.account_id,
        AccountRow.epoch == Authorization.epoch,
        AccountRow.state == State.ACTIVE,
    )
    .correlate(Authorization)
    .exists(),
    (
        Authorization.outlives_session
        | select(BrowserSession.id)
        .where(
            BrowserSession.id == Authorization.session_id,
            BrowserSession.ended_at.is_(None),
            BrowserSession.expires_at > bindparam("instant"),
        )
        .correlate(Authorization)
        .exists()
    ),
)
"""The conditions under which an authorization still stands: not revoked, its account active
and of the same epoch, its session neither ended nor expired (unless it was granted
``offline_access``); bind ``instant``."""

_PUT = Prepared(insert(Authorization))
_REVOKE = (
    update(Authorization)
    .where(Authorization.id == bindparam("family"), Authorization.revoked_at.is_(None))
    .values(revoked_at=bindparam("instant"))
)
_REVOKE_OF_CLIENT = (
    update(Authorization)
    .where(
        Authorization.account_id == bindparam("owner"),
        Authorization.client_id == bindparam("app"),
        Authorization.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("instant"))
)
_REVOKE_ALL_OF_CLIENT = (
    update(Authorization)
    .where(Authorization.client_id == bindparam("app"), Authorization.revoked_at.is_(None))
    .values(revoked_at=bindparam("instant"))
)
_KEEP = timedelta(days=7)
_OVER = (
    select(BrowserSession.id)
    .where(
        BrowserSession.expires_at <= bindparam("long_ago"),
        ~select(Authorization.id).where(Authorization.session_id == BrowserSession.id).exists(),
    )
    .order_by(BrowserSession.expires_at)
    .limit(bindparam("at_most"))
)
_FORGET_CLIENTS = delete(SessionClient).where(
    SessionClient.session_id.in_(bindparam("over", expanding=True))
)
_FORGET_SESSIONS = delete(BrowserSession).where(
    BrowserSession.id.in_(bindparam("over", expanding=True))
)
_BROOM = Broom(Authorization, Authorization.expires_at)
_OF_ACCOUNT = select(Authorization.client_id, Authorization.scope, Authorization.created_at).where(
    Authorization.account_id == bindparam("owner"),
    Authorization.code_consumed_at.is_not(None),
    Authorization.expires_at > bindparam("instant"),
    *USABLE,
)
