"""Refresh tokens with rotation (RFC 6749 section 6, RFC 9700 section 4.14.2).

Each is used once; using one again means that two parties hold it, and ends the family.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749.grants import RefreshTokenGrant as AuthlibGrant
from msgspec import structs
from sqlalchemy import (
    ForeignKey,
    String,
    Text,
    bindparam,
    case,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.tables import IS_SERVED, AccountRow
from idp.audit.events.grants import RefreshReused, TokenIssued
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.oidc import authorizations, vouching
from idp.oidc.authorizations import USABLE, Authorization, Granted
from idp.oidc.clients import ClientRow
from idp.oidc.errors import InvalidGrant, InvalidRequest, InvalidScope, UnauthorizedClient
from idp.oidc.grants import vouched
from idp.oidc.model import Client
from idp.oidc.server import Mint, OAuthRequest, Parts
from idp.oidc.vocabulary import GrantType
from idp.secret import dated_digest, mint_dated, well_formed

PREFIX = "prt"


class RefreshToken(Table):
    """A refresh token, by its SHA-256. What it may buy is copied from its authorization."""

    __tablename__ = "refresh_tokens"
    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    family_id: Mapped[UUID] = mapped_column(
        ForeignKey("authorizations.id", ondelete="CASCADE"), index=True
    )
    client_id: Mapped[str] = mapped_column(String(128))
    account_id: Mapped[UUID]
    session_id: Mapped[UUID | None]
    subject: Mapped[str]
    scope: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    acr: Mapped[str]
    amr: Mapped[str]
    auth_time: Mapped[datetime]
    issued_at: Mapped[datetime]
    idle_expires_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]
    """The family's end, which no rotation moves."""
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)
    dpop_jkt: Mapped[str | None] = mapped_column(String(64), default=None)
    """A public client's key, which has to prove itself with every use (RFC 9449 section 5)."""


@dataclass(frozen=True, slots=True)
class Reused:
    """It has been used before: whoever holds it now, the family ends."""

    family_id: UUID
    subject: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No such token for this client, or its time or its family's is over."""


def issue(
    tx: Transaction, parts: Parts, granted: Granted, *, until: datetime, jkt: str = ""
) -> str:
    """Put a refresh token on record and give it; one insert."""
    token = mint_dated(PREFIX, tx.now, parts.entropy)
    idle = timedelta(days=parts.lifetimes.refresh_idle_days)
    tx.put(
        _ADD,
        {
            "token_hash": dated_digest(token),
            "family_id": granted.family_id,
            "client_id": granted.client_id,
            "account_id": granted.account_id,
            "session_id": granted.session_id,
            "subject": granted.subject,
            "scope": granted.scope,
            "details": granted.details,
            "acr": granted.acr,
            "amr": " ".join(granted.amr),
            "auth_time": granted.auth_time,
            "issued_at": tx.now,
            "idle_expires_at": min(tx.now + idle, until),
            "expires_at": until,
            "dpop_jkt": jkt or None,
        },
    )
    return token


def use(
    tx: Transaction, token: str, client: Client, jkt: str = ""
) -> tuple[Granted, datetime] | Reused | Unknown:
    """Claim a refresh token; of any number of concurrent callers exactly one gets it.

    Gives what it buys and when its family ends. One round trip when good, two when not.
    """
    presented = _presented(token, client.client_id)
    claimed = tx.ask(_CLAIM, presented | {"instant": tx.now, "jkt": jkt, "kinds": client.kinds})
    if claimed is not None:
        return _read(claimed)
    consumed = tx.ask(_CONSUMED, presented)
    return Reused(*consumed) if consumed else Unknown()


def use_again(
    tx: Transaction, token: str, client: Client, jkt: str, grace: timedelta
) -> tuple[Granted, datetime] | None:
    """Give once more what a token bought a moment ago: its answer may have been lost on the way.

    Only for a caller that has just proven a key; ``jkt`` is the one the token is bound to, if it
    is bound to one. Whoever merely holds the token gets nothing and ends the family.
    """
    when = {"instant": tx.now, "since": tx.now - grace, "jkt": jkt, "kinds": client.kinds}
    again = tx.ask(_AGAIN, _presented(token, client.client_id) | when)
    return _read(again) if again is not None else None


