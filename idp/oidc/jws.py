"""Compact JWS (RFC 7515) of the tokens we sign ourselves; the mathematics is joserfc's.

The protected header of our own tokens is always the same bytes for a key and a type. So
it is written once, and read not at all: a token whose first part is not, byte for byte,
what one of our keys would have written is none of ours. What clients sign is another
matter, and is parsed by joserfc (``idp.oidc.tokens``).
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jws import JWSRegistry

from idp.keys.store import KeyPair, KeySet
from idp.oidc.vocabulary import TokenType
from idp.secret import base64url


class BadSignature(Exception):
    """Not a token that a key of ours signed; the text is for the log."""


class GoodTokens:
    """The claims of tokens whose signature was checked here, or made here. Thread-safe.

    Whether these bytes carry the signature of this key never changes, so it is computed once.
    That the key is still published, the token not expired and not revoked is looked at every
    time, elsewhere.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._recent: dict[tuple[KeyPair, str], Mapping[str, Any]] = {}
        self._earlier: dict[tuple[KeyPair, str], Mapping[str, Any]] = {}

    def find(self, pair: KeyPair, token: str) -> Mapping[str, Any] | None:
        """Give the claims of a token seen lately."""
        return self._recent.get((pair, token)) or self._earlier.get((pair, token))

    def add(self, pair: KeyPair, token: str, claims: Mapping[str, Any]) -> None:
        """Remember a good token; what was not seen for two generations is forgotten."""
        if len(self._recent) >= self._limit:
            self._earlier, self._recent = self._recent, {}
        self._recent[pair, token] = MappingProxyType(dict(claims))


def signed(pair: KeyPair, typ: TokenType, claims: Mapping[str, Any]) -> str:
    """Sign ``claims``; the header has ``alg``, ``kid`` and ``typ`` and nothing else."""
    signing_input = f"{_header(pair.alg, pair.kid, typ)}.{base64url(msgspec.json.encode(claims))}"
    signature = _signer(pair)(signing_input.encode("ascii"))
    token = f"{signing_input}.{base64url(signature)}"
    if typ is TokenType.ACCESS_TOKEN:
        _GOOD.add(pair, token, claims)  # it comes back to us within moments; ID tokens do not
    return token


@lru_cache(maxsize=16)
def _signer(pair: KeyPair) -> Callable[[bytes], bytes]:
    """Find once what signs with a key; joserfc looks anew for each signature."""
    key: Any = pair.key.get_op_key("sign")
    if pair.alg == "ES256":
        return partial(_es256, key)
    if pair.alg == "RS256":
        return lambda signing_input: bytes(key.sign(signing_input, _PKCS1, _SHA256))
    algorithm = JWSRegistry.algorithms[pair.alg]
    return lambda signing_input: algorithm.sign(signing_input, pair.key)


def _es256(key: ec.EllipticCurvePrivateKey, signing_input: bytes) -> bytes:
    """Sign with ECDSA on P-256: both numbers in 32 bytes each (RFC 7518 section 3.4)."""
    r, s = decode_dss_signature(key.sign(signing_input, _ECDSA))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verified(keys: KeySet, token: str, typ: TokenType, algs: tuple[str, ...]) -> Mapping[str, Any]:
    """Give the claims of a token that a published key of ours signed as this type.

    Raises:
        BadSignature: another type, algorithm or key, or not signed by it at all.
    """
    protected, _, _ = token.partition(".")
    for life in keys.lives:
        if life.alg in algs and protected == _header(life.alg, life.kid, typ):
            pair = keys.verifier(life.kid, life.alg)
            if pair is not None:
                return _GOOD.find(pair, token) or _checked(pair, token)
    raise BadSignature("typ, alg or kid")


def _checked(pair: KeyPair, token: str) -> Mapping[str, Any]:
    signing_input, _, signature = token.rpartition(".")
    _, _, payload = signing_input.partition(".")
    algorithm = JWSRegistry.algorithms[pair.alg]
    if not algorithm.verify(signing_input.encode(), decoded(signature), pair.key):
        raise BadSignature("signature")
    claims: dict[str, Any] = msgspec.json.decode(decoded(payload))
    _GOOD.add(pair, token, claims)
    return claims


@lru_cache(maxsize=256)
def _header(alg: str, kid: str, typ: TokenType) -> str:
    return base64url(msgspec.json.encode({"alg": alg, "kid": kid, "typ": typ.value}))


def decoded(part: str) -> bytes:
    """Decode base64url of the one form RFC 7515 section 2 allows: no padding, nothing else.

    Raises:
        BadSignature: it has another form.
    """
    try:
        found = base64.urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
    except (UnicodeEncodeError, binascii.Error):
        raise BadSignature("not base64url") from None
    if base64url(found) != part:  # the decoder skips what is no base64url
        raise BadSignature("not base64url")
    return found


_SHA256 = hashes.SHA256()
_ECDSA = ec.ECDSA(_SHA256)
_PKCS1 = padding.PKCS1v15()
_GOOD = GoodTokens(limit=512)  # twice as many at most, about 2 kB each
