"""What a grant is narrowed to: resources (RFC 8707) and authorization details (RFC 9396).

A token names the resources it is for, so that one of them cannot use it at another; details
say what was allowed more finely than a scope can. Pure.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from idp.oidc.errors import OAuthError
from idp.oidc.model import Client

_DETAILS_LIMIT = 20  # more than anybody can read on a page


class InvalidTarget(OAuthError):
    """A resource that the client may not have a token for (RFC 8707 section 2)."""

    error = "invalid_target"


class InvalidAuthorizationDetails(OAuthError):
    """Details that cannot be read, or of a type the client may not ask for (RFC 9396, 5)."""

    error = "invalid_authorization_details"


class Narrowed(msgspec.Struct, frozen=True, omit_defaults=True):
    """The form that is kept with an authorization."""

    resources: tuple[str, ...] = ()
    authorization_details: tuple[dict[str, Any], ...] = ()

    def kept(self) -> dict[str, Any] | None:
        """Give what is put on record; ``None`` where nothing was narrowed."""
        return msgspec.to_builtins(self) or None


def read(kept: Mapping[str, Any] | None) -> Narrowed:
    """Read what is on record."""
    return msgspec.convert(kept, Narrowed) if kept else _WIDE


def asked(client: Client, resource: str, authorization_details: str) -> Narrowed:
    """Read the parameters of a request.

    Raises:
        InvalidTarget, InvalidAuthorizationDetails: the client may not ask for this.
    """
    if not resource and not authorization_details:
        return _WIDE
    return Narrowed(_resources(client, resource), _details(client, authorization_details))


def _resources(client: Client, resource: str) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(resource.split()))
    if not frozenset(wanted) <= frozenset(client.registration.resources):
        raise InvalidTarget("resource is not registered for this client")
    return wanted


def _details(client: Client, authorization_details: str) -> tuple[dict[str, Any], ...]:
    if not authorization_details:
        return ()
    try:
        found = msgspec.json.decode(authorization_details, type=tuple[dict[str, Any], ...])
    except (msgspec.MsgspecError, RecursionError):
        raise InvalidAuthorizationDetails("not a list of objects") from None
    types = client.registration.authorization_details_types
    if not 0 < len(found) <= _DETAILS_LIMIT or any(one.get("type") not in types for one in found):
        raise InvalidAuthorizationDetails("a type that the client did not register, or too many")
    return found


def within(client: Client, kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Leave out of what is on record what the client may no longer ask for."""
    if kept is None:
        return None
    held, now = read(kept), client.registration
    return Narrowed(
        tuple(one for one in held.resources if one in now.resources),
        tuple(
            one
            for one in held.authorization_details
            if one.get("type") in now.authorization_details_types
        ),
    ).kept()


def audience(narrowed: Narrowed, resource: str, issuer: str) -> str | list[str]:
    """Say whom an access token is for: the resources asked for with it, or all of the grant.

    A grant that names resources is for userinfo as well, until a request for a token names
    some itself.

    Raises:
        InvalidTarget: one was not granted.
    """
    if not resource and not narrowed.resources:
        return issuer
    wanted = list(dict.fromkeys(resource.split()))
    if not frozenset(wanted) <= frozenset(narrowed.resources):
        raise InvalidTarget("resource was not granted")
    named = wanted or [issuer, *narrowed.resources]
    return named if len(named) > 1 else named[0]


_WIDE = Narrowed()
