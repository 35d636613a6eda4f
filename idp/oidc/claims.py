"""Which claims an app receives, and where (OIDC Core sections 5.4 and 5.5).

What a scope asks for is answered at userinfo; the ID token stays lean. The ``claims``
parameter may ask for single claims in either place. What is not known is left out: an
absent claim, never an empty one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

import msgspec

from idp.accounts.model import Account, Kind, Office
from idp.authenticators.directory.courts import Courts
from idp.oidc import identity_assurance
from idp.oidc.errors import InvalidRequest
from idp.oidc.identity_assurance import Group
from idp.oidc.vocabulary import JUDICIARY, NATIONAL_ID, VERIFIED_IDENTITY, Scope

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
    JUDICIARY: (
        "court",
        "court_name",
        "department",
        "title",
        "ad_account",
        "employee_number",
        "roles",
    ),
}
OF_OFFICE = frozenset(OF_SCOPE[JUDICIARY])
"""What a directory says of its people; of others there is nothing to tell."""
SCOPE_OF: Mapping[str, str] = {name: scope for scope, names in OF_SCOPE.items() for name in names}


VERIFIED = identity_assurance.MEMBER
_OF_VERIFIED = frozenset({VERIFIED_IDENTITY, NATIONAL_ID})


class ClaimsRequest(msgspec.Struct, frozen=True):
    """The ``claims`` parameter; unknown members are ignored (OIDC Core section 5.5)."""

    userinfo: dict[str, dict[str, Any] | list[Any] | None] = {}
    id_token: dict[str, dict[str, Any] | list[Any] | None] = {}

    def in_id_token(self, name: str) -> dict[str, Any]:
        """Give what is said of a claim of the ID token; empty where it is not asked for."""
        found = self.id_token.get(name)
        return found if isinstance(found, dict) else {}

    def verified(self) -> dict[str, list[dict[str, Any]]]:
        """Give what is asked for under ``verified_claims``, by place.

        Raises:
            InvalidRequest: it is not of the form that OIDC for Identity Assurance has.
        """
        places = {"userinfo": self.userinfo, "id_token": self.id_token}
        return {
            place: identity_assurance.read(asked[VERIFIED])
            for place, asked in places.items()
            if VERIFIED in asked
        }


_NOTHING = ClaimsRequest()  # what most requests ask for in this way


def parse(parameter: str) -> ClaimsRequest:
    """Read the ``claims`` parameter.

    Raises:
        InvalidRequest: it is not JSON of the form of section 5.5.
    """
    if not parameter:
        return _NOTHING
    try:
        found = msgspec.json.decode(parameter, type=ClaimsRequest)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        raise InvalidRequest("claims is not a claims request object") from None
    if any(isinstance(one, list) for one in _plain(found)):
        raise InvalidRequest("claims is not a claims request object")
    found.verified()
    return found


def _plain(request: ClaimsRequest) -> Iterator[object]:
    for asked in (request.userinfo, request.id_token):
        yield from (how for name, how in asked.items() if name != VERIFIED)


def scopes_of(request: ClaimsRequest) -> frozenset[str]:
    """Give the scopes that the claims belong to: who asks one by one asks for no less."""
    if request is _NOTHING:
        return frozenset()
    names = {*request.userinfo, *request.id_token}
    verified = (identity_assurance.scopes_of(one) for one in request.verified().values())
    return frozenset(SCOPE_OF[name] for name in names if name in SCOPE_OF).union(*verified)


def stored(request: ClaimsRequest, scopes: frozenset[str]) -> dict[str, Any] | None:
    """Give the form that is kept with an authorization; ``None`` for an empty request.

    Args:
        scopes: what the client may have at all; a claim of no such scope is left out.
    """
    if request is _NOTHING:
        return None
    kept: dict[str, Any] = {
        place: [name for name in asked if SCOPE_OF.get(name) in scopes]
        for place, asked in (("userinfo", request.userinfo), ("id_token", request.id_token))
    }
    verified = {
        place: elements
        for place, elements in request.verified().items()
        if identity_assurance.scopes_of(elements) & scopes
    }
    if verified:
        kept[VERIFIED] = verified
    return kept if kept["userinfo"] or kept["id_token"] or verified else None


def supported(*, offices: bool) -> list[str]:
    """List what can be told of somebody here.

    Args:
        offices: whether there is a directory that people have offices in.
    """
    told = [name for names in OF_SCOPE.values() for name in names]
    return ["sub", *(name for name in told if offices or name not in OF_OFFICE)]


def of_userinfo(
    account: Account,
    scopes: frozenset[str],
    single: frozenset[str],
    office: Callable[[], Mapping[str, Any]],
) -> dict[str, Any]:
    """Collect what userinfo answers: the scopes' claims and those asked for one by one.

    Args:
        office: reads the account's as :func:`of_office` writes it; called only if something of it
            is asked for.
    """
    names = {name for scope in scopes for name in OF_SCOPE.get(scope, ())}
    return _known(account, names | single, office)


def of_office(held: Office | None, courts: Courts) -> dict[str, Any]:
    """Write somebody's office as claims; the court's name also by language (section 5.2)."""
    if held is None:
        return {}
    told: dict[str, Any] = {name: getattr(held, name) for name in OF_OFFICE}
    by_language = {f"court_name#{tag}": name for tag, name in courts.tagged(held).items()}
    return told | by_language | {"roles": list(held.roles) or ""}


def single(asked: Mapping[str, Any] | None, scopes: frozenset[str]) -> frozenset[str]:
    """Give the claims that were asked for at userinfo, as far as ``scopes`` still reach."""
    return frozenset(
        name for name in (asked or {}).get("userinfo", ()) if SCOPE_OF.get(name) in scopes
    )


def of_id_token(
    account: Account,
    asked: Mapping[str, Any] | None,
    scopes: frozenset[str],
    office: Callable[[], Mapping[str, Any]],
) -> dict[str, Any]:
    """Collect what was asked for in the ID token by name, and by ``scopes`` where it is alone."""
    names = {name for scope in scopes for name in OF_SCOPE.get(scope, ())}
    return _known(account, names | set((asked or {}).get("id_token", ())), office)


def wants_account(asked: Mapping[str, Any] | None) -> bool:
    """Whether the ID token needs the account's profile at all: it usually does not."""
    return bool((asked or {}).get("id_token") or "id_token" in (asked or {}).get(VERIFIED, {}))


