"""Smart cards, and the authorities that issue them."""

from typing import Literal

from idp.audit.events.event import Event


class AuthorityInstalled(Event, frozen=True):
    """An administrator has installed an authority of smart cards, switched off."""

    name = "authority.installed"
    kind: str
    fingerprint: str


class AuthoritySwitched(Event, frozen=True):
    """From now on, or no longer, cards of an authority are taken."""

    name = "authority.switched"
    fingerprint: str
    on: bool


class AuthorityStanding(Event, frozen=True):
    """The root of an authority says something new of it; a fallen one's cards prove nothing."""

    name = "authority.standing"
    fingerprint: str
    standing: str


class AuthorityRemoved(Event, frozen=True):
    """An authority of smart cards was forgotten."""

    name = "authority.removed"
    fingerprint: str


class CardPresented(Event, frozen=True):
    """A card has signed a challenge; the hash names the package that shows it.

    Empty of a certificate that no authority has issued: nothing of it is kept.
    """

    name = "card.presented"
    decision: str
    evidence: str


class CardAdded(Event, frozen=True):
    """A card opens one more account."""

    name = "card.added"
    for_owner = True
    why: Literal["added", "renewed", "help_desk"]
    """``renewed``: it agrees with an earlier card of the account in everything. ``help_desk``: an
    operator has seen the card and its holder; it has signed nothing."""
    certificate: str
    evidence: str = ""
    differs: str = ""
    """In what it is no renewal of a card that the account had; empty: it is one."""


class CardNotAdded(Event, frozen=True):
    """A card was to open an account, and was refused; ``why`` is the true reason."""

    name = "card.not_added"
    why: str
    evidence: str = ""


class CardRemoved(Event, frozen=True):
    """A card no longer opens an account."""

    name = "card.removed"
    for_owner = True
    why: Literal["person", "disowned", "help_desk"]
