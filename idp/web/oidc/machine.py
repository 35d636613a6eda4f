"""The endpoints that no person sees: one function each, from an exchange to a reply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from idp.oidc import introspection, pushed_requests, revocation, userinfo
from idp.oidc.clients import everyone, scopes_offered
from idp.oidc.discovery import metadata
from idp.oidc.dpop import InvalidDpopProof, TokenNotProven, UseDpopNonce
from idp.oidc.errors import InvalidRequest, InvalidToken
from idp.oidc.exchange import Exchange, Reply, json_reply
from idp.oidc.userinfo import challenge_reply
from idp.provider import Provider
from idp.web.oidc import ahead

Handler = Callable[[Provider, Exchange], Reply]

_PUBLIC = (("Access-Control-Allow-Origin", "*"), ("X-Content-Type-Options", "nosniff"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a handler answers, and to which methods."""

    path: str
    methods: tuple[str, ...]
    handle: Handler = field(repr=False)


def answer_token(portico: Provider, exchange: Exchange) -> Reply:
    """``POST /token``: one write transaction, whatever comes of it."""
    ahead.of_client(portico, exchange)
    with portico.database.write(exchange.origin) as tx:
        return portico.oidc.token_reply(tx, exchange)


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
        return challenge_reply(error, "DPoP" if bound else "Bearer")


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
    """The metadata document: made at the first request, the same bytes afterwards."""

    def __init__(self) -> None:
        self._reply: Reply | None = None

    def __call__(self, portico: Provider, exchange: Exchange) -> Reply:
        """``GET /.well-known/openid-configuration`` and RFC 8414's address for the same."""
        if self._reply is None:
            with portico.database.read() as tx:
                known = [client for _, client in everyone(tx) if not client.disabled]
            scopes = scopes_offered(known)
            types = {
                one for client in known for one in client.registration.authorization_details_types
            }
            document = metadata(
                portico.oidc.parts.issuer,
                portico.config.keys.algorithms,
                scopes,
                registers=portico.config.registration.mode != "off",
                mtls=portico.config.mtls,
                details_types=sorted(types),
            )
            found = json_reply(200, document)
            headers = (
                ("Content-Type", "application/json"),
                ("Cache-Control", "public, max-age=300"),
                *_PUBLIC,
            )
            self._reply = Reply(200, found.body, headers)
        return self._reply


def endpoints() -> Mapping[str, Endpoint]:
    """List the endpoints of one application, by path."""
    discovery = Discovery()
    found = (
        Endpoint("/token", ("POST",), answer_token),
        Endpoint("/par", ("POST",), answer_par),
        Endpoint("/register", ("GET", "POST", "PUT", "DELETE"), answer_register),
        Endpoint("/revoke", ("POST",), answer_revoke),
        Endpoint("/introspect", ("POST",), answer_introspect),
        Endpoint("/userinfo", ("GET", "POST"), answer_userinfo),
        Endpoint("/jwks", ("GET",), answer_jwks),
        Endpoint("/.well-known/openid-configuration", ("GET",), discovery),
        Endpoint("/.well-known/oauth-authorization-server", ("GET",), discovery),
    )
    return {endpoint.path: endpoint for endpoint in found}
