"""Accounts, from the registration to the end, and what is known of their holders."""

from typing import Literal

from idp.audit.events.event import Event


class AccountAdded(Event, frozen=True):
    """An account was made."""

    name = "account.added"
    for_owner = True
    kind: str


class AccountRegistered(Event, frozen=True):
    """A person went through a registration to its end."""

    name = "account.registered"
    for_owner = True
    kind: str
    proof: str
    terms: str
    evidence: str = ""
    """SHA-256 of the package of the card that it rests on."""


class RegistrationRefused(Event, frozen=True):
    """A card was shown in a registration and did not serve."""

    name = "registration.refused"
    why: str


class AccountActivated(Event, frozen=True):
    """The link of the confirmation mail was used."""

    name = "account.activated"
    for_owner = True


class AccountChanged(Event, frozen=True):
    """A person changed what is known of them; which fields, never what they hold."""

    name = "account.changed"
    for_owner = True
    fields: list[str]


class EmailsChanged(Event, frozen=True):
    """An address joined an account, left it, or became its first."""

    name = "emails.changed"
    for_owner = True
    act: Literal["added", "removed", "first", "withdrawn", "restored"]


class TermsAccepted(Event, frozen=True):
    """A person accepted a version of the terms."""

    name = "terms.accepted"
    for_owner = True
    version: str


class NationalIdAsked(Event, frozen=True):
    """The authority of a card was asked whether the account's national id is its holder's."""

    name = "national_id.asked"
    said: str


class NationalIdShared(Event, frozen=True):
    """Two accounts of a kind have the same national id, confirmed for one of them at most.

    Somebody has typed another's, or one person has two numbers of their authority.
    """

    name = "national_id.shared"
    other: str
    """The subject of the other account."""


class DataExported(Event, frozen=True):
    """A person downloaded what is known of them."""

    name = "data.exported"
    for_owner = True


class AccountClosed(Event, frozen=True):
    """A person closed their account; its personal data is gone."""

    name = "account.closed"


class AccountsImported(Event, frozen=True):
    """Accounts of another system were made: one batch of a file, in one transaction."""

    name = "accounts.imported"
    accounts: int
    first_row: int
    last_row: int


class AccountsExported(Event, frozen=True):
    """An operator took all accounts out; ``personal`` and ``hashes`` say how much of them."""

    name = "accounts.exported"
    personal: bool
    hashes: bool
