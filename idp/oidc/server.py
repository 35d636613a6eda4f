"""Authlib's authorization server on our storage, our client authentication, our order.

Only the framework-free half of Authlib is used: what it calls a response is our
:class:`Reply`, and the open transaction rides on the request object, so that every hook
of a grant reaches it without a global.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from authlib.oauth2.rfc6749 import AuthorizationServer as AuthlibServer
from authlib.oauth2.rfc6749 import OAuth2Request, UnsupportedGrantTypeError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from idp.accounts import offices
from idp.accounts.store import Accounts
from idp.audit.store import Trail
from idp.authenticators.directory.courts import Courts
from idp.clock import seconds
from idp.config import TokensSection
from idp.database.transaction import Transaction
from idp.keys.store import SigningKeys
from idp.oidc import authorizations, claims, client_certificates, dpop, jwe, narrowing, tokens
from idp.oidc.authorizations import Granted
from idp.oidc.client_authentication import ClientAuthentication
from idp.oidc.client_documents import ClientDocuments
from idp.oidc.clients import Clients
from idp.oidc.errors import InvalidGrant, InvalidRequest, OAuthError, UnsupportedGrantType
from idp.oidc.exchange import Exchange, Reply, json_reply
from idp.oidc.model import Client
from idp.oidc.subjects import Subjects
from idp.oidc.verified_claims import VerifiedClaims
from idp.oidc.vocabulary import Scope, TokenType
from idp.oidc.vouching import Voucher, Vouching
from idp.secret import Entropy


@dataclass(frozen=True, slots=True)
class Parts:
    """What the protocol stands on; made once in ``idp.assembly``."""

    issuer: str
    lifetimes: TokensSection
    keys: SigningKeys
    clients: Clients
    accounts: Accounts
    subjects: Subjects
    authentication: ClientAuthentication
    documents: ClientDocuments
    proofs: dpop.Proofs
    trail: Trail
    verified: VerifiedClaims
    vouching: Vouching
    courts: Courts
    entropy: Entropy


class OAuthRequest(OAuth2Request):  # type: ignore[misc]
    """A request on its way through Authlib, with the transaction it belongs to."""

    def __init__(self, exchange: Exchange, tx: Transaction, parameters: Mapping[str, str]) -> None:
        # Authlib's own beginning takes the URI apart to refuse plain http, at every request; ours
        # is behind TLS or on loopback, and idp.config sees to that.
        self.method = exchange.method
        self.headers = exchange.headers
        self.client: Client | None = None
        self.tx = tx
        self.jkt = ""
        """The thumbprint of the key that proved itself with this request (RFC 9449)."""
        self.voucher: Voucher | None = None
        """What a directory has said, once it was asked."""
        self.payload = BasicOAuth2Payload(dict(parameters))
        self._form = parameters

    @property
    def form(self) -> Mapping[str, str]:
        """The decoded form; each parameter is known to come once."""
        return self._form


class AuthorizationServer(AuthlibServer):  # type: ignore[misc]
    """The token endpoint's dispatcher. Grants are registered by ``idp.assembly``."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.parts = parts

    def token_reply(
        self, tx: Transaction, exchange: Exchange, voucher: Voucher | None = None
    ) -> Reply:
        """Answer ``POST /token`` inside the caller's transaction.

        An error is a reply, not an exception: what it has to leave on record (a revoked
        family, a refused client) is committed with it.

        Raises:
            Asks: a directory has to be asked first, with no transaction open.
        """
        try:
            grant = self._grant_for(tx, exchange, voucher)
            grant.validate_token_request()
            return self.handle_response(*grant.create_token_response())
        except OAuthError as error:
            return error_reply(error)

    def _grant_for(self, tx: Transaction, exchange: Exchange, voucher: Voucher | None) -> Any:
        if "client_secret" in exchange.query or "client_assertion" in exchange.query:
            raise InvalidRequest("credentials in the URL")  # RFC 6749 section 2.3.1
        request = OAuthRequest(exchange, tx, exchange.form())
        request.jkt = self.parts.proofs.thumbprint(tx, exchange) or ""
        request.voucher = voucher
        if not request.payload.grant_type:
            raise InvalidRequest("grant_type is required")
        try:
            return self.get_token_grant(request)
        except UnsupportedGrantTypeError:
            raise UnsupportedGrantType("grant_type is not supported") from None

    def authenticate_client(
        self, request: OAuthRequest, methods: list[str], endpoint: str = "token"
    ) -> Client:
        """Authenticate by our own rules; ``methods`` of Authlib's grants is not consulted."""
        return self.parts.authentication.authenticate(request.tx, request.headers, request.form)

    def handle_response(self, status: int, body: Any, headers: Any) -> Reply:
        """Give Authlib's triple the form that our doors send."""
        return json_reply(status, body)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Send none: signals are no control flow here."""


def _thumbprint(headers: Mapping[str, str]) -> str:
    try:
        certificate = client_certificates.presented(headers)
    except client_certificates.BadCertificate:
        certificate = None
    if certificate is None:
        raise InvalidGrant("the client shows its certificate with every request")
    return client_certificates.thumbprint(certificate)


def error_reply(error: OAuthError) -> Reply:
    """Write an error for a machine (RFC 6749 section 5.2): JSON, ASCII, never an echo."""
    document = {"error": error.error}
    if error.detail:
        document["error_description"] = error.detail
    challenge = (("WWW-Authenticate", 'Basic realm="portico"'),) if error.status_code == 401 else ()
    return json_reply(error.status_code, document, *challenge, *error.headers)


_EXCHANGED = ("auth_time", "acr", "amr", "authorization_details")


@dataclass(frozen=True, slots=True)
class Mint:
    """Makes the tokens of one grant, at one instant."""

    parts: Parts
    tx: Transaction
    client: Client
    jkt: str = ""
    """The key that access tokens are bound to (RFC 9449); empty: none."""
    x5t: str = ""
    """The certificate that access tokens are bound to (RFC 8705 section 3); empty: none."""

    @classmethod
    def at(cls, parts: Parts, request: OAuthRequest, client: Client) -> Self:
        """Set up for a request at the token endpoint, before anything of it is claimed.

        Raises:
            InvalidDpopProof, InvalidGrant: the client registered for bound tokens, and proved
                nothing to bind them to.
        """
        if client.registration.dpop_bound_access_tokens and not request.jkt:
            raise dpop.InvalidDpopProof("the client proves its key with every request")
        x5t = ""
        if client.registration.tls_client_certificate_bound_access_tokens:
            x5t = _thumbprint(request.headers)
        return cls(parts, request.tx, client, request.jkt, x5t)

    @property
    def token_type(self) -> str:
        """``token_type`` of the response (RFC 9449 section 5)."""
        return "DPoP" if self.jkt else "Bearer"

    def document(self, granted: Granted, *, scope: str = "", resource: str = "") -> dict[str, Any]:
        """Write what every grant of a person answers with (RFC 6749 section 5.1, OIDC 3.1.3.3).

        Args:
            scope: less than was granted, where less was asked for.
            resource: as sent with the request (RFC 8707).
        """
        scope = scope or granted.scope
        access_token = self.access_token(granted, scope, resource)
        found: dict[str, Any] = {
            "access_token": access_token,
            "token_type": self.token_type,
            "expires_in": int(self.access_token_lifetime.total_seconds()),
            "scope": scope,
            **authorizations.told(granted),
        }
        if Scope.OPENID in granted.scope.split():
            found["id_token"] = self.id_token(granted, access_token)
        return found

    def access_token(self, granted: Granted, scope: str, resource: str = "") -> str:
        """Sign an access token that names its family (RFC 9068).

        Raises:
            InvalidTarget: ``resource``, as sent with the request, was not granted.
        """
        narrowed = narrowing.read(granted.details)
        authentication: dict[str, Any] = {
            "auth_time": seconds(granted.auth_time),
            "acr": granted.acr,
            "amr": granted.amr,
        }
        if narrowed.authorization_details:
            authentication["authorization_details"] = narrowed.authorization_details
        return self._sign_access_token(
            subject=granted.subject,
            scope=scope,
            jti=tokens.new_jti(granted.family_id, self.parts.entropy),
            more=authentication,
            audience=narrowing.audience(narrowed, resource, self.parts.issuer),
        )

    def exchanged_token(
        self,
        handed: tokens.AccessToken,
        *,
        subject: str,
        scope: str,
        audience: str | list[str],
        act: Mapping[str, Any],
        lifetime: timedelta,
    ) -> str:
        """Sign an access token in exchange for another, of the same family (RFC 8693).

        It names all that it descends from: to revoke one of them ends it.
        """
        jti = tokens.new_jti(handed.family_id, self.parts.entropy)
        kept = {name: handed.claims[name] for name in _EXCHANGED if name in handed.claims}
        more = {**kept, "act": act, tokens.BOUGHT_WITH: handed.line}
        return self._sign_access_token(
            subject=subject, scope=scope, jti=jti, more=more, audience=audience, lifetime=lifetime
        )

    def machine_token(self, scope: str, resource: str = "") -> str:
        """Sign an access token for the client itself: ``sub`` is the client (RFC 9068, 2.2).

        Raises:
            InvalidTarget: the client did not register ``resource``.
        """
        jti = tokens.new_jti(None, self.parts.entropy)
        narrowed = narrowing.asked(self.client, resource, "")
        audience = narrowing.audience(narrowed, resource, self.parts.issuer)
        return self._sign_access_token(
            subject=self.client.client_id, scope=scope, jti=jti, more={}, audience=audience
        )

    def _sign_access_token(
        self,
        *,
        subject: str,
        scope: str,
        jti: str,
        more: Mapping[str, Any],
        audience: str | list[str],
        lifetime: timedelta | None = None,
    ) -> str:
        body = tokens.access_token_claims(
            issuer=self.parts.issuer,
            audience=audience,
            subject=subject,
            client_id=self.client.client_id,
            scope=scope,
            jti=jti,
            now=self.tx.now,
            lifetime=lifetime or self.access_token_lifetime,
            authentication=more,
        )
        if self.jkt or self.x5t:
            bound = {"jkt": self.jkt, "x5t#S256": self.x5t}
            body["cnf"] = {name: value for name, value in bound.items() if value}
        return self._sign(tokens.ACCESS_TOKEN_ALG, TokenType.ACCESS_TOKEN, body)

    def id_token(
        self, granted: Granted, access_token: str = "", code: str = "", *, whole: bool = False
    ) -> str:
        """Sign an ID token (OIDC Core section 2). ``nonce`` is there only if one was sent.

        Args:
            access_token: issued beside it, for ``at_hash``.
            code: issued beside it, for ``c_hash`` (section 3.3.2.11).
            whole: no access token will ever be: what the scopes ask for goes in here (5.4).
        """
        lifetime = timedelta(minutes=self.parts.lifetimes.id_token_minutes)
        body: dict[str, Any] = {
            "iss": self.parts.issuer,
            "aud": self.client.client_id,
            "sub": granted.subject,
            "iat": seconds(self.tx.now),
            "exp": seconds(self.tx.now + lifetime),
            "auth_time": seconds(granted.auth_time),
            "acr": granted.acr,
            "amr": granted.amr,
        }
        if access_token:
            body["at_hash"] = tokens.left_half(access_token)
        if code:
            body["c_hash"] = tokens.left_half(code)
        if granted.session_id is not None:
            body["sid"] = str(granted.session_id)
        if granted.nonce is not None:
            body["nonce"] = granted.nonce
        if whole or claims.wants_account(granted.claims):
            body |= self._asked_for(granted, frozenset(granted.scope.split() if whole else ()))
        alg = self.client.registration.id_token_signed_response_alg
        return jwe.sealed(self.client, "id_token", self._sign(alg, TokenType.ID_TOKEN, body))

    def _asked_for(self, granted: Granted, scopes: frozenset[str]) -> dict[str, Any]:
        account = self.parts.accounts.find(self.tx, granted.account_id)
        if account is None:
            return {}
        found = claims.of_id_token(
            account,
            granted.claims,
            scopes,
            lambda: claims.of_office(offices.of(self.tx, account.id), self.parts.courts),
        )
        if claims.wants_verified(granted.claims, "id_token", scopes):
            groups = self.parts.verified.of(self.tx, account)
            found |= claims.verified(
                groups,
                granted.claims,
                "id_token",
                self.client.scopes,
                by_scopes=scopes & self.client.scopes,
                now=self.tx.now,
            )
        return found

    def _sign(self, alg: str, typ: TokenType, body: Mapping[str, Any]) -> str:
        return tokens.sign(self.parts.keys.current(self.tx), alg, typ, body)

    @property
    def access_token_lifetime(self) -> timedelta:
        """How long an access token is good for."""
        return timedelta(minutes=self.parts.lifetimes.access_token_minutes)

    @property
    def refresh_absolute(self) -> datetime:
        """When a family begun now is over, however often it is refreshed."""
        return self.tx.now + timedelta(days=self.parts.lifetimes.refresh_absolute_days)