def wants_verified(asked: Mapping[str, Any] | None, place: str, scopes: frozenset[str]) -> bool:
    """Whether anything verified is to be told at a place; it usually is not."""
    return place in (asked or {}).get(VERIFIED, {}) or bool(scopes & _OF_VERIFIED)


def verified(
    groups: Sequence[Group],
    asked: Mapping[str, Any] | None,
    place: str,
    scopes: frozenset[str],
    *,
    by_scopes: frozenset[str],
    now: datetime,
) -> dict[str, Any]:
    """Collect ``verified_claims`` for a place; an empty answer has no such member.

    Args:
        scopes: what the client may have at all, which bounds every request.
        by_scopes: what is told without being asked for claim by claim.
    """
    elements = (asked or {}).get(VERIFIED, {}).get(place)
    if elements is not None:
        found = identity_assurance.by_request(groups, elements, scopes, now)
    else:
        found = identity_assurance.by_scopes(groups, by_scopes)
    return {VERIFIED: found} if found else {}


def _known(
    account: Account, names: AbstractSet[str], office: Callable[[], Mapping[str, Any]]
) -> dict[str, Any]:
    known: dict[str, Any] = msgspec.to_builtins(account.profile)
    known["preferred_username"] = account.profile.preferred_username or account.account_name
    known["updated_at"] = account.updated_at
    if account.email is not None:
        known |= {"email": account.email.address, "email_verified": account.email.verified}
    if "phone_number" in known:
        known.setdefault("phone_number_verified", False)
    if names & OF_OFFICE and account.kind is Kind.JUDGE:
        known |= office()
    return {
        name: value
        for name, value in known.items()
        if value != "" and (name in names or ("#" in name and name.partition("#")[0] in names))
    }
