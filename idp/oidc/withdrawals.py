"""How many a directory takes its word back for at once, before somebody has to look (P04).

A group that was moved, a base that was narrowed, rights that the service account lost: whatever
the mistake, the directory then says of all its people, one by one, that they are gone. What is
taken back here does not come back, so many at once are held until an operator has said yes.
Nothing is given out meanwhile: it is refused for now, as by a directory that cannot be asked.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import String, bindparam, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from idp.config import DirectorySection
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.transaction import Transaction

WINDOW = timedelta(hours=1)
"""How long those who are gone are counted, and how long an operator's yes holds."""


class DirectoryBrake(Table):
    """What one directory has taken back of late, and whether that goes on."""

    __tablename__ = "directory_brakes"

    directory: Mapped[str] = mapped_column(String(32), primary_key=True)
    began_at: Mapped[datetime]
    gone: Mapped[list[str]]
    """Whose word it took back within :data:`WINDOW` of ``began_at``: keys of identities."""
    held_at: Mapped[datetime | None]
    """Since when nobody goes; ``None``: whoever is withdrawn goes at once."""
    waiting: Mapped[int]
    """How many would have gone at the last look,"""
    asked: Mapped[int]
    """of how many."""
    confirmed_until: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Held:
    """A directory that would put out more than it may."""

    directory: str
    since: datetime
    waiting: int
    asked: int


def most(section: DirectorySection, asked: int) -> int:
    """Say how many may go within :data:`WINDOW`, of so many who are signed in."""
    return max(section.withdraw_at_once, asked * section.withdraw_percent // 100)


def may_go(
    tx: Transaction,
    section: DirectorySection,
    keys: Collection[str],
    asked: int,
    *,
    by_round: bool = False,
) -> bool:
    """Count whom a directory takes its word back for, and say whether they may go.

    Args:
        keys: of their identities.
        asked: how many of the directory's people are signed in.
        by_round: these are all there are: the only one that may find a hold to be over.
    """
    row = _lock(tx, section.id)
    is_over = tx.now >= row.began_at + WINDOW
    before = set[str]() if is_over else set(row.gone)
    after = before | set(keys)
    is_confirmed = row.confirmed_until is not None and tx.now < row.confirmed_until
    is_held = row.held_at is not None and not by_round
    if not is_confirmed and (is_held or len(after) > most(section, asked)):
        since, waiting = row.held_at or tx.now, max(len(keys), 1 if by_round else row.waiting)
        tx.execute(_HOLD, _named(section, since=since, waiting=waiting, asked=asked))
        return False
    began = tx.now if is_over else row.began_at
    # Of those who were let go by word of mouth none is counted: the next mistake is another one.
    tx.execute(_LET_GO, _named(section, began=began, gone=[] if is_confirmed else sorted(after)))
    return True


def confirm(tx: Transaction, directory: str) -> None:
    """Take an operator's yes: for :data:`WINDOW` everybody goes who is withdrawn."""
    _lock(tx, directory)
    tx.execute(_CONFIRM, {"which": directory, "until": tx.now + WINDOW})


def held(tx: Transaction) -> Sequence[Held]:
    """List the directories that would put out more than they may."""
    return [Held(*row) for row in tx.execute(_HELD)]


def is_held(tx: Transaction, directory: str) -> bool:
    """Tell whether nobody of a directory goes for now: one look-up by key, whoever is signed in."""
    return tx.ask(_IS_HELD, {"which": directory}) is not None


def _named(section: DirectorySection, **values: object) -> dict[str, object]:
    return {"which": section.id, **values}


def _lock(tx: Transaction, directory: str) -> DirectoryBrake:
    """Read a directory's row and keep it: two at once are counted one after the other."""
    nothing = {"directory": directory, "began_at": tx.now, "gone": [], "waiting": 0, "asked": 0}
    tx.execute(_MAKE, nothing)
    row: DirectoryBrake = tx.execute(_READ, {"which": directory}).one()  # type: ignore[assignment]
    return row


_INSERT = postgresql.insert(DirectoryBrake)  # SQLite has taken over the clause
# Written even where it is there already: that is what holds the row.
_MAKE = _INSERT.on_conflict_do_update(
    index_elements=["directory"], set_={"directory": _INSERT.excluded.directory}
)
_OF_IT = DirectoryBrake.directory == bindparam("which")
_READ = select(
    DirectoryBrake.began_at,
    DirectoryBrake.gone,
    DirectoryBrake.held_at,
    DirectoryBrake.waiting,
    DirectoryBrake.confirmed_until,
).where(_OF_IT)
_HOLD = (
    update(DirectoryBrake)
    .where(_OF_IT)
    .values(held_at=bindparam("since"), waiting=bindparam("waiting"), asked=bindparam("asked"))
)
_LET_GO = (
    update(DirectoryBrake)
    .where(_OF_IT)
    .values(began_at=bindparam("began"), gone=bindparam("gone"), held_at=None, waiting=0)
)
_CONFIRM = (
    update(DirectoryBrake)
    .where(_OF_IT)
    .values(confirmed_until=bindparam("until"), held_at=None, waiting=0)
)
_HELD = (
    select(
        DirectoryBrake.directory,
        DirectoryBrake.held_at,
        DirectoryBrake.waiting,
        DirectoryBrake.asked,
    )
    .where(DirectoryBrake.held_at.is_not(None))
    .order_by(DirectoryBrake.directory)
)
_IS_HELD = Prepared(
    select(DirectoryBrake.held_at).where(_OF_IT, DirectoryBrake.held_at.is_not(None))
)
