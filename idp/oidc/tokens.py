"""Signed tokens: one function to sign and one to verify each kind.

A verifier takes nothing from the token's header but ``kid``: algorithm, ``typ``, ``iss``
and ``aud`` are its own. Lifetimes are counted from ``now``; no library reads the clock.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from joserfc import jws as joserfc_jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import CompactSignature

from idp.clock import seconds
from idp.keys.store import Key, KeySet
from idp.oidc import jws
from idp.oidc.vocabulary import BACKCHANNEL_LOGOUT_EVENT, TokenType
from idp.secret import Entropy, base64url

ACCESS_TOKEN_ALG = "ES256"  # 0.025 ms a signature, RS256 takes ten times that
SIGNING_ALGS = ("RS256", "ES256", "EdDSA")
CLIENT_ASSERTION_ALGS = ("RS256", "PS256", "ES256", "EdDSA")

TOKEN_LIMIT = 16 * 1024  # characters; longer ones are refused before they are parsed
SKEW = timedelta(seconds=10)  # FAPI 2.0 Security Profile 5.3.2.1: accept 10 s ahead, refuse 60 s
_PUBLIC: Mapping[Any, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_RANDOM_BYTES = 8
_NO_FAMILY = UUID(int=0)


class BadToken(Exception):
    """The token is not one of ours of this kind, or no longer; the text is for the log."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified access token (RFC 9068)."""

    jti: str
    family_id: UUID | None
    """The authorization it was bought with; ``None`` for ``client_credentials``."""
    subject: str
    client_id: str
    scope: str
    audience: str
    issued_at: int
    expires_at: int
    jkt: str = ""
    """The thumbprint of the key that has to prove itself with it (RFC 9449 section 6.1)."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A verified ``id_token_hint``. It may have expired: it is only a hint."""

    subject: str
    client_id: str
    session_id: str | None


def new_jti(family_id: UUID | None, entropy: Entropy) -> str:
    """Make a token id that also names its family: 24 bytes, the first 16 of them the family."""
    return base64url((family_id or _NO_FAMILY).bytes + entropy(_RANDOM_BYTES))


def sign(keys: KeySet, alg: str, typ: TokenType, claims: Mapping[str, Any], now: datetime) -> str:
    """Sign ``claims`` with the active key of ``alg``; the header has ``alg``, ``kid``, ``typ``.

    Raises:
        NoSigningKey: there is none; nothing is signed with another instead.
    """
    return jws.signed(keys.signer(alg, now), typ, claims)


