"""The values that accounts are spoken of in."""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

SUBJECT_PREFIX = "s_"
"""Begins every account's ``sub`` and no ``client_id``: one can never pass for the other."""


class State(StrEnum):
    """Whether an account may be used. Nothing brings a closed one back."""

    PENDING = "pending"
    """Registered, and not activated yet (B03)."""
    ACTIVE = "active"
    DISABLED = "disabled"
    CLOSED = "closed"


class Kind(StrEnum):
    """Kinds of account (身分別), manual P10 to P12 and P20."""

    CITIZEN = "citizen"
    UNCERTIFIED = "uncertified"
    """非憑證帳號 (B01): nobody but a mailbox vouches for it."""
    ORGANISATION = "organisation"
    LAWYER = "lawyer"
    ACCOUNTANT = "accountant"
    PATENT_ATTORNEY = "patent_attorney"
    PATENT_AGENT = "patent_agent"
    FIRM_ADMINISTRATOR = "firm_administrator"
    JUDGE = "judge"
    STAFF = "staff"


class SecondFactor(StrEnum):
    """Whether an account can show a second factor, and when it is asked for one."""

    NONE = "none"
    ON_DEMAND = "on_demand"
    """It has one; asked for where an app wants it."""
    ALWAYS = "always"
    """It has one; a password alone opens nothing."""


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ``address`` claim (OIDC Core section 5.1.1)."""

    formatted: str = ""
    street_address: str = ""
    locality: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a person, by the names of the standard claims (OIDC Core section 5.1)."""

    name: str = ""
    given_name: str = ""
    family_name: str = ""
    middle_name: str = ""
    nickname: str = ""
    preferred_username: str = ""
    profile: str = ""
    picture: str = ""
    website: str = ""
    gender: str = ""
    birthdate: str = ""
    """``YYYY-MM-DD``, or ``0000-MM-DD`` where the year is withheld."""
    zoneinfo: str = ""
    locale: str = ""
    phone_number: str = ""
    """E.164, ``+886912345678``."""
    phone_number_verified: bool = False
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Email:
    """An address of an account; the first verified one is its e-mail to apps."""

    address: str
    verified: bool


@dataclass(frozen=True, slots=True)
class ProvenEmail:
    """An address whose mail the account's owner reads, and since when that is known."""

    address: str = field(repr=False)
    since: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the doors see it."""

    id: UUID
    subject: str
    """``sub`` of the ID token: random, never reused, tells nothing."""
    account_name: str
    kind: Kind
    state: State
    epoch: int
    """Raised to end everything at once; sessions and grants of another epoch are dead."""
    profile: Profile
    email: Email | None
    updated_at: int
    """NumericDate."""
    locale: str = "zh-Hant"
    """The language of its mails."""
    electronic_id: str = ""
    accepted_terms: str = ""
    second_factor: SecondFactor = SecondFactor.NONE


@dataclass(frozen=True, slots=True)
class Office:
    """Somebody's office."""

    directory: str
    """Its id in the configuration."""
    ad_account: str
    court: str = ""
    """A code of the configuration; empty where none is known."""
    court_name: str = ""
    court_is_chosen: bool = False
    """Whether its holder chose the court from the list, because the directory names none."""
    department: str = ""
    title: str = ""
    employee_number: str = ""
    roles: tuple[str, ...] = ()
    court_told: str = ""
    """What the directory has in the place of a court and no configuration knows; for no app."""
    also_login: str = ""
    """The other name that its holder signs in under; empty where it is the account's own."""

    @property
    def login(self) -> str:
        """What attempts to sign in to it are counted under."""
        return login_of(self.directory, self.ad_account)


def login_of(directory: str, account: str) -> str:
    """Write the one form of a name in a directory."""
    return f"{directory}:{account.casefold()}"


NOBODY = UUID(int=0)
"""No account has this id; asked for where there is none, so that the work is the same."""


def address_key(address: str) -> str:
    """Give the one form of an e-mail address that addresses are compared by."""
    return unicodedata.normalize("NFKC", address).strip().casefold()


def masked_address(address: str) -> str:
    """Write an e-mail address so that its owner knows it and nobody else learns it."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def canonical_name(typed: str) -> str:
    """Give the one form of an account name that is stored, looked up and counted.

    Compatibility forms and case are folded (NFKC, capitals), so that what an input method
    writes in full width is the account it looks like.
    """
    return unicodedata.normalize("NFKC", typed).strip().upper()
