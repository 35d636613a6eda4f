"""Why a certificate does not prove its holder: a word for the record and for the page's wording."""

from dataclasses import dataclass
from enum import StrEnum


class Flaw(StrEnum):
    """What is wrong, in the order in which it is looked for."""

    MALFORMED = "malformed"
    """Not the one DER encoding of a version 3 certificate, or longer than any card's."""
    WEAK_KEY = "weak_key"
    WEAK_SIGNATURE = "weak_signature"
    WRONG_PURPOSE = "wrong_purpose"
    """The encryption certificate of the card, a server's, an authority's."""
    UNKNOWN_CRITICAL = "unknown_critical"
    UNKNOWN_ISSUER = "unknown_issuer"
    """No authority that an administrator has installed and switched on."""
    WRONG_HOLDER_TYPE = "wrong_holder_type"
    """The holder is not of the kind that this issuer's cards are for."""
    WRONG_ATTRIBUTES = "wrong_attributes"
    """What says who the holder is lacks, comes twice, or is of another type."""
    WRONG_POLICY = "wrong_policy"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    WRONG_PATH = "wrong_path"
    """The issuer has not signed it, or is itself no longer good."""
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    """停用: refused now, and good again when its holder resumes it."""
    COULD_NOT_CHECK = "could_not_check"
    """Nobody could be asked whether it is revoked: neither good nor bad."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A certificate that proves nobody, and why."""

    flaw: Flaw
    detail: str = ""
    """For the record; never shown."""
