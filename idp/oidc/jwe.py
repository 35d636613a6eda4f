"""Encryption (RFC 7516): answers that only the client reads, requests that only we read.

What is encrypted is always a JWS: who encrypts proves nothing, everybody has the key.
"""

from collections.abc import Mapping
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.keys.store import KeySet
from idp.oidc.model import Client

ALGS = ("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW")
ENCS = ("A128GCM", "A256GCM", "A128CBC-HS256")
OWN_ALGS = ("RSA-OAEP-256", "ECDH-ES")
"""What we may have a key of our own for, where ``[keys] algorithms`` names it."""
_KINDS: Mapping[str, tuple[str, type[RSAKey | ECKey | OKPKey]]] = {
    "RSA-OAEP-256": ("RSA", RSAKey),
    "ECDH-ES": ("EC", ECKey),
    "ECDH-ES+A256KW": ("EC", ECKey),
}
_REGISTRY = jwe.JWERegistry(algorithms=[*ALGS, *ENCS])
_PARTS = 5
_MALFORMED = (JoseError, ValueError, TypeError, KeyError)
"""What joserfc and cryptography raise about keys and ciphertexts that are none."""


class NoKey(Exception):
    """There is no key that this could be encrypted to."""


class CannotDecrypt(Exception):
    """It was not encrypted to a key of ours, or not in a way that we take."""


def encrypted(token: str, jwks: Mapping[str, Any], alg: str, enc: str) -> str:
    """Encrypt a JWS to a client's key.

    Raises:
        NoKey: none of the client's is for ``alg``.
    """
    kty, kind = _KINDS[alg]
    for one in jwks.get("keys", []):
        if one.get("kty") == kty and one.get("use", "enc") == "enc":
            header = {"alg": alg, "enc": enc, "cty": "JWT"}
            if "kid" in one:
                header["kid"] = one["kid"]
            return jwe.encrypt_compact(
                header, token.encode(), kind.import_key(one), registry=_REGISTRY
            )
    raise NoKey(alg)


def for_its_reader(token: str, jwks: Mapping[str, Any]) -> str:
    """Encrypt a JWS to the first key that a client keeps for nothing else (``use`` is ``enc``).

    Raises:
        NoKey: it has none that we can encrypt to.
    """
    for one in jwks.get("keys", []):
        for alg in ALGS:
            if one.get("use") != "enc" or one.get("alg", alg) != alg:
                continue
            try:
                return encrypted(token, {"keys": [one]}, alg, "A256GCM")
            except (NoKey, *_MALFORMED):
                continue
    raise NoKey("use=enc")


def sealed(client: Client, kind: str, token: str) -> str:
    """Encrypt a signed answer of a kind (``id_token``, …), if the client registered so.

    Raises:
        NoKey: its registration has changed since, and has none any more.
    """
    registration = client.registration
    alg: str = getattr(registration, f"{kind}_encrypted_response_alg")
    if not alg:
        return token
    enc: str = getattr(registration, f"{kind}_encrypted_response_enc")
    return encrypted(token, registration.jwks, alg, enc)


def is_encrypted(token: str) -> bool:
    """Tell a JWE from a JWS by its form (RFC 7516 section 9)."""
    return token.count(".") == _PARTS - 1


def decrypted(token: str, keys: KeySet) -> str:
    """Decrypt what was encrypted to a key of ours; gives the JWS within.

    Raises:
        CannotDecrypt: no key of ours opens it.
    """
    for life in keys.lives:
        if life.alg not in OWN_ALGS:
            continue
        pair = keys.verifier(life.kid, life.alg)
        try:
            found = jwe.decrypt_compact(token, pair.key, registry=_REGISTRY) if pair else None
        except _MALFORMED:
            continue
        if found is not None and found.plaintext is not None:
            return found.plaintext.decode("ascii", "replace")
    raise CannotDecrypt


def fits(jwks: Mapping[str, Any], alg: str) -> bool:
    """Tell whether a client has a key for ``alg`` that can really be encrypted to."""
    try:
        encrypted("probe", jwks, alg, ENCS[0])
    except (NoKey, *_MALFORMED):
        return False
    return True
