"""Keys of the tests' own apps, and JWTs as an app signs them: right ones and wrong ones."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

Key = ECKey | RSAKey | OKPKey


def public(*keys: Key) -> dict[str, Any]:
    """Write a JWK set; each key under its thumbprint."""
    return {"keys": [key.as_dict(private=False) | {"kid": key.thumbprint()} for key in keys]}


def alg_of(key: Key) -> str:
    """The algorithm that a test's key of a kind signs with."""
    return {"EC": "ES256", "OKP": "EdDSA", "RSA": "PS256"}[key.key_type]


def signed(key: Key, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
    """Sign; a claim or a member of the header that is ``None`` is left out.

    Our own writing of a JWS: a library would refuse to sign most of what is tested with it.
    """
    head = {"alg": alg_of(key), "kid": key.thumbprint(), **(header or {})}
    signing_input = ".".join(
        base64url(msgspec.json.encode({n: v for n, v in part.items() if v is not None}))
        for part in (head, claims)
    )
    fits = key.key_type == "RSA" and head["alg"] in {"RS256", "PS256"}
    algorithm = JWSRegistry.algorithms[head["alg"] if fits else alg_of(key)]
    return f"{signing_input}.{base64url(algorithm.sign(signing_input.encode(), key))}"


def base64url(raw: bytes) -> str:
    """Encode without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    """Read a token's claims without believing them."""
    part = token.split(".")[1]
    return msgspec.json.decode(base64.urlsafe_b64decode(part + "=="), type=dict[str, Any])


def header_of(token: str) -> dict[str, Any]:
    """Read a token's header."""
    part = token.split(".", maxsplit=1)[0]
    return msgspec.json.decode(base64.urlsafe_b64decode(part + "=="), type=dict[str, Any])
