"""Pushed authorization requests (RFC 9126): the request goes ahead of the browser.

The client is known and the request checked before anybody is sent anywhere, and what the
browser carries is only a reference: nothing in it can be changed on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import String, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.oidc import checks, dpop, request_objects
from idp.oidc.checks import At, AuthorizationRequest
from idp.oidc.errors import InvalidRequest, OAuthError
from idp.oidc.exchange import Exchange, Reply, json_reply
from idp.oidc.model import Client
from idp.oidc.request_objects import InvalidRequestUri
from idp.oidc.server import Parts, error_reply
from idp.secret import digest, mint, well_formed

URN = "urn:ietf:params:oauth:request_uri:"
PREFIX = "par"
LIFETIME = timedelta(seconds=60)
_KEPT = timedelta(days=1)


class PushedRequest(Table):
    """A request waiting for its browser, by the SHA-256 of its reference."""

    __tablename__ = "pushed_requests"

    reference_hash: Mapped[bytes] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(128))
    parameters: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A request as it is to be carried out."""

    request: AuthorizationRequest
    reference_hash: bytes | None = None
    """What to claim when it is; ``None``: it came with the browser."""
    signed: bool = False
    """Whether the client signed it (RFC 9101)."""


def reply(tx: Transaction, parts: Parts, exchange: Exchange) -> Reply:
    """Answer ``POST /par``: check everything that can be checked without a person."""
    try:
        form = exchange.form()
        client = parts.authentication.authenticate(tx, exchange.headers, form)
        if "request_uri" in form:
            raise InvalidRequest("request_uri cannot be pushed")  # section 2.1
        request = _unpacked(tx, parts, client, form | {"client_id": client.client_id})
        checks.check(request, client, At.PAR)
        request = _bound(request, parts.proofs.thumbprint(tx, exchange))
    except OAuthError as error:
        return error_reply(error)
    reference = mint(PREFIX, parts.entropy)
    tx.put(
        _PUSH,
        {
            "reference_hash": digest(reference),
            "client_id": client.client_id,
            "parameters": msgspec.to_builtins(request),
            "expires_at": tx.now + LIFETIME,
        },
    )
    expires_in = int(LIFETIME.total_seconds())
    return json_reply(201, {"request_uri": URN + reference, "expires_in": expires_in})


def _unpacked(
    tx: Transaction, parts: Parts, client: Client, form: Mapping[str, str]
) -> AuthorizationRequest:
    """Read the request, out of its object where there is one (RFC 9126 section 3)."""
    request = checks.request_of(form)
    if request.request:
        keys = parts.keys.current(tx)
        return request_objects.unpack(parts, keys, client, request, request.request, now=tx.now)
    if client.registration.require_signed_request_object:
        raise InvalidRequest("the client signs its requests (RFC 9101)")
    return request


def _bound(request: AuthorizationRequest, jkt: str | None) -> AuthorizationRequest:
    """Bind the code to the key that proved itself with the push (RFC 9449 section 10.1)."""
    if jkt is None:
        return request
    if request.dpop_jkt not in {"", jkt}:
        raise dpop.InvalidDpopProof("dpop_jkt is not the key of the proof")
    return msgspec.structs.replace(request, dpop_jkt=jkt)


def resolve(tx: Transaction, request: AuthorizationRequest) -> Resolved:
    """Take the place of a pushed request's reference; a request without one is itself.

    Everything else that the browser brought is ignored (section 4): only what was pushed counts.

    Raises:
        InvalidRequestUri: unknown, another client's, used or too old.
    """
    if not request.request_uri.startswith(URN):
        return Resolved(request)
    reference = request.request_uri.removeprefix(URN)
    if not well_formed(PREFIX, reference):
        raise InvalidRequestUri("request_uri is not one of ours", redirect=False)
    reference_hash = digest(reference)
    wanted = {"reference_hash": reference_hash, "app": request.client_id, "instant": tx.now}
    found = tx.ask(_WAITING, wanted)
    if found is None:
        message = "request_uri is unknown, was used, or its time is over"
        raise InvalidRequestUri(message, redirect=False)
    pushed = msgspec.convert(found.parameters, AuthorizationRequest)
    return Resolved(pushed, reference_hash)


def claim(tx: Transaction, resolved: Resolved) -> bool:
    """Use a reference up; ``True`` for the one caller that did, and where there was none.

    That is when the request is answered, not when it is first seen: a person who goes back
    and reloads on the way is not lost. Its time only limits when the way may begin.
    """
    if resolved.reference_hash is None:
        return True
    which = {"reference_hash": resolved.reference_hash, "instant": tx.now}
    return tx.ask(_CLAIM, which) is not None


def sweep(tx: Transaction) -> int:
    """Forget requests whose time is long over: no journey that began with one is still open."""
    return _BROOM.sweep(tx, tx.now - _KEPT)


_PUSH = Prepared(insert(PushedRequest))
_OPEN = (
    PushedRequest.reference_hash == bindparam("reference_hash"),
    PushedRequest.consumed_at.is_(None),
)
_WAITING = Prepared(
    select(PushedRequest.parameters).where(
        *_OPEN,
        PushedRequest.client_id == bindparam("app"),
        PushedRequest.expires_at > bindparam("instant"),
    )
)
_CLAIM = Prepared(
    update(PushedRequest)
    .where(*_OPEN)
    .values(consumed_at=bindparam("instant"))
    .returning(PushedRequest.client_id)
)
_BROOM = Broom(PushedRequest, PushedRequest.expires_at)
