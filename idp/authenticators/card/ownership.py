"""Whether a card is of the person whose account it is to open (cards.md section 3.5). Pure.

A certificate holds four characters of a national id and a number that is the authority's own.
Neither is an identity by itself: a card *agrees* with an account, or says in what it does not.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from idp.authenticators.card.profiles import CardHolder


class Mismatch(StrEnum):
    """In what a card is not of the account's owner; the first that is found."""

    KIND = "other_kind"
    """A card of an organisation for a person's account, or the other way round."""
    NAME = "other_name"
    HOLDER = "other_holder"
    """Its authority numbers its holder otherwise than that of the account's other card."""
    NATIONAL_ID = "other_national_id"
    UNIFORM_NUMBER = "other_uniform_number"
    ORGANISATION = "other_organisation"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A card that the account has already."""

    profile_id: str
    subject_number: str
    rank: str


@dataclass(frozen=True, slots=True)
class Owner:
    """What is on record of the owner of an account."""

    is_organisation: bool
    name: str
    national_id: str = ""
    """Empty: not on record."""
    uniform_number: str = ""
    organisation_oid: str = ""
    cards: Sequence[Earlier] = ()


class Doubt(StrEnum):
    """Why a card does not pass for the renewal of one that the account has."""

    NO_EARLIER_CARD = "no_earlier_card"
    """None of the same authority with the same number."""
    OTHER_RANK = "other_rank"
    """A primary card for a secondary one: somebody else of the organisation may hold it."""
    SECONDARY_CARD = "secondary_card"
    """Of an organisation, and not its primary one: nothing tells one colleague from another."""
    NUMBER_NOT_ON_RECORD = "number_not_on_record"
    """The account has no national id that the four characters could agree with."""


def mismatch(holder: CardHolder, owner: Owner) -> Mismatch | None:
    """Say in what a card and an account are not of the same holder; ``None``: they agree.

    What is not on record cannot disagree; the caller knows that the person is signed in.
    """
    if owner.is_organisation == bool(holder.id_tail):
        return Mismatch.KIND
    if _name(holder.name) != _name(owner.name):
        return Mismatch.NAME
    if owner.national_id and holder.id_tail and not owner.national_id.endswith(holder.id_tail):
        return Mismatch.NATIONAL_ID
    if owner.uniform_number and holder.uniform_number not in {"", owner.uniform_number}:
        return Mismatch.UNIFORM_NUMBER
    return _another_holder(holder, owner)


def doubt(holder: CardHolder, owner: Owner) -> Mismatch | Doubt | None:
    """Say why a card that nobody has added is not the renewal of one of the account's cards.

    ``None``: authority, number, rank, name and what the certificate says of the holder's identity
    all agree. Even then it follows only after another proof of the account.
    """
    same = [one for one in owner.cards if _is_numbered_alike(one, holder)]
    if not same:
        return Doubt.NO_EARLIER_CARD
    found = mismatch(holder, owner)
    if found is not None:
        return found
    if holder.id_tail and not owner.national_id:
        return Doubt.NUMBER_NOT_ON_RECORD
    if not any(one.rank == holder.rank for one in same):
        return Doubt.OTHER_RANK
    is_anybodys = not holder.id_tail and holder.rank != "primary"
    return Doubt.SECONDARY_CARD if is_anybodys else None


def _is_numbered_alike(earlier: Earlier, holder: CardHolder) -> bool:
    return (earlier.profile_id, earlier.subject_number) == (
        holder.profile_id,
        holder.subject_number,
    )


def _another_holder(holder: CardHolder, owner: Owner) -> Mismatch | None:
    """Compare by the authority's own number, that of any earlier card of the kind."""
    other = Mismatch.ORGANISATION if owner.is_organisation else Mismatch.HOLDER
    if owner.organisation_oid and holder.organisation_oid not in {"", owner.organisation_oid}:
        return other
    known = {one.subject_number for one in owner.cards if one.profile_id == holder.profile_id}
    return other if known and holder.subject_number not in known else None


def _name(written: str) -> str:
    """Give a name without what input methods and authorities write differently."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", written)).strip().casefold()
