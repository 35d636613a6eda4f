"""What the courts' directories say of people, and no longer say."""

from typing import Literal

from idp.audit.events.event import Event


class OfficeChanged(Event, frozen=True):
    """A directory says something else of a person than at the sign-in before; which fields."""

    name = "office.changed"
    for_owner = True
    fields: list[str]


class CourtChanged(Event, frozen=True):
    """A person belongs to another court than before. Courts as their codes."""

    name = "court.changed"
    for_owner = True
    by: Literal["directory", "holder"]
    """Who says so: the holder where the directory names no court."""
    before: str
    after: str
    before_name: str
    after_name: str


class CourtUnknown(Event, frozen=True):
    """A directory has something in the place of a person's court that is no court of ours."""

    name = "court.unknown"
    for_owner = True
    directory: str
    told: str


class WithdrawalsHeld(Event, frozen=True):
    """A directory would put out more people at once than it may: nobody goes."""

    name = "directory.withdrawals_held"
    directory: str
    waiting: int
    asked: int


class WithdrawalsConfirmed(Event, frozen=True):
    """An operator has said that those whom a directory puts out have to go."""

    name = "directory.withdrawals_confirmed"
    directory: str
