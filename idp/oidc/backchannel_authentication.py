"""The backchannel authentication endpoint (CIBA Core 1.0): a service asks a person by itself.

Modes poll and ping. The service has to know whom it asks, and is registered by an operator:
that is why an unknown name may be told as such (section 13), and nobody else can ask.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from idp.accounts.model import Account, canonical_name
from idp.database.transaction import Transaction
from idp.oidc import client_jwts, pending, tokens
from idp.oidc.client_authentication import single_use
from idp.oidc.client_jwts import FAPI_ALGS, Rules
from idp.oidc.errors import InvalidRequest, InvalidScope, OAuthError, UnauthorizedClient
from idp.oidc.exchange import Exchange, Reply, json_reply
from idp.oidc.model import Client
from idp.oidc.pending import Waiting
from idp.oidc.request_objects import InvalidRequestObject
from idp.oidc.server import Parts, error_reply
from idp.oidc.vocabulary import GrantType, Scope
from idp.outbox.store import Outbox
from idp.secret import Seal, digest, mint

PREFIX = "pcb"
_USUAL = timedelta(minutes=5)
_LONGEST = timedelta(minutes=10)
_LONGEST_OBJECT = timedelta(hours=1)
_MESSAGE_LIMIT = 100  # characters: what fits on a small screen and can be compared by eye
_TOKEN_LIMIT = 1024  # characters, section 7.1
_HINTS = ("login_hint", "id_token_hint", "login_hint_token")
_DEMANDED = ("iss", "aud", "exp", "nbf", "iat", "jti")


class UnknownUserId(OAuthError):
    """The hint names nobody (section 13)."""

    error = "unknown_user_id"


class InvalidBindingMessage(OAuthError):
    """The message cannot be shown (section 13)."""

    error = "invalid_binding_message"


class Ping(msgspec.Struct, frozen=True):
    """What the worker needs to tell a service that its request was decided (section 10.2)."""

    uri: str
    token: str
    auth_req_id: str
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class BackchannelAuthentication:
    """Takes requests, and tells of decisions."""

    parts: Parts
    seal: Seal
    outbox: Outbox

    def reply(self, tx: Transaction, exchange: Exchange) -> Reply:
        """Answer ``POST /bc-authorize``."""
        try:
            form = exchange.form()
            client = self.parts.authentication.authenticate(tx, exchange.headers, form)
            if client.is_public or not client.may_use(GrantType.CIBA):
                raise UnauthorizedClient("the client is not registered for this grant")
            asked = self._request(tx, client, form)
            return self._put(tx, client, asked)
        except OAuthError as error:
            return error_reply(error)

    def _put(self, tx: Transaction, client: Client, asked: Mapping[str, str]) -> Reply:
        scopes = frozenset(asked.get("scope", "").split()) & client.scopes
        if Scope.OPENID not in scopes:
            raise InvalidScope("scope has to hold openid")
        lifetime = _lifetime(asked.get("requested_expiry", ""))
        message = _message(asked.get("binding_message", ""))
        handle = mint(PREFIX, self.parts.entropy)
        row = {
            "handle_hash": digest(handle),
            "client_id": client.client_id,
            "account_id": self._account(tx, client, asked).id,
            "scope": " ".join(sorted(scopes)),
            "binding_message": message,
            "notify": self._notify(client, asked, handle),
            "created_at": tx.now,
            "expires_at": tx.now + lifetime,
        }
        pending.put(tx, row)
        expires_in = int(lifetime.total_seconds())
        document = {"auth_req_id": handle, "expires_in": expires_in}
        return json_reply(200, document | {"interval": pending.POLL_SECONDS})

    def _request(
        self, tx: Transaction, client: Client, form: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Read the request, out of its signed object where there is one (section 7.1.1)."""
        if "request" not in form:
            if client.registration.backchannel_authentication_request_signing_alg:
                raise InvalidRequest("the client signs its requests")
            return form
        try:
            claims = client_jwts.verify_request_object(
                self.parts.documents.keys(client.registration),
                form["request"],
                client_id=client.client_id,
                rules=self._rules(client),
                now=tx.now,
            )
        except tokens.BadToken as bad:
            raise InvalidRequestObject(f"the request object: {bad}") from None
        missing = [name for name in _DEMANDED if name not in claims]
        until = tx.now + _LONGEST_OBJECT
        if missing or not single_use(tx, client.client_id, str(claims["jti"]), until):
            raise InvalidRequestObject(f"the request object: {(missing or ['jti'])[0]}")
        return {name: str(value) for name, value in claims.items() if name not in _DEMANDED}

    def _rules(self, client: Client) -> Rules:
        """Hold a request object to FAPI-CIBA section 5.2.2, whatever the client's profile is."""
        registered = client.registration.backchannel_authentication_request_signing_alg
        algs = tuple(one for one in FAPI_ALGS if registered in {"", one})
        return Rules(algs, frozenset({self.parts.issuer}), strict=True)

    def _account(self, tx: Transaction, client: Client, asked: Mapping[str, str]) -> Account:
        given = [name for name in _HINTS if asked.get(name)]
        if len(given) != 1 or given == ["login_hint_token"]:
            raise InvalidRequest("exactly one of login_hint and id_token_hint is required")
        if given == ["login_hint"]:
            account = self.parts.accounts.named(tx, canonical_name(asked["login_hint"])[:64])
        else:
            account = self._hinted(tx, client, asked["id_token_hint"])
        if account is None or not client.may_serve(account.kind):
            raise UnknownUserId("the hint names nobody whom this client may ask")
        return account

    def _hinted(self, tx: Transaction, client: Client, hint: str) -> Account | None:
        try:
            found = tokens.verify_id_token_hint(
                self.parts.keys.current(tx), hint, issuer=self.parts.issuer
            )
        except tokens.BadToken:
            raise InvalidRequest("id_token_hint is not a token of ours") from None
        if found.client_id != client.client_id:
            raise InvalidRequest("id_token_hint is another client's")
        if client.registration.subject_type == "pairwise":
            raise InvalidRequest("id_token_hint is not offered to clients with pairwise subjects")
        return self.parts.accounts.known_as(tx, found.subject)

    def _notify(
        self, client: Client, asked: Mapping[str, str], handle: str
    ) -> dict[str, Any] | None:
        if client.registration.backchannel_token_delivery_mode != "ping":
            return None
        token = asked.get("client_notification_token", "")
        if not 0 < len(token) <= _TOKEN_LIMIT or not token.isascii() or " " in token:
            raise InvalidRequest("client_notification_token is required, 1024 characters at most")
        uri = client.registration.backchannel_client_notification_endpoint
        ping = msgspec.json.encode(Ping(uri, token, handle, client.client_id))
        return {"sealed": self.seal.close(ping, place=_place(digest(handle))).hex()}

    def decided(self, tx: Transaction, waiting: Waiting) -> None:
        """Tell the service that somebody has decided, if it wants to hear of it."""
        notify = pending.notify_of(tx, waiting.handle_hash)
        if notify is None:
            return
        sealed = bytes.fromhex(notify["sealed"])
        ping = self.seal.open(sealed, place=_place(waiting.handle_hash))
        self.outbox.put(tx, "ciba_ping", ping, dedupe_key=f"ciba/{waiting.reference}")


def _place(handle_hash: bytes) -> str:
    return f"pending_requests/{handle_hash.hex()}"


def _lifetime(requested_expiry: str) -> timedelta:
    """Read ``requested_expiry``: seconds, as a number or as text (section 7.1)."""
    if not requested_expiry:
        return _USUAL
    if not requested_expiry.isdecimal() or not int(requested_expiry[:9]) > 0:
        raise InvalidRequest("requested_expiry is not a number of seconds")
    return min(timedelta(seconds=int(requested_expiry[:9])), _LONGEST)


def _message(binding_message: str) -> str:
    if len(binding_message) > _MESSAGE_LIMIT or not binding_message.isprintable():
        raise InvalidBindingMessage("binding_message is longer than 100 characters or not plain")
    return binding_message
