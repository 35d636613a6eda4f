"""Token introspection (RFC 7662), for clients that keep a secret.

A client sees its own tokens; one registered as a resource server (``introspects``) sees
everybody's. To all others a token is simply not active: the answer is no oracle.
"""

from typing import Any

from idp.clock import seconds
from idp.database.transaction import Transaction
from idp.oidc import jwe, standing, tokens
from idp.oidc.errors import InvalidClient, InvalidRequest, OAuthError
from idp.oidc.exchange import NO_STORE, Exchange, Reply, json_reply
from idp.oidc.grants import refresh_token
from idp.oidc.model import Client
from idp.oidc.server import Parts, error_reply
from idp.oidc.vocabulary import TokenType
from idp.secret import well_formed

_INACTIVE = {"active": False}
_AS_SIGNED = ("cnf", "acr", "auth_time", "authorization_details", "act")
_JWT = "application/token-introspection+jwt"


def reply(tx: Transaction, parts: Parts, exchange: Exchange) -> Reply:
    """Say what a token is worth at this moment; one round trip."""
    try:
        form = exchange.form()
        client = parts.authentication.authenticate(tx, exchange.headers, form)
        if client.is_public:
            return error_reply(InvalidClient("a public client cannot introspect"))
        if not form.get("token"):
            return error_reply(InvalidRequest("token is required"))
    except OAuthError as error:
        return error_reply(error)
    found = _describe(tx, parts, client, form["token"])
    if _JWT in exchange.header("accept").lower():
        return _signed(tx, parts, client, found)
    return json_reply(200, found)


def _signed(tx: Transaction, parts: Parts, client: Client, found: dict[str, Any]) -> Reply:
    """Answer with a JWT that can be shown to a third party (RFC 9701 section 5)."""
    body = {
        "iss": parts.issuer,
        "aud": client.client_id,
        "iat": seconds(tx.now),
        "token_introspection": found,
    }
    alg, keys = client.alg_of("introspection"), parts.keys.current(tx)
    signed = tokens.sign(keys, alg, TokenType.INTROSPECTION, body)
    answer = jwe.sealed(client, "introspection", signed).encode()
    return Reply(200, answer, (("Content-Type", _JWT), *NO_STORE))


def _describe(tx: Transaction, parts: Parts, client: Client, token: str) -> dict[str, Any]:
    if well_formed(refresh_token.PREFIX, token):
        return _describe_refresh_token(tx, parts, client, token)
    try:
        access = tokens.verify_access_token(
            parts.keys.current(tx), token, issuer=parts.issuer, now=tx.now
        )
    except tokens.BadToken:
        return _INACTIVE
    if not _may_see(client, access.client_id) or not standing.stands(tx, access):
        return _INACTIVE
    more = {name: access.claims[name] for name in _AS_SIGNED if name in access.claims}
    return more | {
        "active": True,
        "iss": parts.issuer,
        "sub": access.subject,
        "aud": access.audience,
        "client_id": access.client_id,
        "scope": access.scope,
        "token_type": "DPoP" if access.jkt else "Bearer",
        "iat": access.issued_at,
        "exp": access.expires_at,
        "jti": access.jti,
    }


def _describe_refresh_token(
    tx: Transaction, parts: Parts, client: Client, token: str
) -> dict[str, Any]:
    held = refresh_token.look_at(tx, token)
    if held is None or not _may_see(client, held.client_id):
        return _INACTIVE
    return {
        "active": True,
        "iss": parts.issuer,
        "sub": held.subject,
        "client_id": held.client_id,
        "scope": held.scope,
        "iat": seconds(held.issued_at),
        "exp": seconds(held.idle_expires_at),
    }


def _may_see(client: Client, issued_to: str) -> bool:
    return client.registration.introspects or client.client_id == issued_to
