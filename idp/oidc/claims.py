"""Which claims an app receives, and where (OIDC Core sections 5.4 and 5.5).

What a scope asks for is answered at userinfo; the ID token stays lean. The ``claims``
parameter may ask for single claims in either place. What is not known is left out: an
absent claim, never an empty one.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from idp.accounts.model import Account
from idp.oidc.errors import InvalidRequest
from idp.oidc.vocabulary import Scope

OF_SCOPE: Mapping[str, tuple[str, ...]] = {
    Scope.PROFILE: (
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    Scope.EMAIL: ("email", "email_verified"),
    Scope.ADDRESS: ("address",),
    Scope.PHONE: ("phone_number", "phone_number_verified"),
}
SCOPE_OF: Mapping[str, str] = {name: scope for scope, names in OF_SCOPE.items() for name in names}
SUPPORTED = ("sub", *(name for names in OF_SCOPE.values() for name in names))


class ClaimsRequest(msgspec.Struct, frozen=True):
    """The ``claims`` parameter; unknown members are ignored (OIDC Core section 5.5)."""

    userinfo: dict[str, dict[str, Any] | None] = {}
    id_token: dict[str, dict[str, Any] | None] = {}


def parse(parameter: str) -> ClaimsRequest:
    """Read the ``claims`` parameter.

    Raises:
        InvalidRequest: it is not JSON of the form of section 5.5.
    """
    if not parameter:
        return ClaimsRequest()
    try:
        return msgspec.json.decode(parameter, type=ClaimsRequest)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        raise InvalidRequest("claims is not a claims request object") from None


def scopes_of(request: ClaimsRequest) -> frozenset[str]:
    """Give the scopes that the claims belong to: who asks one by one asks for no less."""
    names = {*request.userinfo, *request.id_token}
    return frozenset(SCOPE_OF[name] for name in names if name in SCOPE_OF)


def stored(request: ClaimsRequest, scopes: frozenset[str]) -> dict[str, Any] | None:
    """Give the form that is kept with an authorization; ``None`` for an empty request.

    Args:
        scopes: what the client may have at all; a claim of no such scope is left out.
    """
    kept = {
        place: [name for name in asked if SCOPE_OF.get(name) in scopes]
        for place, asked in (("userinfo", request.userinfo), ("id_token", request.id_token))
    }
    return kept if kept["userinfo"] or kept["id_token"] else None


def of_userinfo(account: Account, scopes: frozenset[str], single: frozenset[str]) -> dict[str, Any]:
    """Collect what userinfo answers: the scopes' claims and those asked for one by one."""
    names = {name for scope in scopes for name in OF_SCOPE.get(scope, ())}
    return _known(account, names | single)


def single(asked: Mapping[str, Any] | None, scopes: frozenset[str]) -> frozenset[str]:
    """Give the claims that were asked for at userinfo, as far as ``scopes`` still reach."""
    return frozenset(
        name for name in (asked or {}).get("userinfo", ()) if SCOPE_OF.get(name) in scopes
    )


def of_id_token(
    account: Account, asked: Mapping[str, Any] | None, scopes: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Collect what was asked for in the ID token by name, and by ``scopes`` where it is alone."""
    names = {name for scope in scopes for name in OF_SCOPE.get(scope, ())}
    return _known(account, names | set((asked or {}).get("id_token", ())))


def wants_account(asked: Mapping[str, Any] | None) -> bool:
    """Whether the ID token needs the account's profile at all: it usually does not."""
    return bool((asked or {}).get("id_token"))


def _known(account: Account, names: set[str]) -> dict[str, Any]:
    known: dict[str, Any] = msgspec.to_builtins(account.profile)
    known["preferred_username"] = account.profile.preferred_username or account.account_name
    known["updated_at"] = account.updated_at
    if account.email is not None:
        known |= {"email": account.email.address, "email_verified": account.email.verified}
    if "phone_number" in known:
        known.setdefault("phone_number_verified", False)
    return {name: value for name, value in known.items() if name in names and value != ""}
