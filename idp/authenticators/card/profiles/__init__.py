"""The kinds of national cards, as data: one TOML file a kind. Pure.

A kind is known by who issued the certificate, never by a name in it: four generations of an
authority bear one name. Adding a kind is a file here and its words in ``idp.web.wording``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from idp.authenticators.card.leaf import Attribute, Leaf
from idp.authenticators.card.reasons import Flaw, Unfit

SUBJECT_TYPE = "2.16.886.1.100.2.1"
RANK = "2.16.886.1.100.2.2"
_RANKS = {"primary", "secondary", "mobile"}


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The attribute that says who the holder is."""

    attribute: str
    """Dotted."""
    means: str
    """``id_tail``, ``uniform_number`` or ``organisation_oid``."""
    pattern: str
    is_oid: bool = False


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of card."""

    id: str
    account_kind: str
    """A value of :class:`idp.accounts.model.Kind`."""
    subject_types: list[str]
    identity: Identity
    policies: list[str]
    name_from: list[str]
    """The parts of the subject that make the holder's name, the most telling last."""
    number_from: str = ""
    """The part of the subject that holds the authority's own number of the holder."""
    number_pattern: str = ""
    hosts: list[str] = []
    """Whom we may ask about revocation; no address in a certificate leads anywhere else."""
    complete_crls: list[str] = []
    """Lists of everything revoked, fetched in the background."""


@dataclass(frozen=True, slots=True)
class CardHolder:
    """Whom a certificate names, once its issuer was found; true only if the rest is."""

    profile_id: str
    name: str
    subject_number: str
    """The authority's number; of organisations what identifies them."""
    id_tail: str = ""
    """The last four characters of the national id."""
    uniform_number: str = ""
    organisation_oid: str = ""
    rank: str = ""
    """``primary``, ``secondary``, ``mobile``, or empty."""


@cache
def all_profiles() -> Mapping[str, Profile]:
    """Read the files of this package."""
    found = (
        msgspec.toml.decode(one.read_bytes(), type=Profile)
        for one in files(__package__).iterdir()
        if one.name.endswith(".toml")
    )
    return {profile.id: profile for profile in sorted(found, key=lambda one: one.id)}


def describe(profile: Profile, leaf: Leaf) -> CardHolder | Unfit:
    """Say whom a certificate of this kind names (cards.md section 3.3).

    What is not as the profile has it is refused, not guessed at.
    """
    if not set(profile.policies) & set(leaf.policies):
        return Unfit(Flaw.WRONG_POLICY, ",".join(leaf.policies))
    held = leaf.attributes.get(SUBJECT_TYPE)
    if held is None or not held.is_oid or held.value not in profile.subject_types:
        return Unfit(Flaw.WRONG_HOLDER_TYPE, held.value if held else "")
    identity = _identity(profile.identity, leaf.attributes)
    name = _name(profile, leaf)
    number = _number(profile, leaf)
    rank = _rank(leaf.attributes)
    if identity is None or not name or number is None or rank is None:
        return Unfit(Flaw.WRONG_ATTRIBUTES)
    if profile.identity.means == "uniform_number" and number not in {"", identity}:
        return Unfit(Flaw.WRONG_ATTRIBUTES, "two numbers")
    said = {profile.identity.means: identity}
    return CardHolder(profile.id, name, number or identity, rank=rank, **said)


def _identity(rule: Identity, attributes: Mapping[str, Attribute]) -> str | None:
    found = attributes.get(rule.attribute)
    if found is None or found.is_oid != rule.is_oid:
        return None
    return found.value if re.fullmatch(rule.pattern, found.value, re.ASCII) else None


def _name(profile: Profile, leaf: Leaf) -> str:
    parts = [part for name in profile.name_from for part in leaf.subject.get(name, ())]
    return parts[-1].strip() if parts else ""


def _number(profile: Profile, leaf: Leaf) -> str | None:
    """Give the number, empty where the certificate has none; ``None`` where it is no number."""
    found = leaf.subject.get(profile.number_from, ()) if profile.number_from else ()
    if not found:
        return "" if profile.identity.means != "id_tail" else None
    is_number = len(found) == 1 and re.fullmatch(profile.number_pattern, found[0], re.ASCII)
    return found[0] if is_number else None


def _rank(attributes: Mapping[str, Attribute]) -> str | None:
    found = attributes.get(RANK)
    if found is None:
        return ""
    return found.value if not found.is_oid and found.value in _RANKS else None