def keep(
    tx: Transaction, token: str, client: Client, *, idle_until: datetime
) -> tuple[Granted, datetime] | Unknown:
    """Use a refresh token without using it up; it is good for a while longer. One round trip."""
    when = {"instant": tx.now, "idle_until": idle_until, "kinds": client.kinds}
    kept = tx.ask(_KEEP, _presented(token, client.client_id) | when)
    if kept is None:
        return Unknown()
    return _read(kept)


def _presented(token: str, client_id: str) -> dict[str, Any]:
    return {"presented_hash": dated_digest(token), "presenting_client": client_id}


def _read(columns: Sequence[Any]) -> tuple[Granted, datetime]:
    *granted, details, expires_at, vouched_by = columns
    found = authorizations.granted(granted)
    if details or vouched_by:
        found = structs.replace(found, details=details, vouched_by=vouched_by or "")
    return found, expires_at


def find_family(tx: Transaction, token: str, client_id: str) -> UUID | None:
    """Find the family of a client's refresh token, spent or not, for its revocation."""
    presented = _presented(token, client_id)
    family: UUID | None = tx.scalar(_FAMILY, presented)
    return family


def look_at(tx: Transaction, token: str) -> Any:
    """Find a refresh token that could still be used; ``None`` if it could not."""
    return tx.ask(_STILL_GOOD, {"presented_hash": dated_digest(token), "instant": tx.now})


def sweep(tx: Transaction) -> int:
    """Forget tokens that are past every use; spent ones stay to be recognised."""
    return _BROOM.sweep(tx, tx.now)


