"""Ways to prove who one is. Each is a package that knows nothing of the others.

``prove`` does the slow part (Argon2, an OCSP call, an LDAP bind) with no transaction
open, and returns what was proven or why not. The door has read what it needs before and
records what came of it after.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

Evidence = TypeVar("Evidence", contravariant=True)


class Reason(StrEnum):
    """Why an attempt was refused. ``idp.web.wording`` has a sentence for each, in each locale."""

    WRONG_CREDENTIALS = "wrong_credentials"
    """Unknown account, wrong password, disabled account: the page must not tell them apart."""
    NOT_ACTIVATED = "not_activated"
    """The password is right; the link of the confirmation mail has not been used (B03)."""
    PASSWORD_EXPIRED = "password_expired"
    """The password is right, and older than the policy of the account's kind allows."""
    CAPTCHA_WRONG = "captcha_wrong"
    CAPTCHA_MISSING = "captcha_missing"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    CODE_WRONG = "code_wrong"
    """A second factor's code: mistyped, too old, or used already."""
    PASSKEY_REFUSED = "passkey_refused"
    """Not a passkey of this account, not in time, or not verified."""
    BUSY = "busy"
    """More people sign in at this moment than the machine can serve."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who was proven, in the words of the way it was proven."""

    kind: str
    """``account``, ``card`` or ``directory``."""
    key: str
    """Never reused and never renamed: account id, fingerprint of the card's subject, objectGUID."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The person at the browser is the holder of ``identity``."""

    identity: Identity
    amr: tuple[str, ...]
    """Authentication method references, RFC 8176: ``("pwd",)``, ``("hwk", "pin")``."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing was proven. A value, not an exception: the attempt has to be recorded."""

    reason: Reason
    claimed: Identity | None = None
    """Whose counter to move, where the attempt named somebody who exists."""
    detail: str = ""
    """The true reason for the audit log, where the page may not tell it."""
    until: datetime | None = field(default=None, compare=False)
    """Before when it is no use to try again; the same for accounts that do not exist."""


class Authenticator(Protocol[Evidence]):
    """What ``idp.signin`` needs of a way to prove who one is."""

    def prove(self, evidence: Evidence) -> Proof | Refusal:
        """Check the evidence. Slow, thread-safe and called outside any transaction.

        Never raises for anything the person did or the outside world failed to do.
        """
        ...
