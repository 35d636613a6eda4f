"""The endpoints that no person sees: one function each, from an exchange to a reply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp.oidc import (
    acr,
    device_authorization,
    introspection,
    pushed_requests,
    revocation,
    userinfo,
)
from idp.oidc.clients import everyone, scopes_offered
from idp.oidc.discovery import metadata, resource_metadata
from idp.oidc.dpop import InvalidDpopProof, TokenNotProven, UseDpopNonce
from idp.oidc.errors import InvalidRequest, InvalidToken, TemporarilyUnavailable
from idp.oidc.exchange import Exchange, Reply, json_reply
from idp.oidc.model import Client
from idp.oidc.server import error_reply
from idp.oidc.userinfo import challenge_reply
from idp.oidc.vouching import Asks, Word
from idp.provider import Provider
from idp.web.oidc import ahead, asking

Handler = Callable[[Provider, Exchange], Reply]

_PUBLIC = (("Access-Control-Allow-Origin", "*"), ("X-Content-Type-Options", "nosniff"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a handler answers, and to which methods."""

    path: str
    methods: tuple[str, ...]
    handle: Handler = field(repr=False)


def answer_token(portico: Provider, exchange: Exchange) -> Reply:
    """``POST /token``: one write transaction, whatever comes of it.

    Two where a directory has to vouch for the account: of the first nothing is kept.
    """
    ahead.of_client(portico, exchange)
    try:
        with portico.database.write(exchange.origin) as tx:
            return portico.oidc.token_reply(tx, exchange)
    except Asks as asks:
        voucher = asking.ask(portico, asks.key, exchange.origin)
    if voucher.word is Word.NOT_NOW:
        return error_reply(TemporarilyUnavailable("the directory cannot be asked"))
    try:
        with portico.database.write(exchange.origin) as tx:
            return portico.oidc.token_reply(tx, exchange, voucher)
    except Asks:  # it belongs to another entry by now: the next request asks for that one
        return error_reply(TemporarilyUnavailable("the directory has to be asked again"))


def answer_revoke(portico: Provider, exchange: Exchange) -> Reply:
    """``POST /revoke`` (RFC 7009)."""
    ahead.of_client(portico, exchange)
    with portico.database.write(exchange.origin) as tx:
        return revocation.reply(tx, portico.oidc.parts, exchange)


def answer_introspect(portico: Provider, exchange: Exchange) -> Reply:
    """``POST /introspect`` (RFC 7662)."""
    ahead.of_client(portico, exchange)
    # A write transaction only where authenticating may have to write: an assertion's one use,
    # a refusal in the audit log. With a right secret nothing is written.
    with portico.database.write(exchange.origin) as tx:
        return introspection.reply(tx, portico.oidc.parts, exchange)


def answer_par(portico: Provider, exchange: Exchange) -> Reply:
    """``POST /par`` (RFC 9126)."""
    ahead.of_client(portico, exchange)
    with portico.database.write(exchange.origin) as tx:
        return pushed_requests.reply(tx, portico.oidc.parts, exchange)


def answer_device_authorization(portico: Provider, exchange: Exchange) -> Reply:
    """``POST /device_authorization`` (RFC 8628)."""
    ahead.of_client(portico, exchange)
    with portico.database.write(exchange.origin) as tx:
        return device_authorization.reply(tx, portico.oidc.parts, exchange)


def answer_backchannel(portico: Provider, exchange: Exchange) -> Reply:
    """``POST /bc-authorize`` (CIBA Core section 7)."""
    ahead.of_client(portico, exchange)
    with portico.database.write(exchange.origin) as tx:
        return portico.backchannel.reply(tx, exchange)


def answer_link_events(portico: Provider, exchange: Exchange) -> Reply:
    """``POST /links/events``: an app tells that a link is over."""
    ahead.of_client(portico, exchange)
    with portico.database.write(exchange.origin) as tx:
        return portico.linking.reply(tx, exchange)


def answer_register(portico: Provider, exchange: Exchange) -> Reply:
    """``POST /register`` (RFC 7591) and its management (RFC 7592)."""
    try:
        with portico.database.read() as tx:
            portico.registrar.admit(tx, exchange)
        portico.registrar.check_sector(exchange)
        with portico.database.write(exchange.origin) as tx:
            reply = portico.registrar.reply(tx, exchange)
    except InvalidToken as error:
        return challenge_reply(error)
    portico.clients.forget()
    return reply


