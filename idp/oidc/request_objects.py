"""Request objects (RFC 9101, OIDC Core section 6): the request as the client signed it.

Everything that is wrong with one is told on a page: until it is verified, nothing in it
says where an answer may go.
"""

from datetime import datetime
from typing import Any

import msgspec

from idp.keys.store import KeySet
from idp.oidc import checks, client_jwts, jwe
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.client_jwts import ALGS, FAPI_ALGS, Rules
from idp.oidc.errors import OAuthError
from idp.oidc.model import Client
from idp.oidc.server import Parts
from idp.oidc.tokens import BadToken
from idp.oidc.vocabulary import Profile

_PARAMETERS = frozenset(AuthorizationRequest.__struct_fields__) - {"request", "request_uri"}


class InvalidRequestObject(OAuthError):
    """The request object is not one that this client may send (RFC 9101 section 6)."""

    error = "invalid_request_object"


class InvalidRequestUri(OAuthError):
    """The reference leads nowhere (RFC 9101 section 5.2.3)."""

    error = "invalid_request_uri"


def unpack(
    parts: Parts,
    keys: KeySet,
    client: Client,
    outer: AuthorizationRequest,
    token: str,
    *,
    now: datetime,
) -> AuthorizationRequest:
    """Verify the object and give the request it holds.

    Under the profile ``oidc`` what it leaves out is taken from beside it (OIDC Core 6.1);
    otherwise, and for a client that signs all it asks, it is the whole request (RFC 9101, 6.3).

    Raises:
        InvalidRequestObject: nothing of it is believed.
    """
    try:
        token = jwe.decrypted(token, keys) if jwe.is_encrypted(token) else token
        claims = client_jwts.verify_request_object(
            parts.documents.keys(client.registration),
            token,
            client_id=client.client_id,
            rules=rules(client, parts.issuer),
            now=now,
        )
        inner = {name: _text(name, claims[name]) for name in _PARAMETERS if name in claims}
    except BadToken as bad:
        raise InvalidRequestObject(f"the request object: {bad}", redirect=False) from None
    except jwe.CannotDecrypt:
        raise InvalidRequestObject("the request object: no key opens it", redirect=False) from None
    if "request" in claims or "request_uri" in claims:
        raise InvalidRequestObject("a request object cannot hold another", redirect=False)
    inner["client_id"] = client.client_id
    signs_all = client.registration.require_signed_request_object
    if client.profile is not Profile.OIDC or signs_all:
        return checks.request_of(inner)
    beside = msgspec.to_builtins(outer)
    kept = {name: beside[name] for name in _PARAMETERS if name in beside}
    return checks.request_of(kept | inner)


def rules(client: Client, issuer: str) -> Rules:
    """Say how a client's request objects have to be signed."""
    strict = client.profile is Profile.FAPI2
    algs = FAPI_ALGS if strict else ALGS
    registered = client.registration.request_object_signing_alg
    return Rules(
        tuple(one for one in algs if registered in {"", one}), frozenset({issuer}), strict=strict
    )


def _text(name: str, value: Any) -> str:
    """Write a claim as the parameter of the same name would have been (OIDC Core 6.1)."""
    match value:
        case str() if "\x00" not in value:
            return value
        case bool():
            raise BadToken("a parameter is not a text")
        case int() | dict():
            return msgspec.json.encode(value).decode()
        case list() if name == "authorization_details":
            return msgspec.json.encode(value).decode()
        case list() if name == "resource":
            return " ".join(_text("", one) for one in value)
        case _:
            raise BadToken("a parameter is not a text")
