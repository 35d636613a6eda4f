"""What the Foundation's suite looks at in every answer, whatever the module is about."""

import base64
import hashlib
import math
import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from tests.labs.signing import header_of
from tests.people import BASE

OF_THE_PROTOCOL = frozenset(
    {
        "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash",
        "c_hash", "s_hash", "nbf", "jti", "sid", "txn",
    }
)  # fmt: skip
"""What an ID token may hold that nobody asked for."""
_IN_AN_ERROR = {"error", "error_description", "error_uri", "state", "session_state", "iss"}
_ERROR_TEXT = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")  # RFC 6749 section 5.2
_BIRTHDATE = re.compile(r"(\d{4})(-\d\d-\d\d)?")
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_OLDEST_SECONDS = 300
_YEAR_SECONDS = 31_536_000


def bits_of_chance(handle: str) -> float:
    """Estimate the entropy of a handle by Shannon's formula over its characters."""
    shares = [count / len(handle) for count in Counter(handle).values()]
    return -len(handle) * sum(share * math.log2(share) for share in shares)


def demand_handle(handle: str, bits: int = 96) -> None:
    """A code or a token cannot be guessed, and travels in a header."""
    assert len(handle) >= 16
    assert bits_of_chance(handle) >= bits
    assert re.fullmatch(r"[\x20-\x7e]+", handle)


def left_half(value: str) -> str:
    """Compute ``at_hash`` and ``c_hash`` anew (OIDC Core section 3.3.2.11)."""
    half = hashlib.sha256(value.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


def keys_of(document: Any) -> KeySet:
    """Read the provider's keys: public ones, each under a name of its own."""
    kids = [key["kid"] for key in document["keys"]]
    assert len(set(kids)) == len(kids) > 0
    assert not any(_PRIVATE & set(key) for key in document["keys"])
    assert not any(key["kty"] == "oct" for key in document["keys"])
    return KeySet.import_key_set(document)


def demand_signed(token: str, keys: KeySet, *, alg: str, aud: str) -> dict[str, Any]:
    """Verify what the provider has signed for a client, and give its claims."""
    header = header_of(token)
    assert header["alg"] == alg
    assert header["kid"] in {key.kid for key in keys.keys}
    claims = dict(jwt.decode(token, keys, algorithms=[alg]).claims)
    assert claims["iss"] == BASE
    assert claims["aud"] in (aud, [aud])
    return claims


def demand_id_token(token: str, keys: KeySet, now: int, *, alg: str, aud: str) -> dict[str, Any]:
    """Verify an ID token and give its claims."""
    claims = demand_signed(token, keys, alg=alg, aud=aud)
    assert claims["sub"]
    assert claims["exp"] > now
    assert now - _OLDEST_SECONDS <= claims["iat"] <= now + 1
    assert claims.get("auth_time", 1) <= claims["iat"]
    assert claims.get("acr", "one")
    demand_claims(claims)
    return claims


def demand_claims(claims: Mapping[str, Any]) -> None:
    """Every standard claim that is there is of its kind, and says something."""
    for name, value in claims.items():
        if isinstance(value, str):
            assert value.strip() not in {"", "null"}, name
    for name in ("email_verified", "phone_number_verified"):
        assert isinstance(claims.get(name, True), bool)
    assert isinstance(claims.get("updated_at", 1), int)
    address = claims.get("address", {"country": "TW"})
    assert address
    assert all(isinstance(part, str) and part for part in address.values())
    birthdate = _BIRTHDATE.fullmatch(claims.get("birthdate", "1850"))
    assert birthdate
    assert birthdate[1] == "0000" or 1850 <= int(birthdate[1]) <= 2100


def demand_tokens(reply: TestResponse) -> dict[str, Any]:
    """Look at what the token endpoint gave."""
    assert reply.status_code == 200, reply.text
    assert reply.content_type == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"
    document: dict[str, Any] = reply.json or {}
    demand_handle(document["access_token"])
    demand_handle(document.get("refresh_token", document["access_token"]))
    assert isinstance(document["expires_in"], int)
    assert 0 < document["expires_in"] <= _YEAR_SECONDS
    return document


def demand_error(reply: TestResponse, *errors: str) -> None:
    """A refusal of an endpoint is JSON that names its error in plain ASCII."""
    document: dict[str, str] = reply.json or {}
    assert reply.content_type == "application/json"
    assert document["error"] in errors, document
    assert reply.status_code == (401 if document["error"] == "invalid_client" else 400)
    demand_error_text(document)


def demand_error_answer(parameters: Mapping[str, str], also: Collection[str] = ()) -> None:
    """A refusal that travels through the browser holds what it may hold and no more."""
    assert "error" in parameters, parameters
    assert set(parameters) <= _IN_AN_ERROR | set(also)
    demand_error_text(parameters)


def demand_error_text(document: Mapping[str, str]) -> None:
    """No accents, quotes, backslashes or line breaks where RFC 6749 allows none."""
    for name in ("error", "error_description", "error_uri"):
        assert _ERROR_TEXT.fullmatch(document.get(name, ""))
