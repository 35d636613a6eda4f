"""The userinfo endpoint (OIDC Core section 5.3) and bearer tokens (RFC 6750)."""

from typing import Any

from idp.accounts import offices
from idp.database.transaction import Transaction
from idp.oidc import claims, client_certificates, jwe, standing, tokens
from idp.oidc.errors import InvalidRequest, InvalidToken, OAuthError
from idp.oidc.exchange import NO_STORE, Exchange, Reply, json_reply
from idp.oidc.model import Client
from idp.oidc.server import Parts
from idp.oidc.vocabulary import Scope, TokenType


class InsufficientScope(InvalidToken):
    """The token is good, but not for this (RFC 6750 section 3.1)."""

    error = "insufficient_scope"
    status_code = 403


class NoToken(InvalidToken):
    """No token was sent: the challenge then carries no error (RFC 6750 section 3.1)."""


def reply(tx: Transaction, parts: Parts, exchange: Exchange, *, proven: str = "") -> Reply:
    """Answer with JSON, or with a JWT for the client that registered for one (section 5.3.2).

    Takes and raises what :func:`answer` does.
    """
    client, found = answer(tx, parts, exchange, proven=proven)
    if not client.registration.userinfo_signed_response_alg:
        return json_reply(200, found)
    claims_of_it = {**found, "iss": parts.issuer, "aud": client.client_id}
    alg = client.alg_of("userinfo")
    signed = tokens.sign(parts.keys.current(tx), alg, TokenType.USERINFO, claims_of_it)
    body = jwe.sealed(client, "userinfo", signed).encode()
    return Reply(200, body, (("Content-Type", "application/jwt"), *NO_STORE))


def answer(
    tx: Transaction, parts: Parts, exchange: Exchange, *, proven: str = ""
) -> tuple[Client, dict[str, Any]]:
    """Say who the token's holder is, as far as its scopes and the ``claims`` parameter reach.

    What was asked for claim by claim goes with the whole grant: a token that was narrowed or
    exchanged says no more than its scopes do. One round trip.

    Args:
        proven: the thumbprint of the key that proved itself with the request (RFC 9449).

    Raises:
        InvalidToken: no token, or one that is not good any more.
        InsufficientScope: it was not granted ``openid``.
        InvalidRequest: it was sent in two ways at once.
    """
    presented = dpop_token(exchange) or bearer_token(exchange)
    try:
        token = tokens.verify_access_token(
            parts.keys.current(tx), presented, issuer=parts.issuer, now=tx.now
        )
    except tokens.BadToken:
        raise InvalidToken("the access token is not valid") from None
    if not token.is_for(parts.issuer):
        raise InvalidToken("the access token is for another resource")
    if token.jkt != (proven or ""):
        raise InvalidToken("the access token is bound to another key, or to one and none was shown")
    if token.x5t and not client_certificates.shows(exchange.headers, token.x5t):
        raise InvalidToken("the access token is bound to a certificate that was not shown")
    scopes = frozenset(token.scope.split())
    if token.family_id is None or Scope.OPENID not in scopes:
        raise InsufficientScope("the access token was not granted the scope openid")
    held = standing.holder(tx, parts.accounts, token)
    if held is None:
        raise InvalidToken("the access token was revoked")
    client = parts.clients.find(tx, token.client_id)
    if client is None:
        raise InvalidToken("the access token's client is gone")
    asked = held.claims if held.is_whole(token) else None
    found = claims.of_userinfo(
        held.account,
        scopes,
        claims.single(asked, client.scopes),
        lambda: claims.of_office(offices.of(tx, held.account.id), parts.courts),
    )
    if claims.wants_verified(asked, "userinfo", scopes):
        groups = parts.verified.of(tx, held.account)
        found |= claims.verified(
            groups, asked, "userinfo", client.scopes, by_scopes=scopes & client.scopes, now=tx.now
        )
    return client, {"sub": token.subject, **found}


def bearer_token(exchange: Exchange) -> str:
    """Find the token, in the header or the form body; a URL is no place for it (RFC 6750, 2.3).

    Raises:
        NoToken: there is none.
        InvalidRequest: it is in the URL, or in two places at once.
    """
    if "access_token" in exchange.query:
        raise InvalidRequest("an access token in the URL is not accepted")
    in_header = token_in_header(exchange)
    found = [in_header] if in_header else []
    if exchange.method == "POST" and exchange.body:
        found += [one for one in [exchange.form().get("access_token", "")] if one]
    if len(found) > 1:
        raise InvalidRequest("the access token was sent in two ways")
    if not found:
        raise NoToken
    return found[0]


def dpop_token(exchange: Exchange) -> str:
    """Find a token sent with the scheme ``DPoP`` (RFC 9449 section 7.1), or give ``""``."""
    scheme, _, token = exchange.header("authorization").partition(" ")
    return token.strip() if scheme.lower() == "dpop" else ""


def token_in_header(exchange: Exchange) -> str:
    """Find the token in the ``Authorization`` header (RFC 6750 section 2.1), or give ``""``."""
    scheme, _, token = exchange.header("authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def challenge_reply(error: OAuthError, scheme: str = "Bearer", *, resource: str = "") -> Reply:
    """Write an error as RFC 6750 section 3 wants it: in ``WWW-Authenticate``, and as JSON.

    Args:
        resource: whose metadata says where tokens are to be had (RFC 9728 section 5.1).
    """
    parts = f'{scheme} realm="portico"'
    if resource:
        parts += f', resource_metadata="{resource}/.well-known/oauth-protected-resource"'
    if isinstance(error, NoToken):
        return json_reply(401, {}, ("WWW-Authenticate", parts))
    parts += f', error="{error.error}"'
    document = {"error": error.error}
    if error.detail:
        parts += f', error_description="{error.detail}"'
        document["error_description"] = error.detail
    return json_reply(error.status_code, document, ("WWW-Authenticate", parts), *error.headers)
