"""The provider, as far as this app believes it: metadata, keys and verified tokens.

Authlib's client takes the issuer and the allowed algorithms from whatever the metadata
says and does not look at the callback's ``iss``; all three are pinned here instead.
"""

import base64
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import httpx2
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from clients.kit import client_key
from clients.kit.client_key import ClientKey
from clients.kit.clock import Clock, system_clock
from clients.kit.config import ProviderSection

ALGORITHMS = ("RS256", "ES256")
SKEW_SECONDS = 10
_LINK_SECONDS = 60 + SKEW_SECONDS  # however long an ``exp`` it has, a request is of this minute
_TIMEOUT = httpx2.Timeout(5.0)
_FRESH_SECONDS = 300.0
_COOLDOWN_SECONDS = 10.0
_BASIC = "client_secret_basic"
_CLOSED: dict[str, Any] = {"timeout": _TIMEOUT, "follow_redirects": False}


class ProviderUnreachable(Exception):
    """The provider does not answer, or not as one."""


class Untrusted(Exception):
    """What came is not from the provider, not for this app, or not for this browser."""


@dataclass(slots=True)
class Provider:
    """One issuer and this app's registration there. Thread-safe."""

    section: ProviderSection
    redirect_uri: str
    clock: Clock = system_clock
    key: ClientKey | None = None
    """What the app proves itself with; without one, with its secret."""
    _metadata: tuple[float, dict[str, Any]] | None = None
    _keys: tuple[float, KeySet] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def metadata(self) -> dict[str, Any]:
        """Fetch the metadata, at most every five minutes; its issuer must be ours to the byte.

        Raises:
            ProviderUnreachable: no answer.
            Untrusted: it says it is somebody else (RFC 8414 section 3.3).
        """
        with self._lock:
            if self._metadata and time.monotonic() < self._metadata[0] + _FRESH_SECONDS:
                return self._metadata[1]
            document = _fetch(f"{self.section.issuer}/.well-known/openid-configuration")
            if document.get("issuer") != self.section.issuer:
                raise Untrusted("the metadata is of another issuer")
            self._metadata = (time.monotonic(), document)
            return document

    def authorization_url(self, *, state: str, nonce: str, verifier: str, locale: str) -> str:
        """Write the address the browser is sent to: code, PKCE S256, nonce, state."""
        with self._client() as client:
            url, _ = client.create_authorization_url(
                self.metadata()["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_verifier=verifier,
                ui_locales=locale,
            )
        return str(url)

    def redeem(self, code: str, verifier: str) -> dict[str, Any]:
        """Redeem a code at the token endpoint.

        Raises:
            ProviderUnreachable: no answer, or one that is no JSON.
            Untrusted: the provider refused it.
        """
        endpoint = self.metadata()["token_endpoint"]
        try:
            with self._client() as client:
                tokens = client.fetch_token(endpoint, code=code, code_verifier=verifier)
        except httpx2.HTTPError as broken:
            raise ProviderUnreachable(type(broken).__name__) from broken
        except Exception as refused:
            raise Untrusted("the provider refused the code") from refused
        return dict(tokens)

    def userinfo(self, access_token: str, sub: str) -> dict[str, Any]:
        """Ask who the person is; an answer about anybody else is no answer (OIDC Core 5.3.2).

        Raises:
            ProviderUnreachable: no answer.
            Untrusted: it is about somebody else.
        """
        bearer = {"Authorization": f"Bearer {access_token}"}
        told = _fetch(self.metadata()["userinfo_endpoint"], bearer)
        if told.get("sub") != sub:
            raise Untrusted("userinfo is about somebody else")
        return told

    def tell_unlinked(self, attempt: str) -> None:
        """Tell the provider that a link is over; it may be told as often as need be.

        Raises:
            ProviderUnreachable: no answer, or one that acknowledges nothing.
        """
        told = {"event": "unlinked", "attempt": attempt}
        try:
            with self._client() as client:
                proof = client.client_auth(client.token_endpoint_auth_method)
                address = f"{self.section.issuer}/links/events"
                answer = client.post(address, data=told, auth=proof)
        except httpx2.HTTPError as broken:
            raise ProviderUnreachable(type(broken).__name__) from broken
        if answer.status_code != 200:
            raise ProviderUnreachable(f"HTTP {answer.status_code}")

    def verify_id_token(self, token: str, nonce: str) -> dict[str, Any]:
        """Verify an ID token (OIDC Core section 3.1.3.7).

        Raises:
            Untrusted: signature, issuer, audience, time or nonce.
        """
        claims = self._verified(token, "JWT", None)
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        others = len(audiences) > 1 and claims.get("azp") != self.section.client_id
        now = self.clock().timestamp()
        good = (
            claims.get("iss") == self.section.issuer
            and self.section.client_id in audiences
            and not others
            and _number(claims.get("exp")) > now - SKEW_SECONDS
            and _number(claims.get("iat")) <= now + SKEW_SECONDS
            and claims.get("nonce") == nonce
            and isinstance(claims.get("sub"), str)
        )
        if not good:
            raise Untrusted("the ID token is not for this app, this sign-in or this time")
        return claims

    def verify_logout_token(self, token: str) -> dict[str, Any]:
        """Verify a logout token (OIDC Back-Channel Logout section 2.6).

        Raises:
            Untrusted: it must not end anybody's session.
        """
        claims = self._verified(token, "logout+jwt", None)
        now = self.clock().timestamp()
        events = claims.get("events")
        good = (
            claims.get("iss") == self.section.issuer
            and claims.get("aud") == self.section.client_id
            and _number(claims.get("exp")) > now - SKEW_SECONDS
            and _number(claims.get("iat")) <= now + SKEW_SECONDS
            and isinstance(events, dict)
            and events.get("http://schemas.openid.net/event/backchannel-logout") == {}
            and "nonce" not in claims
            and isinstance(claims.get("jti"), str)
            and (isinstance(claims.get("sid"), str) or isinstance(claims.get("sub"), str))
        )
        if not good:
            raise Untrusted("the logout token is not for this app or this time")
        return claims

    def verify_link_token(self, token: str, typ: str) -> dict[str, Any]:
        """Verify what the provider says about a link (``link+jwt`` and its like).

        Raises:
            Untrusted: it is not from the provider, not for this app, or not of this time.
        """
        claims = self._verified(token, typ)
        now = self.clock().timestamp()
        good = (
            claims.get("iss") == self.section.issuer
            and claims.get("aud") == self.section.client_id
            and _number(claims.get("exp")) > now
            and now - _LINK_SECONDS < _number(claims.get("iat")) <= now + SKEW_SECONDS
            and isinstance(claims.get("sub"), str)
            and isinstance(claims.get("jti"), str)
        )
        if not good:
            raise Untrusted("the link token is not for this app or this time")
        return claims

    def _verified(self, token: str, *types: str | None) -> dict[str, Any]:
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError) as wrong:
            raise Untrusted("not a JWS") from wrong
        if header.get("alg") not in ALGORITHMS or header.get("typ") not in types:
            raise Untrusted("algorithm or type")
        keys = self._key_set(str(header.get("kid")))
        try:
            return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
        except (JoseError, ValueError) as wrong:
            raise Untrusted("signature") from wrong

    def _key_set(self, kid: str) -> KeySet:
        """Give the provider's keys; fetch them anew for a ``kid`` never seen, not too often."""
        with self._lock:
            held = self._keys
        if held is not None:
            age = time.monotonic() - held[0]
            known = any(key.kid == kid for key in held[1].keys)
            if age < (_FRESH_SECONDS if known else _COOLDOWN_SECONDS):
                return held[1]
        fetched = KeySet.import_key_set(_fetch(self.metadata()["jwks_uri"]))  # type: ignore[arg-type]
        with self._lock:
            self._keys = (time.monotonic(), fetched)
        return fetched

    def _client(self) -> OAuth2Client:
        client = OAuth2Client(
            self.section.client_id,
            self.key.private if self.key else self.section.client_secret,
            scope=self.section.scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=client_key.METHOD if self.key else _BASIC,
            **_CLOSED,
        )
        client.register_client_auth_method((_BASIC, _basic))
        if self.key:
            method = self.key.method(self.section.issuer, self.clock())
            client.register_client_auth_method(method)
        return client


def _basic(client: Any, _method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """Write the header as RFC 6749 section 2.3.1 has it; Authlib leaves the encoding out."""
    both = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
    return uri, headers, body


def _fetch(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    try:
        answer = httpx2.get(
            url, headers={"Accept": "application/json", **(headers or {})}, **_CLOSED
        )
        document = answer.json()
    except (httpx2.HTTPError, ValueError) as broken:
        raise ProviderUnreachable(type(broken).__name__) from broken
    if answer.status_code != 200 or not isinstance(document, dict):
        raise ProviderUnreachable(f"HTTP {answer.status_code}")
    return document


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
