"""What an authorization request would let its client have, and so what a person consents to.

Decided here alone: what the consent page shows, what is remembered and what is issued are the
same. Pure.
"""

from typing import Any

from idp.oidc import claims
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.model import Client


def scope(request: AuthorizationRequest, client: Client) -> str:
    """Write the scope of the tokens: what was asked for and registered."""
    return " ".join(sorted(request.scopes & client.scopes))


def single_claims(request: AuthorizationRequest, client: Client) -> dict[str, Any] | None:
    """Give the claims asked for one by one, as they are kept; the registration bounds them too."""
    return claims.stored(claims.parse(request.claims), client.scopes)


def scopes(request: AuthorizationRequest, client: Client) -> frozenset[str]:
    """Give every scope that the client would have data of, by its name or claim by claim."""
    asked = request.scopes | claims.scopes_of(claims.parse(request.claims))
    return asked & client.scopes