def answer_userinfo(portico: Provider, exchange: Exchange) -> Reply:
    """``GET`` and ``POST /userinfo`` (OIDC Core section 5.3): one round trip."""
    bound = userinfo.dpop_token(exchange)
    try:
        proven = _proven(portico, exchange, bound) if bound else ""
        with portico.database.read() as tx:
            return userinfo.reply(tx, portico.oidc.parts, exchange, proven=proven)
    except (InvalidToken, InvalidRequest, TokenNotProven, UseDpopNonce) as error:
        scheme = "DPoP" if bound else "Bearer"
        return challenge_reply(error, scheme, resource=portico.oidc.parts.issuer)


def _proven(portico: Provider, exchange: Exchange, token: str) -> str:
    """Verify the proof that comes with a bound token; its one use is noted."""
    proofs = portico.oidc.parts.proofs
    try:
        with portico.database.write(exchange.origin) as tx:
            jkt = proofs.thumbprint(tx, exchange, access_token=token)
    except InvalidDpopProof as wrong:
        raise TokenNotProven(wrong.detail) from None
    except UseDpopNonce as wrong:
        wrong.status_code = 401
        raise
    if jkt is None:
        raise TokenNotProven("a DPoP proof is required")
    return jkt


def answer_jwks(portico: Provider, exchange: Exchange) -> Reply:
    """``GET /jwks`` (RFC 7517); may be kept for five minutes, keys are announced far longer."""
    keys = portico.keys.held(portico.database.clock())
    if keys is None:
        with portico.database.read() as tx:
            keys = portico.keys.current(tx)
    return Reply(
        200,
        keys.document,
        (
            ("Content-Type", "application/json"),
            ("Cache-Control", "public, max-age=300"),
            *_PUBLIC,
        ),
    )


class Discovery:
    """A metadata document: made at the first request, the same bytes afterwards."""

    def __init__(self, write: Callable[[Provider, Sequence[Client]], dict[str, Any]]) -> None:
        self._write = write
        self._reply: Reply | None = None

    def __call__(self, portico: Provider, exchange: Exchange) -> Reply:
        """Answer with the document; what it says changes with the configuration alone."""
        if self._reply is None:
            with portico.database.read() as tx:
                known = [client for _, client in everyone(tx) if not client.disabled]
            body = json_reply(200, self._write(portico, known)).body
            headers = (
                ("Content-Type", "application/json"),
                ("Cache-Control", "public, max-age=300"),
                *_PUBLIC,
            )
            self._reply = Reply(200, body, headers)
        return self._reply


def _provider_metadata(portico: Provider, known: Sequence[Client]) -> dict[str, Any]:
    types = {kind for one in known for kind in one.registration.authorization_details_types}
    return metadata(
        portico.oidc.parts.issuer,
        portico.config.keys.algorithms,
        scopes_offered(known),
        registers=portico.config.registration.mode != "off",
        mtls=portico.config.mtls,
        verifies=portico.config.cards.enabled,
        offices=bool(portico.config.directories),
        acr_values=acr.offered(portico.config),
        details_types=sorted(types),
    )


def _resource_metadata(portico: Provider, known: Sequence[Client]) -> dict[str, Any]:
    mtls = portico.config.mtls.is_on
    return resource_metadata(portico.oidc.parts.issuer, scopes_offered(known), mtls=mtls)


def endpoints() -> Mapping[str, Endpoint]:
    """List the endpoints of one application, by path."""
    discovery, resource = Discovery(_provider_metadata), Discovery(_resource_metadata)
    found = (
        Endpoint("/token", ("POST",), answer_token),
        Endpoint("/par", ("POST",), answer_par),
        Endpoint("/device_authorization", ("POST",), answer_device_authorization),
        Endpoint("/bc-authorize", ("POST",), answer_backchannel),
        Endpoint("/links/events", ("POST",), answer_link_events),
        Endpoint("/register", ("GET", "POST", "PUT", "DELETE"), answer_register),
        Endpoint("/revoke", ("POST",), answer_revoke),
        Endpoint("/introspect", ("POST",), answer_introspect),
        Endpoint("/userinfo", ("GET", "POST"), answer_userinfo),
        Endpoint("/jwks", ("GET",), answer_jwks),
        Endpoint("/.well-known/openid-configuration", ("GET",), discovery),
        Endpoint("/.well-known/oauth-authorization-server", ("GET",), discovery),
        Endpoint("/.well-known/oauth-protected-resource", ("GET",), resource),
    )
    return {endpoint.path: endpoint for endpoint in found}
