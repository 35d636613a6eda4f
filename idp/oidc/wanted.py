"""What an authorization request would let its client have, and so what a person consents to.

Decided here alone: what the consent page shows, what is remembered and what is issued are the
same. Pure.
"""

from typing import Any

import msgspec

from idp.consent.model import Permission
from idp.oidc import claims, narrowing
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.model import Client


def scope(request: AuthorizationRequest, client: Client) -> str:
    """Write the scope of the tokens: what was asked for and registered."""
    return " ".join(sorted(request.scopes & client.scopes))


def single_claims(request: AuthorizationRequest, client: Client) -> dict[str, Any] | None:
    """Give the claims asked for one by one, as they are kept; the registration bounds them too."""
    return claims.stored(claims.parse(request.claims), client.scopes)


def permission(request: AuthorizationRequest, client: Client) -> Permission:
    """Say what the person would allow: also every scope that is asked for claim by claim.

    Raises:
        InvalidTarget, InvalidAuthorizationDetails: the client may not ask for this.
    """
    scopes = request.scopes | claims.scopes_of(claims.parse(request.claims))
    if not request.resource and not request.authorization_details:
        return Permission(scopes & client.scopes)
    narrowed = narrowing.asked(client, request.resource, request.authorization_details)
    return Permission(
        scopes & client.scopes,
        frozenset(narrowed.resources),
        frozenset(
            msgspec.json.encode(one, order="deterministic").decode()
            for one in narrowed.authorization_details
        ),
    )
