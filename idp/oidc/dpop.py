"""Proof of possession at the application layer (RFC 9449): a token that only its key can use.

A proof is a JWT that the client signs for one request. Whoever steals the token has not
got the key, and whoever records a request has a proof that is good for nothing else.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from idp.clock import seconds
from idp.database.prepared import Prepared, insert_if_new
from idp.database.transaction import Transaction
from idp.oidc import jws
from idp.oidc.client_authentication import UsedAssertion
from idp.oidc.errors import OAuthError
from idp.oidc.exchange import Exchange
from idp.secret import base64url, digest, same

ALGS = ("ES256", "PS256", "EdDSA")
TYP = "dpop+jwt"
_NONCE_SECONDS = 120  # a nonce is good for this long, and for as long again
_LIMIT = 8 * 1024  # characters
_LONGEST_MODULUS = 684  # characters: RSA of 4096 bits
_AGE = timedelta(seconds=60)
_AHEAD = timedelta(seconds=10)
_KINDS: Mapping[str, type[ECKey | RSAKey | OKPKey]] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k", "oth"})
_DEFAULT_PORTS = {"https": 443, "http": 80}


class InvalidDpopProof(OAuthError):
    """The proof is missing, does not fit this request, or has been used (section 5)."""

    error = "invalid_dpop_proof"


class TokenNotProven(InvalidDpopProof):
    """The same, where a token is used (section 7.1)."""

    status_code = 401


class UseDpopNonce(OAuthError):
    """The proof has to hold a nonce of ours; it comes along with this (section 8)."""

    error = "use_dpop_nonce"


@dataclass(frozen=True, slots=True)
class Proofs:
    """Verifies the proofs of requests to this provider."""

    issuer: str
    """What the request's address begins with, whatever a proxy made of it."""
    key: bytes = field(repr=False)
    nonces_required: bool = False
    """Whether a proof has to hold a nonce that we gave out within the last minutes (section 8):
    one made beforehand, by somebody who had the key for a moment, is worth nothing then."""

    def thumbprint(
        self, tx: Transaction, exchange: Exchange, *, access_token: str = ""
    ) -> str | None:
        """Verify a request's proof and give its key's thumbprint (RFC 7638); ``None``: no proof.

        Costs one insert, for its one use.

        Raises:
            InvalidDpopProof: there is one, and it proves nothing.
            UseDpopNonce: it is good but for its nonce.
        """
        proof = exchange.header("dpop")
        if not proof:
            return None
        claims, jkt = _verified(proof)
        _demand(claims.get("htm") == exchange.method, "htm")
        _demand(_same_address(claims.get("htu"), f"{self.issuer}{exchange.path}"), "htu")
        _demand_time(claims, tx.now)
        if access_token:
            expected = base64url(hashlib.sha256(access_token.encode()).digest())
            _demand(same(str(claims.get("ath")).encode(), expected.encode()), "ath")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= 255:
            raise InvalidDpopProof("the DPoP proof is not valid: jti")
        self._demand_nonce(claims.get("nonce"), tx.now)
        used = {
            "jti_hash": digest(f"dpop {jkt} {jti}"),
            "client_id": "",
            "expires_at": tx.now + _AGE + _AHEAD,
        }
        _demand(tx.ask(_USE, used) is not None, "used before")
        return jkt

    def nonce(self, now: datetime, *, before: int = 0) -> str:
        """Give the nonce of this while; every worker makes the same, nothing is kept."""
        window = seconds(now) // _NONCE_SECONDS - before
        return base64url(hmac.digest(self.key, str(window).encode(), "sha256"))

    def _demand_nonce(self, sent: Any, now: datetime) -> None:
        if not self.nonces_required:
            return
        known = [self.nonce(now, before=before).encode() for before in (0, 1)]
        presented = sent.encode() if isinstance(sent, str) else b""
        if not any(same(presented, one) for one in known):
            wrong = UseDpopNonce("the DPoP proof has to hold the nonce of this answer")
            wrong.headers = (("DPoP-Nonce", self.nonce(now)),)
            raise wrong


def _verified(proof: str) -> tuple[dict[str, Any], str]:
    """Check form, header and signature (section 4.3, points 1 to 7)."""
    _demand(len(proof) <= _LIMIT and proof.isascii(), "too long, or not ASCII")
    signing_input, _, signature = proof.rpartition(".")
    protected, _, payload = signing_input.partition(".")
    try:
        header = msgspec.json.decode(jws.decoded(protected), type=dict[str, Any])
        claims = msgspec.json.decode(jws.decoded(payload), type=dict[str, Any])
        alg: Any = header.get("alg")
        jwk: Any = header.get("jwk")
        _demand(header.get("typ") == TYP and alg in ALGS and "crit" not in header, "typ or alg")
        _demand(isinstance(jwk, dict) and not _PRIVATE & frozenset(jwk), "jwk")
        key: Any = _KINDS[jwk.get("kty")].import_key(jwk)
        _demand(len(str(jwk.get("n", ""))) <= _LONGEST_MODULUS, "jwk")  # its cost is ours
        algorithm = JWSRegistry.algorithms[alg]
        algorithm.check_key(key)
        good = algorithm.verify(signing_input.encode(), jws.decoded(signature), key)
    except (jws.BadSignature, JoseError, ValueError, TypeError, KeyError, msgspec.MsgspecError):
        raise InvalidDpopProof("the DPoP proof cannot be read") from None
    _demand(good, "signature")
    return claims, str(key.thumbprint())


def _demand_time(claims: Mapping[str, Any], now: datetime) -> None:
    issued_at = claims.get("iat")
    if not isinstance(issued_at, int | float) or isinstance(issued_at, bool):
        raise InvalidDpopProof("the DPoP proof is not valid: iat")
    if not seconds(now - _AGE) <= issued_at <= seconds(now + _AHEAD):
        raise InvalidDpopProof("the DPoP proof is not valid: iat is not of now; check the clock")
    for name, earliest, latest in (
        ("exp", seconds(now) + 1, float("inf")),
        ("nbf", float("-inf"), seconds(now + _AHEAD)),
    ):
        at = claims.get(name, earliest if name == "exp" else latest)
        _demand(isinstance(at, int | float) and earliest <= at <= latest, name)


def _same_address(claimed: Any, real: str) -> bool:
    """Compare addresses without query and fragment, in normal form (section 4.3, point 9)."""
    if not isinstance(claimed, str) or len(claimed) > 2048:
        return False
    try:
        return _normal(claimed) == _normal(real)
    except ValueError:
        return False


def _normal(address: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(address)
    scheme = parts.scheme.lower()
    port = parts.port or _DEFAULT_PORTS.get(scheme)
    return scheme, (parts.hostname or "").lower(), port, parts.path or "/"


def _demand(met: bool, what: str) -> None:
    if not met:
        raise InvalidDpopProof(f"the DPoP proof is not valid: {what}")


_USE = Prepared(insert_if_new(UsedAssertion).returning(UsedAssertion.client_id))
