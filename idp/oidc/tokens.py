"""Signed tokens: one function to sign and one to verify each kind.

A verifier takes nothing from the token's header but ``kid``: algorithm, ``typ``, ``iss``
and ``aud`` are its own. Lifetimes are counted from ``now``; no library reads the clock.
"""

import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from idp.clock import seconds
from idp.keys.store import KeySet
from idp.oidc import jws
from idp.oidc.vocabulary import BACKCHANNEL_LOGOUT_EVENT, TokenType
from idp.secret import Entropy, base64url

ACCESS_TOKEN_ALG = "ES256"  # 0.025 ms a signature, RS256 takes ten times that
SIGNING_ALGS = ("RS256", "PS256", "ES256", "EdDSA")

TOKEN_LIMIT = 16 * 1024  # characters; longer ones are refused before they are parsed
SKEW = timedelta(seconds=10)  # FAPI 2.0 Security Profile 5.3.2.1: accept 10 s ahead, refuse 60 s
BOUGHT_WITH = "bought_with"
"""The claim in which an exchanged token names the tokens that it must not outlive."""
_RANDOM_BYTES = 8
_NO_FAMILY = UUID(int=0)
_STANDARD = str.maketrans("-_", "+/")


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
    audience: str | list[str]
    """The resources it is for; the issuer itself, where userinfo is one of them."""
    issued_at: int
    expires_at: int
    jkt: str = ""
    """The thumbprint of the key that has to prove itself with it (RFC 9449 section 6.1)."""
    x5t: str = ""
    """The thumbprint of the certificate that has to be shown with it (RFC 8705 section 3.1)."""
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All of it."""

    @property
    def line(self) -> list[tuple[str, str]]:
        """The ids of this token and of those it was exchanged for, each with its client's id."""
        before = self.claims.get(BOUGHT_WITH, [])
        return [(self.jti, self.client_id), *((jti, client) for jti, client in before)]

    def is_for(self, resource: str) -> bool:
        """Tell whether it may be used at a resource."""
        return resource in ([self.audience] if isinstance(self.audience, str) else self.audience)


@dataclass(frozen=True, slots=True)
class Hint:
    """A verified ``id_token_hint``. It may have expired: it is only a hint."""

    subject: str
    client_id: str
    session_id: str | None


def new_jti(family_id: UUID | None, entropy: Entropy) -> str:
    """Make a token id that also names its family: 24 bytes, the first 16 of them the family."""
    return base64url((family_id or _NO_FAMILY).bytes + entropy(_RANDOM_BYTES))


def sign(keys: KeySet, alg: str, typ: TokenType, claims: Mapping[str, Any]) -> str:
    """Sign ``claims`` with the active key of ``alg``; the header has ``alg``, ``kid``, ``typ``.

    Raises:
        NoSigningKey: there is none; nothing is signed with another instead.
    """
    return jws.signed(keys.signer(alg), typ, claims)


def access_token_claims(  # the claims of RFC 9068 section 2.2
    *,
    issuer: str,
    audience: str | list[str],
    subject: str,
    client_id: str,
    scope: str,
    jti: str,
    now: datetime,
    lifetime: timedelta,
    authentication: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the claims of an access token (RFC 9068 section 2.2)."""
    return {
        "iss": issuer,
        "aud": audience,
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
        BadToken: signature, ``typ``, issuer, expiry or form. Whom it is for is another question:
            see :meth:`AccessToken.is_for`.
    """
    claims = _verified(keys, token, TokenType.ACCESS_TOKEN, (ACCESS_TOKEN_ALG,))
    _demand(claims.get("iss") == issuer, "issuer")
    _demand(claims["exp"] > seconds(now), "expired")
    bound = claims.get("cnf", {})
    return AccessToken(
        claims["jti"],
        _family(claims["jti"]),
        claims["sub"],
        claims["client_id"],
        claims["scope"],
        claims["aud"],
        claims["iat"],
        claims["exp"],
        bound.get("jkt", ""),
        bound.get("x5t#S256", ""),
        claims,
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


def _verified(keys: KeySet, token: str, typ: TokenType, algs: tuple[str, ...]) -> Mapping[str, Any]:
    _demand(0 < len(token) <= TOKEN_LIMIT and token.isascii(), "empty, too long or not ASCII")
    try:
        return jws.verified(keys, token, typ, algs)
    except jws.BadSignature as bad:
        raise BadToken(str(bad)) from bad


def _family(jti: str) -> UUID | None:
    whole = binascii.a2b_base64(jti.translate(_STANDARD))  # 24 bytes need no padding
    family = UUID(bytes=whole[:16])
    return None if family == _NO_FAMILY else family


def _demand(met: bool, what: str) -> None:
    if not met:
        raise BadToken(what)


def left_half(token: str) -> str:
    """Give ``at_hash`` of a token (OIDC Core section 3.1.3.6).

    RS256, ES256 and, by the practice of the field, EdDSA all pair with SHA-256 here.
    """
    return base64url(hashlib.sha256(token.encode("ascii")).digest()[:16])
