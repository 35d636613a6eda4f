"""``verified_claims``: which verified claims an app asks for and gets. Pure.

OpenID Identity Assurance Schema 1.0 (what such a claim looks like) and OpenID Connect for
Identity Assurance 1.0 (how it is asked for). A request is a tree of the same form as the
answer: ``null`` asks for a member, ``value``, ``values`` and ``max_age`` bound it. What cannot be
met is left out whole: never a claim that is less sure than was asked for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from idp.oidc.errors import InvalidRequest
from idp.oidc.vocabulary import NATIONAL_ID, VERIFIED_IDENTITY

MEMBER = "verified_claims"
FRAMEWORK = "tw_gpki"
"""The government's certificates: the only framework that anything is verified under here."""
NAME = "name"
NATIONAL_ID_CLAIM = "urn:portico:claim:national_id"
UNIFORM_NUMBER_CLAIM = "urn:portico:claim:uniform_number"
ORGANISATION_OID_CLAIM = "urn:portico:claim:organisation_oid"
SCOPE_OF_VERIFIED: Mapping[str, str] = {
    NAME: VERIFIED_IDENTITY,
    UNIFORM_NUMBER_CLAIM: VERIFIED_IDENTITY,
    ORGANISATION_OID_CLAIM: VERIFIED_IDENTITY,
    NATIONAL_ID_CLAIM: NATIONAL_ID,
}
_BOUNDS = {"value", "values", "max_age", "essential", "purpose"}
_AT_MOST = 8  # elements of one request

Group = Mapping[str, Any]
"""One element of the answer: ``verification`` and ``claims``, whole."""


def read(asked: Any) -> list[dict[str, Any]]:
    """Read what a ``claims`` parameter says under ``verified_claims``.

    Raises:
        InvalidRequest: it is not of the form of section 5 of OIDC for Identity Assurance.
    """
    elements = asked if isinstance(asked, list) else [asked]
    if not 0 < len(elements) <= _AT_MOST:
        raise InvalidRequest("verified_claims asks for nothing, or for too much")
    for one in elements:
        parts = one if isinstance(one, dict) else {}
        verification, wanted = parts.get("verification"), parts.get("claims")
        if not isinstance(verification, dict) or "trust_framework" not in verification:
            raise InvalidRequest("verified_claims needs verification with a trust_framework")
        if not isinstance(wanted, dict) or not wanted:
            raise InvalidRequest("verified_claims needs claims")
    return list(elements)


def scopes_of(elements: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Give the scopes that the claims asked for belong to."""
    names = {name for one in elements for name in one["claims"]}
    return frozenset(SCOPE_OF_VERIFIED[name] for name in names if name in SCOPE_OF_VERIFIED)


def by_scopes(groups: Sequence[Group], scopes: frozenset[str]) -> list[dict[str, Any]]:
    """Give what scopes alone ask for: every claim of theirs, without the evidence."""
    found = []
    for one in groups:
        told = _within(one["claims"], scopes)
        if told:
            verification = {k: v for k, v in one["verification"].items() if k != "evidence"}
            found.append({"verification": verification, "claims": told})
    return found


def by_request(
    groups: Sequence[Group],
    elements: Sequence[Mapping[str, Any]],
    scopes: frozenset[str],
    now: datetime,
) -> list[dict[str, Any]]:
    """Give what was asked for element by element; what cannot be met is left out."""
    found = []
    for asked in elements:
        for held in groups:
            verification = _met(asked["verification"], held["verification"], now)
            wanted = {name: how for name, how in asked["claims"].items() if name in held["claims"]}
            told = _met(wanted, _within(held["claims"], scopes), now) if wanted else None
            if verification and told:
                found.append({"verification": verification, "claims": told})
    return found


def _within(claims: Mapping[str, Any], scopes: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if SCOPE_OF_VERIFIED[name] in scopes}


def _met(asked: Any, held: Any, now: datetime) -> Any:
    """Give the part of ``held`` that is asked for; ``None``: a bound is not kept."""
    if asked is None:
        return held
    if isinstance(asked, list):
        return _met_list(asked, held, now)
    if not isinstance(asked, dict):
        return None
    if not isinstance(held, Mapping):
        return held if _is_within(asked, held, now) else None
    found = {}
    for name, how in asked.items():
        told = _met(how, held[name], now) if name in held else None
        if told is not None:
            found[name] = told
        elif _is_bound(how):
            return None
    return found


def _met_list(asked: list[Any], held: Any, now: datetime) -> list[Any] | None:
    """Each thing asked for has to match one that is held (section 5.4: a list is no order)."""
    found, things = [], held if isinstance(held, list) else []
    for one in asked:
        told = [part for each in things if (part := _met(one, each, now))]
        if not told:
            return None
        found += told
    return found


def _is_within(bounds: Mapping[str, Any], held: Any, now: datetime) -> bool:
    if "value" in bounds and held != bounds["value"]:
        return False
    if "values" in bounds:
        values = bounds["values"]
        if not isinstance(values, list) or held not in values:
            return False
    return "max_age" not in bounds or _is_young(bounds["max_age"], held, now)


def _is_young(seconds: Any, held: Any, now: datetime) -> bool:
    if not isinstance(seconds, int | float) or not isinstance(held, str):
        return False
    try:
        return now - datetime.fromisoformat(held) <= timedelta(seconds=seconds)
    except (ValueError, OverflowError, TypeError):
        return False


def _is_bound(asked: Any) -> bool:
    """Tell whether something is demanded anywhere below, beyond being told."""
    if isinstance(asked, list):
        return any(_is_bound(one) for one in asked)
    if not isinstance(asked, dict):
        return False
    if set(asked) & (_BOUNDS - {"purpose"}):
        return True
    return any(_is_bound(one) for one in asked.values())