class RefreshTokenGrant(AuthlibGrant):  # type: ignore[misc]
    """``grant_type=refresh_token`` at the token endpoint."""

    request: OAuthRequest

    def validate_token_request(self) -> None:
        """Authenticate the client and claim the token.

        Raises:
            InvalidClient, UnauthorizedClient, InvalidRequest: before anything is claimed.
            InvalidGrant: it buys nothing, or the account is none that the client serves now. If
                it was used before, its family is revoked.
            InvalidScope: more was asked for than was granted; the token is not used up.
            Asks: a directory has to vouch for the account first; nothing of this is kept.
        """
        client: Client = self.authenticate_token_endpoint_client()
        if not client.may_use(GrantType.REFRESH_TOKEN):
            raise UnauthorizedClient("the client is not registered for this grant")
        token = self.request.form.get("refresh_token", "")
        if not token:
            raise InvalidRequest("refresh_token is required")
        self._mint = Mint.at(self.server.parts, self.request, client)
        self._granted, self._until = self._claim(token, client)

    def _claim(self, token: str, client: Client) -> tuple[Granted, datetime]:
        tx = self.request.tx
        if self._scope_is_wider(token):
            raise InvalidScope("scope is more than was granted")
        outcome = self._used(token, client) if well_formed(PREFIX, token) else Unknown()
        if isinstance(outcome, Reused):
            authorizations.revoke(tx, outcome.family_id)
            reused = RefreshReused(
                subject=outcome.subject,
                client_id=client.client_id,
                family=str(outcome.family_id),
            )
            self.server.parts.trail.append(tx, reused)
        if isinstance(outcome, Reused | Unknown):
            raise InvalidGrant("the refresh token is not valid")
        granted, until = outcome
        vouched.demand(self.request, self.server.parts, granted)
        return authorizations.within(granted, client), until

    def _used(self, token: str, client: Client) -> tuple[Granted, datetime] | Reused | Unknown:
        tx = self.request.tx
        lifetimes = self.server.parts.lifetimes
        if not client.rotates_refresh_tokens:
            idle = timedelta(days=lifetimes.refresh_idle_days)
            return keep(tx, token, client, idle_until=tx.now + idle)
        outcome = use(tx, token, client, self.request.jkt)
        if isinstance(outcome, Reused) and (client.proves_a_key or self.request.jkt):
            grace = timedelta(seconds=lifetimes.refresh_grace_seconds)
            jkt = "" if client.proves_a_key else self.request.jkt
            again = use_again(tx, token, client, jkt, grace)
            # A repeated request is the same request: one that asks for more is somebody else's.
            return again if again and self._asks_within(again[0].scope) else outcome
        return outcome

    def _scope_is_wider(self, token: str) -> bool:
        asked = self.request.form.get("scope", "")
        held = look_at(self.request.tx, token) if asked else None
        return held is not None and not self._asks_within(held.scope)

    def _asks_within(self, granted: str) -> bool:
        held = self._mint.client.scopes.intersection(granted.split())
        return held.issuperset(self.request.form.get("scope", "").split())

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Mint the next tokens of the family; the ID token says when the person signed in."""
        granted, made = self._granted, self._mint
        scope = self.request.form.get("scope") or granted.scope
        resource = self.request.form.get("resource", "")
        document = made.document(granted, scope=scope, resource=resource)
        document["refresh_token"] = self._next_token()
        bought = TokenIssued(
            subject=granted.subject,
            client_id=granted.client_id,
            grant_type=GrantType.REFRESH_TOKEN,
            scope=scope,
            family=str(granted.family_id),
        )
        self.server.parts.trail.append(self.request.tx, bought)
        return 200, document, []

    def _next_token(self) -> str:
        made = self._mint
        if not made.client.rotates_refresh_tokens:
            return str(self.request.form["refresh_token"])
        return issue(
            self.request.tx,
            self.server.parts,
            self._granted,
            until=self._until,
            jkt=made.jkt if made.client.is_public else "",
        )


_ADD = Prepared(insert(RefreshToken))
_OF_A_USABLE_FAMILY = (
    select(Authorization.id).where(Authorization.id == RefreshToken.family_id, *USABLE).exists()
)
_OF_A_SERVED_ACCOUNT = (
    select(AccountRow.id)
    .where(AccountRow.id == RefreshToken.account_id, IS_SERVED)
    .correlate(RefreshToken)
    .exists()
)
_PRESENTED = (
    RefreshToken.token_hash == bindparam("presented_hash"),
    RefreshToken.client_id == bindparam("presenting_client"),
)
_NOT_OVER = (
    RefreshToken.consumed_at.is_(None),
    RefreshToken.idle_expires_at > bindparam("instant"),
    _OF_A_USABLE_FAMILY,
)
_BOUGHT = (
    RefreshToken.family_id,
    RefreshToken.client_id,
    RefreshToken.account_id,
    RefreshToken.session_id,
    RefreshToken.subject,
    RefreshToken.scope,
    RefreshToken.acr,
    RefreshToken.amr,
    RefreshToken.auth_time,
    RefreshToken.details,
    RefreshToken.expires_at,
    vouching.key_of(RefreshToken.account_id),
)
_CLAIM = Prepared(
    update(RefreshToken)
    .where(
        *_PRESENTED,
        *_NOT_OVER,
        _OF_A_SERVED_ACCOUNT,
        func.coalesce(RefreshToken.dpop_jkt, bindparam("jkt", type_=Text()))
        == bindparam("jkt", type_=Text()),
    )
    .values(consumed_at=bindparam("instant"))
    .returning(*_BOUGHT)
)
_AGAIN = Prepared(
    select(*_BOUGHT).where(
        *_PRESENTED,
        RefreshToken.consumed_at > bindparam("since"),
        RefreshToken.expires_at > bindparam("instant"),
        func.coalesce(RefreshToken.dpop_jkt, "") == bindparam("jkt", type_=Text()),
        _OF_A_USABLE_FAMILY,
        _OF_A_SERVED_ACCOUNT,
    )
)
_IDLE_UNTIL = bindparam("idle_until", type_=RefreshToken.idle_expires_at.type)
_KEEP = Prepared(
    update(RefreshToken)
    .where(*_PRESENTED, *_NOT_OVER, _OF_A_SERVED_ACCOUNT)
    .values(
        idle_expires_at=case(
            (RefreshToken.expires_at < _IDLE_UNTIL, RefreshToken.expires_at), else_=_IDLE_UNTIL
        )
    )
    .returning(*_BOUGHT)
)
_CONSUMED = Prepared(
    select(RefreshToken.family_id, RefreshToken.subject).where(
        *_PRESENTED, RefreshToken.consumed_at.is_not(None)
    )
)
_FAMILY = select(RefreshToken.family_id).where(*_PRESENTED)
_OF_AN_ENABLED_CLIENT = (
    select(ClientRow.client_id)
    .where(ClientRow.client_id == RefreshToken.client_id, ClientRow.disabled_at.is_(None))
    .exists()
)
_STILL_GOOD = Prepared(
    select(RefreshToken).where(
        RefreshToken.token_hash == bindparam("presented_hash"), *_NOT_OVER, _OF_AN_ENABLED_CLIENT
    )
)
_BROOM = Broom(RefreshToken, RefreshToken.idle_expires_at)
