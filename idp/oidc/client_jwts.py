"""What clients sign for us: assertions of who they are, and request objects.

One function to verify each kind. A client chooses its key; nothing else in its header
chooses anything: the algorithms are a literal list, and a ``typ`` that is there must be right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc import jws as joserfc_jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import CompactSignature

from idp.clock import seconds
from idp.keys.store import Key
from idp.oidc.tokens import SKEW, TOKEN_LIMIT, BadToken

ALGS = ("RS256", "PS256", "ES256", "EdDSA")
FAPI_ALGS = ("PS256", "ES256", "EdDSA")
"""FAPI 2.0 Security Profile section 5.4.1."""

REQUEST_OBJECT_TYP = "oauth-authz-req+jwt"  # RFC 9101 section 4
_LONGEST_LIFE = timedelta(hours=1)
_PUBLIC: Mapping[Any, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


@dataclass(frozen=True, slots=True)
class Rules:
    """How strict to be with one client."""

    algs: tuple[str, ...]
    audiences: frozenset[str]
    """What ``aud`` may name."""
    strict: bool = False
    """FAPI 2.0: ``aud`` of an assertion is one string; a request object has ``exp``, ``nbf``."""


def verify_assertion(
    jwks: Mapping[str, Any], token: str, *, client_id: str, rules: Rules, now: datetime
) -> tuple[str, datetime]:
    """Verify a ``private_key_jwt`` (RFC 7523 section 3) and give its ``jti`` and expiry.

    Raises:
        BadToken: key, algorithm, issuer, subject, audience, life or form.
    """
    claims = _verified(jwks, token, rules.algs, typ="")
    _demand(claims.get("iss") == client_id == claims.get("sub"), "issuer or subject")
    _demand(not rules.strict or isinstance(claims.get("aud"), str), "audience")
    _demand(bool(_audience(claims) & rules.audiences), "audience")
    _demand_life(claims, now, needed=("exp",))
    jti = claims.get("jti")
    _demand(isinstance(jti, str) and 0 < len(jti) <= 255, "jti")
    return str(jti), now + timedelta(seconds=claims["exp"] - seconds(now))


def verify_request_object(
    jwks: Mapping[str, Any], token: str, *, client_id: str, rules: Rules, now: datetime
) -> dict[str, Any]:
    """Verify a signed authorization request (RFC 9101 section 6) and give its claims.

    Raises:
        BadToken: key, algorithm, ``typ``, issuer, audience, life or form.
    """
    claims = _verified(jwks, token, rules.algs, typ=REQUEST_OBJECT_TYP)
    _demand(claims.get("client_id", client_id) == client_id, "client_id")
    _demand("sub" not in claims, "sub")  # RFC 9101 section 10.8: an assertion is no request
    _demand(claims.get("iss", "" if rules.strict else client_id) == client_id, "iss")
    named = _audience(claims)
    _demand(bool(named & rules.audiences) or (not rules.strict and not named), "aud")
    _demand_life(claims, now, needed=("exp", "nbf") if rules.strict else ())
    return claims


def unverified_issuer(token: str) -> str:
    """Read who a client assertion says it is from, to find the key to verify it with.

    Raises:
        BadToken: it is not a JWS with JSON claims.
    """
    issuer = _claims(_parsed(token)).get("iss")
    _demand(isinstance(issuer, str), "issuer")
    return str(issuer)


def unverified_kid(token: str) -> str | None:
    """Read which key a token names, to know whether the client's keys have to be fetched."""
    try:
        kid = _parsed(token).headers().get("kid")
    except BadToken:
        return None
    return kid if isinstance(kid, str) else None


def _verified(
    jwks: Mapping[str, Any], token: str, algs: tuple[str, ...], typ: str
) -> dict[str, Any]:
    signature = _parsed(token)
    header = signature.headers()
    alg: Any = header.get("alg")
    kid = header.get("kid")
    named = str(header.get("typ", "")).lower().removeprefix("application/")
    _demand(alg in algs and "crit" not in header, "alg or crit")
    _demand(not typ or named in {"", "jwt", typ}, "typ")
    for one in jwks.get("keys", []):
        if kid not in (None, one.get("kid", kid)) or one.get("use", "sig") != "sig":
            continue
        try:
            return _verified_by(signature, _PUBLIC[one.get("kty")].import_key(one), alg)
        except (BadToken, KeyError, JoseError, ValueError, TypeError):
            continue
    raise BadToken("no key of the client verifies it")


def _verified_by(signature: CompactSignature, key: Key, alg: str) -> dict[str, Any]:
    try:
        good = joserfc_jws.validate_compact(signature, key, algorithms=[alg])
    except (JoseError, ValueError, TypeError) as wrong:
        raise BadToken("signature") from wrong
    _demand(good, "signature")
    return _claims(signature)


def _parsed(token: str) -> CompactSignature:
    _demand(0 < len(token) <= TOKEN_LIMIT and token.isascii(), "empty, too long or not ASCII")
    try:
        return joserfc_jws.extract_compact(token.encode())
    except (JoseError, ValueError, TypeError) as wrong:
        raise BadToken("not a JWS") from wrong


def _claims(signature: CompactSignature) -> dict[str, Any]:
    try:
        claims = msgspec.json.decode(signature.payload)
    except (msgspec.DecodeError, RecursionError, TypeError) as wrong:
        raise BadToken("claims") from wrong
    if not isinstance(claims, dict):
        raise BadToken("claims")
    return claims


def _audience(claims: Mapping[str, Any]) -> frozenset[str]:
    named: Any = claims.get("aud")
    listed = named if isinstance(named, list) else [named]
    return frozenset(one for one in listed if isinstance(one, str))


def _demand_life(claims: Mapping[str, Any], now: datetime, needed: tuple[str, ...]) -> None:
    """Look at ``exp``, ``nbf`` and ``iat``: none is far away, none of what is needed missing."""
    instant, ahead = seconds(now), seconds(now + SKEW)
    farthest = seconds(now + _LONGEST_LIFE)
    oldest = seconds(now - _LONGEST_LIFE) if "nbf" in needed else 0
    for name, earliest, latest in (
        ("exp", instant + 1, farthest),
        ("nbf", oldest, ahead),
        ("iat", 0, ahead),
    ):
        at: Any = claims.get(name)
        if at is None and name not in needed:
            continue
        number = isinstance(at, int | float) and not isinstance(at, bool)
        _demand(number and earliest <= at <= latest, name)


def _demand(met: bool, what: str) -> None:
    if not met:
        raise BadToken(what)
