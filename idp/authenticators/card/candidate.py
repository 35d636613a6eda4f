"""A card on its way to being believed, and one that is."""

from dataclasses import dataclass

from idp.authenticators.card.authority import Authority
from idp.authenticators.card.leaf import Leaf
from idp.authenticators.card.profiles import CardHolder, Profile
from idp.authenticators.card.reasons import Flaw, Unfit
from idp.authenticators.card.revocation import Cleared, Listed


@dataclass(frozen=True, slots=True)
class Candidate:
    """A certificate that says to be a card's, with what is on record about its issuer."""

    leaf: Leaf
    holder: CardHolder
    profile: Profile
    authority: Authority
    listed: Listed | None


@dataclass(frozen=True, slots=True)
class Proven:
    """A certificate that is good at this moment, and what shows it."""

    candidate: Candidate
    cleared: Cleared


def without_grace(outcome: Proven | Unfit) -> Proven | Unfit:
    """Take no list past its time for it: a card that is added opens the account for years."""
    if isinstance(outcome, Proven) and outcome.cleared.is_degraded:
        return Unfit(Flaw.COULD_NOT_CHECK, "a list past its time")
    return outcome