def access_token_claims(  # the claims of RFC 9068 section 2.2
    *,
    issuer: str,
    subject: str,
    client_id: str,
    scope: str,
    jti: str,
    now: datetime,
    lifetime: timedelta,
    authentication: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the claims of an access token (RFC 9068 section 2.2); ``aud`` is this provider."""
    return {
        "iss": issuer,
        "aud": issuer,
        "sub": subject,
        "client_id": client_id,
        "scope": scope,
        "jti": jti,
        "iat": seconds(now),
        "exp": seconds(now + lifetime),
        **authentication,
    }


def logout_token_claims(
    *, issuer: str, client_id: str, subject: str, session_id: str, jti: str, now: datetime
) -> dict[str, Any]:
    """Write the claims of a logout token (OIDC Back-Channel Logout section 2.4). No ``nonce``."""
    return {
        "iss": issuer,
        "aud": client_id,
        "sub": subject,
        "sid": session_id,
        "jti": jti,
        "iat": seconds(now),
        "exp": seconds(now + timedelta(minutes=2)),
        "events": {BACKCHANNEL_LOGOUT_EVENT: {}},
    }


def verify_access_token(keys: KeySet, token: str, *, issuer: str, now: datetime) -> AccessToken:
    """Verify an access token of ours.

    Raises:
        BadToken: signature, ``typ``, issuer, audience, expiry or form.
    """
    claims = _verified(keys, token, TokenType.ACCESS_TOKEN, (ACCESS_TOKEN_ALG,))
    _demand(claims.get("iss") == issuer and claims.get("aud") == issuer, "issuer or audience")
    _demand(claims["exp"] > seconds(now), "expired")
    return AccessToken(
        claims["jti"],
        _family(claims["jti"]),
        claims["sub"],
        claims["client_id"],
        claims["scope"],
        claims["aud"],
        claims["iat"],
        claims["exp"],
        claims.get("cnf", {}).get("jkt", ""),
    )


def verify_id_token_hint(keys: KeySet, token: str, *, issuer: str) -> Hint:
    """Verify an ID token that comes back as a hint (OIDC Core 3.1.2.1, RP-Initiated Logout 2).

    Raises:
        BadToken: not signed by a key we still publish, or not an ID token of this issuer.
    """
    claims = _verified(keys, token, TokenType.ID_TOKEN, SIGNING_ALGS)
    audience = claims.get("aud")
    _demand(claims.get("iss") == issuer, "issuer")
    _demand(isinstance(audience, str) and isinstance(claims.get("sub"), str), "audience or subject")
    session = claims.get("sid")
    return Hint(claims["sub"], str(audience), session if isinstance(session, str) else None)


def verify_client_assertion(
    jwks: Mapping[str, Any], token: str, *, client_id: str, audiences: frozenset[str], now: datetime
) -> tuple[str, datetime]:
    """Verify a ``private_key_jwt`` (RFC 7523 section 3) and give its ``jti`` and expiry.

    Raises:
        BadToken: key, algorithm, issuer, subject, audience, life or form.
    """
    claims = _verified_by_client(jwks, token)
    _demand(claims.get("iss") == client_id == claims.get("sub"), "issuer or subject")
    named: Any = claims.get("aud")
    audience = {named} if isinstance(named, str) else set(named) if _is_texts(named) else set()
    _demand(bool(audience & audiences), "audience")
    expires: Any = claims.get("exp")
    jti = claims.get("jti")
    _demand(_is_date(expires) and isinstance(jti, str) and 0 < len(jti) <= 255, "exp or jti")
    limit = seconds(now + timedelta(hours=1))
    _demand(seconds(now) < expires <= limit, "expired, or good for longer than an hour")
    ahead = seconds(now + SKEW)
    for name in ("iat", "nbf"):
        _demand(name not in claims or (_is_date(claims[name]) and claims[name] <= ahead), name)
    return str(jti), now + timedelta(seconds=expires - seconds(now))


def unverified_issuer(token: str) -> str:
    """Read who a client assertion says it is from, to find the key to verify it with.

    Raises:
        BadToken: it is not a JWS with JSON claims.
    """
    issuer = _claims(_parsed(token)).get("iss")
    _demand(isinstance(issuer, str), "issuer")
    return str(issuer)


def _verified(keys: KeySet, token: str, typ: TokenType, algs: tuple[str, ...]) -> Mapping[str, Any]:
    _demand(0 < len(token) <= TOKEN_LIMIT and token.isascii(), "empty, too long or not ASCII")
    try:
        return jws.verified(keys, token, typ, algs)
    except jws.BadSignature as bad:
        raise BadToken(str(bad)) from bad


def _verified_by_client(jwks: Mapping[str, Any], token: str) -> dict[str, Any]:
    signature = _parsed(token)
    header = signature.headers()
    alg: Any = header.get("alg")
    kid = header.get("kid")
    if alg not in CLIENT_ASSERTION_ALGS:
        raise BadToken("alg")
    for one in jwks.get("keys", []):
        if kid not in {None, one.get("kid", kid)}:
            continue
        try:
            return _verified_by(signature, _PUBLIC[one.get("kty")].import_key(one), alg)
        except (BadToken, KeyError, JoseError):
            continue
    raise BadToken("no key of the client verifies it")


def _parsed(token: str) -> CompactSignature:
    _demand(0 < len(token) <= TOKEN_LIMIT and token.isascii(), "empty, too long or not ASCII")
    try:
        return joserfc_jws.extract_compact(token.encode())
    except (JoseError, ValueError, TypeError) as wrong:
        raise BadToken("not a JWS") from wrong


def _verified_by(signature: CompactSignature, key: Key, alg: str) -> dict[str, Any]:
    try:
        good = joserfc_jws.validate_compact(signature, key, algorithms=[alg])
    except (JoseError, ValueError, TypeError) as wrong:
        raise BadToken("signature") from wrong
    _demand(good, "signature")
    return _claims(signature)


def _claims(signature: CompactSignature) -> dict[str, Any]:
    try:
        claims = msgspec.json.decode(signature.payload)
    except (msgspec.DecodeError, TypeError) as wrong:
        raise BadToken("claims") from wrong
    if not isinstance(claims, dict):
        raise BadToken("claims")
    return claims


def _family(jti: str) -> UUID | None:
    family = UUID(bytes=base64.urlsafe_b64decode(jti)[:16])  # 24 bytes need no padding
    return None if family == _NO_FAMILY else family


def _demand(met: bool, what: str) -> None:
    if not met:
        raise BadToken(what)


def _is_date(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def left_half(token: str) -> str:
    """Give ``at_hash`` of a token (OIDC Core section 3.1.3.6).

    RS256, ES256 and, by the practice of the field, EdDSA all pair with SHA-256 here.
    """
    return base64url(hashlib.sha256(token.encode("ascii")).digest()[:16])
