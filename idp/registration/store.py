"""Registrations under way. What was typed is sealed; the browser holds an id and a cookie."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ForeignKey, Row, String, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import Address
from idp.database.columns import Table
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.registration.card_proof import CardProof
from idp.registration.directory_proof import DirectoryProof
from idp.registration.flows import TRACKS, Step, Track
from idp.secret import Seal, digest

FLOW_PREFIX = "prg"
LIFETIME = timedelta(hours=2)
"""Since the last step: long enough to look for a letter, short enough for a shared computer."""


class Registration(Table):
    """One person's way to an account, from one browser."""

    __tablename__ = "registrations"

    id_hash: Mapped[bytes] = mapped_column(primary_key=True)
    browser_hash: Mapped[bytes] = mapped_column(index=True)
    track: Mapped[str] = mapped_column(String(32))
    done: Mapped[list[str]]
    answers_sealed: Mapped[bytes]
    version: Mapped[int] = mapped_column(default=0)
    """Raised by every step: of two tabs that do one at once, one is told to look again."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    completed_at: Mapped[datetime | None] = mapped_column(default=None)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"), default=None)


class Answers(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the person has told so far; of the password only the hash."""

    flow: str = ""
    """The id that the browser holds, where a proof given again leads back into the same flow."""
    terms: str = ""
    card: CardProof | None = None
    """What it rests on; empty where nothing is proven before the form, or not yet."""
    directory: DirectoryProof | None = None
    """Likewise, where a directory has proven it."""
    name: str = ""
    court: str = ""
    """Chosen, where the directory names none."""
    representative: str = ""
    representative_title: str = ""
    account_name: str = ""
    national_id: str = ""
    uniform_number: str = ""
    phc_hash: str = ""
    birth_date: str = ""
    phone: str = ""
    phone_extension: str = ""
    mobile: str = ""
    address: Address | None = None
    emails: tuple[str, ...] = ()
    verified_email: str = ""
    """The address whose mailbox has been read; another first address undoes it."""
    journey: str = ""
    """The journey of the app that sent the person here (``prompt=create``)."""
    typed: dict[str, str] = {}
    """The details as they were typed, to fill the form again; never the password."""


class Under(msgspec.Struct, frozen=True):
    """A registration as a page needs it."""

    id_hash: bytes
    track: Track
    done: frozenset[Step]
    answers: Answers
    version: int
    completed: bool


class Registrations:
    """Reads and writes registrations under way."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def begin(
        self,
        tx: Transaction,
        flow_id: str,
        browser_hash: bytes,
        track: Track,
        answers: Answers,
        *,
        done: frozenset[Step] = frozenset(),
        lifetime: timedelta = LIFETIME,
    ) -> None:
        """Begin one, bound to this browser; the first step has to come within ``lifetime``."""
        id_hash = digest(flow_id)
        row = {
            "id_hash": id_hash,
            "browser_hash": browser_hash,
            "track": track.id,
            "done": sorted(done),
            "answers_sealed": self._close(id_hash, answers),
            "version": 0,
            "expires_at": tx.now + lifetime,
        }
        tx.execute(_ADD, row)

    def find(self, tx: Transaction, flow_id: str, browser_hash: bytes) -> Under | None:
        """Find this browser's registration, also one that is completed."""
        which = {"which": digest(flow_id), "browser": browser_hash, "instant": tx.now}
        row = tx.execute(_FIND, which).one_or_none()
        if row is None or row.track not in TRACKS:
            return None
        return self._read(row)

    def _read(self, row: Row[Any]) -> Under:
        sealed = self._seal.open(row.answers_sealed, place=_place(row.id_hash))
        return Under(
            row.id_hash,
            TRACKS[row.track],
            frozenset(Step(step) for step in row.done),
            msgspec.json.decode(sealed, type=Answers),
            row.version,
            row.completed_at is not None,
        )

    def underway(self, tx: Transaction, browser_hash: bytes, track: Track) -> list[Under]:
        """List what this browser has begun of a track and not finished."""
        which = {"browser": browser_hash, "track": track.id, "instant": tx.now}
        return [self._read(row) for row in tx.execute(_UNDERWAY, which)]

    def keep(
        self,
        tx: Transaction,
        under: Under,
        done: frozenset[Step],
        answers: Answers,
        lifetime: timedelta = LIFETIME,
    ) -> bool:
        """Write a step down; ``False`` when another tab was quicker."""
        change = {
            "which": under.id_hash,
            "seen": under.version,
            "steps": sorted(done),
            "sealed": self._close(under.id_hash, answers),
            "until": tx.now + lifetime,
        }
        return tx.execute(_KEEP, change).rowcount == 1

    def forget(self, tx: Transaction, under: Under) -> None:
        """Delete a registration and what was typed in it."""
        tx.execute(_FORGET, {"which": under.id_hash})

    def complete(self, tx: Transaction, under: Under) -> bool:
        """Claim the end; ``True`` for the one caller that may open the account."""
        change = {"which": under.id_hash, "seen": under.version, "instant": tx.now}
        return tx.execute(_COMPLETE, change).rowcount == 1

    def opened(self, tx: Transaction, under: Under, account_id: UUID) -> None:
        """Note which account it led to, and forget what was typed."""
        kept = Answers(journey=under.answers.journey, verified_email=under.answers.verified_email)
        change: dict[str, Any] = {
            "which": under.id_hash,
            "sealed": self._close(under.id_hash, kept),
            "opened": account_id,
        }
        tx.execute(_OPENED, change)

    def _close(self, id_hash: bytes, answers: Answers) -> bytes:
        return self._seal.close(msgspec.json.encode(answers), place=_place(id_hash))


def sweep(tx: Transaction) -> int:
    """Forget registrations whose time is over, finished or not."""
    return _BROOM.sweep(tx, tx.now)


def _place(id_hash: bytes) -> str:
    return f"registrations/answers/{id_hash.hex()}"


_ADD = insert(Registration)
_COLUMNS = (
    Registration.id_hash,
    Registration.track,
    Registration.done,
    Registration.answers_sealed,
    Registration.version,
    Registration.completed_at,
)
_UNDERWAY = select(*_COLUMNS).where(
    Registration.browser_hash == bindparam("browser"),
    Registration.track == bindparam("track"),
    Registration.expires_at > bindparam("instant"),
    Registration.completed_at.is_(None),
)
_FIND = select(*_COLUMNS).where(
    Registration.id_hash == bindparam("which"),
    Registration.browser_hash == bindparam("browser"),
    Registration.expires_at > bindparam("instant"),
)
_AS_SEEN = (
    Registration.id_hash == bindparam("which"),
    Registration.version == bindparam("seen"),
    Registration.completed_at.is_(None),
)
_KEEP = (
    update(Registration)
    .where(*_AS_SEEN)
    .values(
        done=bindparam("steps"),
        answers_sealed=bindparam("sealed"),
        version=Registration.version + 1,
        expires_at=bindparam("until"),
    )
)
_COMPLETE = update(Registration).where(*_AS_SEEN).values(completed_at=bindparam("instant"))
_OPENED = (
    update(Registration)
    .where(Registration.id_hash == bindparam("which"))
    .values(answers_sealed=bindparam("sealed"), account_id=bindparam("opened"))
)
_FORGET = delete(Registration).where(Registration.id_hash == bindparam("which"))
_BROOM = Broom(Registration, Registration.expires_at)
