"""The values that directories are spoken of in. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from idp.authenticators import Identity

IDENTITY_KIND = "directory"


class Standing(StrEnum):
    """Whether the directory lets a person in, and why not."""

    GOOD = "good"
    WRONG_CREDENTIALS = "wrong_credentials"
    """Not their password; of somebody who is known already: no such person any more."""
    NOBODY = "nobody"
    """No such name, or several people's: for the operator. People are told as of the above."""
    DISABLED = "disabled"
    EXPIRED = "expired"
    PASSWORD_EXPIRED = "password_expired"
    MUST_CHANGE = "must_change"
    LOCKED = "locked"
    OUTSIDE_HOURS = "outside_hours"
    OTHER_WORKSTATION = "other_workstation"
    NOT_ALLOWED = "not_allowed"
    """Good, and not one of the people this door is for (``people_group``)."""
    UNREACHABLE = "unreachable"
    """No domain controller answered in time."""
    UNANSWERED = "unanswered"
    """One took the password and did not answer in time: it may have counted it."""
    BUSY = "busy"
    """As many as may are with the directory at this moment: nobody was asked."""
    MISCONFIGURED = "misconfigured"
    """An answer that only an operator can mend; the log says which."""


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """What a directory says of a person who may sign in."""

    directory: str
    """Its id in the configuration."""
    guid: str
    """``objectGUID`` as a UUID in lower case; ``entryUUID`` elsewhere. Outlives names and moves."""
    account: str
    name: str
    """As the directory writes it; may end in a title."""
    title: str
    court: str
    """A code of ``courts``; empty where the directory names none that is known."""
    court_name: str
    department: str
    mails: tuple[str, ...]
    """Suggestions: nobody has proven them."""
    employee_number: str
    """Empty unless ``employee_numbers``."""
    roles: tuple[str, ...]
    court_told: str = ""
    """What the directory has in the place of a court where that is none of ``courts``."""

    @property
    def identity(self) -> Identity:
        """What an account is found by."""
        return Identity(IDENTITY_KIND, f"{self.directory}:{self.guid}")
