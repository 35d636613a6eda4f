"""The whole lists of revoked cards, row by row: what is looked up when no responder answers.

A list of 400,000 is read once a few hours, in the background; a sign-in looks one row up. A new
list is written beside the one in use, a batch a transaction, and takes its place in one: nobody
ever looks into half a list.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from sqlalchemy import String, Text, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.authenticators.card.authority import Authority
from idp.authenticators.card.crl import Entry, RevocationList
from idp.authenticators.card.revocation import Listed
from idp.database import sweeping
from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
from idp.database.transaction import Transaction
from idp.secret import Entropy, new_id

BATCH = 5_000  # rows a transaction
_SERIAL_BYTES = 20  # RFC 5280 section 4.1.2.2
_NOTHING_YET = {"number": "", "entries": 0, "trouble": ""}


class CardRevocationList(Table):
    """What is known of one authority's list."""

    __tablename__ = "card_revocation_lists"

    issuer: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the authority's certificate."""
    list_id: Mapped[UUID | None] = mapped_column(default=None)
    """Whose rows count; ``None``: no list has been read yet."""
    writing_id: Mapped[UUID | None] = mapped_column(default=None)
    """Whose rows are being written; what a writer that died has left goes with the next."""
    number: Mapped[str] = mapped_column(String(50), default="")
    """The list's own, up to twenty octets long."""
    this_update: Mapped[datetime | None] = mapped_column(default=None)
    next_update: Mapped[datetime | None] = mapped_column(default=None)
    entries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    """When somebody is to fetch it again; moved on before it is fetched, so one does."""
    trouble: Mapped[str] = mapped_column(Text, default="")
    """Why the last try came to nothing; empty: it did not."""


class CardRevocation(Table):
    """One revoked certificate of one list."""

    __tablename__ = "card_revocations"

    list_id: Mapped[UUID] = mapped_column(primary_key=True)
    serial: Mapped[bytes] = mapped_column(primary_key=True)
    """Big-endian, twenty octets."""
    is_suspended: Mapped[bool]
    revoked_at: Mapped[datetime]


class RetiredCardList(Table):
    """A list whose rows may go: its place was taken, or its writer died."""

    __tablename__ = "card_lists_retired"

    list_id: Mapped[UUID] = mapped_column(primary_key=True)
    swept_to: Mapped[bytes] = mapped_column(default=b"")
    """The serial up to which they are gone: no batch wades through what others have deleted."""


def look_up(tx: Transaction, authority: Authority, serial: int) -> Listed | None:
    """Say what the list in use says of a certificate; ``None``: there is no list."""
    row = tx.ask(_LOOK_UP, {"authority": authority.fingerprint, "number": _octets(serial)})
    if row is None or row.next_update is None:
        return None
    entry = None
    if row.revoked_at is not None:
        entry = Entry(serial, row.is_suspended, row.revoked_at)
    return Listed(entry, int(row.number or 0), row.this_update, row.next_update)


def lease(tx: Transaction, authority: Authority, until: datetime, entropy: Entropy) -> UUID | None:
    """Take it upon oneself to fetch a list that is due; one caller is given what to write under."""
    tx.ask(_BEGIN, {"issuer": authority.fingerprint, **_NOTHING_YET, "due_at": tx.now})
    held = tx.execute(_HOLD, {"authority": authority.fingerprint}).one()
    rows = new_id(tx.now, entropy)
    taken = {
        "authority": authority.fingerprint, "instant": tx.now, "later": until, "rows": rows,
    }  # fmt: skip
    if tx.execute(_LEASE, taken).rowcount != 1:
        return None
    _retire(tx, held.writing_id)
    return rows


def make_due(tx: Transaction, authority: Authority) -> None:
    """Have a list fetched now, whenever it would be due."""
    tx.execute(_MAKE_DUE, {"authority": authority.fingerprint, "instant": tx.now})


def number_in_use(tx: Transaction, authority: Authority) -> int | None:
    """Give the number of the list in use; an older one never takes its place."""
    found = tx.scalar(_NUMBER, {"authority": authority.fingerprint})
    return int(found) if found else None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of one authority's list, without its entries."""

    this_update: datetime | None
    next_update: datetime | None
    entries: int
    trouble: str


def lists(tx: Transaction) -> dict[bytes, Kept]:
    """Describe the lists in use, by the fingerprint of their authority."""
    return {bytes(row[0]): Kept(*row[1:]) for row in tx.execute(_LISTS)}


def batches(found: RevocationList) -> Iterator[list[Entry]]:
    """Cut the entries into what one transaction writes."""
    entries = found.entries()
    while batch := list(islice(entries, BATCH)):
        yield batch


def write(tx: Transaction, authority: Authority, list_id: UUID, entries: Iterable[Entry]) -> bool:
    """Write some rows of a list that is not in use yet; ``False``: another is written by now.

    Nothing is written of a list that is retired: nobody would look for its rows again.
    """
    held = tx.execute(_HOLD, {"authority": authority.fingerprint}).one_or_none()
    if held is None or held.writing_id != list_id:
        return False
    rows = [
        {
            "list_id": list_id,
            "serial": _octets(entry.serial),
            "is_suspended": entry.is_suspended,
            "revoked_at": entry.revoked_at,
        }
        for entry in entries
    ]
    if rows:
        tx.execute(_WRITE, rows)
    return True


def take_over(
    tx: Transaction, authority: Authority, list_id: UUID, found: RevocationList, due_at: datetime
) -> bool:
    """Put a written list in use; ``False``: somebody else writes another by now."""
    held = tx.execute(_HOLD, {"authority": authority.fingerprint}).one()
    written = {
        "authority": authority.fingerprint,
        "rows": list_id,
        "numbered": str(found.number),
        "said_at": found.this_update,
        "until": found.next_update,
        "many": len(found),
        "later": due_at,
    }
    if tx.execute(_TAKE_OVER, written).rowcount != 1:
        return False
    _retire(tx, held.list_id)
    return True


def note_trouble(tx: Transaction, authority: Authority, why: str) -> None:
    """Say why a list could not be had; the one in use stays."""
    tx.execute(_NOTE, {"authority": authority.fingerprint, "why": why[:200]})


def sweep(tx: Transaction) -> int:
    """Forget a batch of rows of a retired list, and after the last of them the list."""
    retired = tx.execute(_RETIRED).one_or_none()
    if retired is None:
        return 0
    of = {"retired": retired.list_id, "after": retired.swept_to}
    batch = tx.execute(_BATCH, {**of, "most": sweeping.BATCH}).scalars().all()
    if not batch:
        tx.execute(_FORGET, {"retired": retired.list_id})
        return 1
    last = batch[-1]
    tx.execute(_NOTE_SWEPT, {"retired": retired.list_id, "last": last})
    return tx.execute(_SWEEP, {**of, "last": last}).rowcount


def _retire(tx: Transaction, list_id: UUID | None) -> None:
    if list_id is not None:
        tx.execute(_RETIRE, {"list_id": list_id, "swept_to": b""})


def _octets(serial: int) -> bytes:
    return serial.to_bytes(_SERIAL_BYTES, "big") if 0 <= serial < 1 << 160 else b""


_OF = CardRevocationList.issuer == bindparam("authority")
_LOOK_UP = Prepared(
    select(
        CardRevocationList.number,
        CardRevocationList.this_update,
        CardRevocationList.next_update,
        CardRevocation.is_suspended,
        CardRevocation.revoked_at,
    )
    .join_from(
        CardRevocationList,
        CardRevocation,
        (CardRevocation.list_id == CardRevocationList.list_id)
        & (CardRevocation.serial == bindparam("number")),
        isouter=True,
    )
    .where(_OF)
)
_BEGIN = Prepared(insert_if_new(CardRevocationList).returning(CardRevocationList.issuer))
_LEASE = (
    update(CardRevocationList)
    .where(_OF, CardRevocationList.due_at <= bindparam("instant"))
    .values(due_at=bindparam("later"), writing_id=bindparam("rows"))
)
_MAKE_DUE = update(CardRevocationList).where(_OF).values(due_at=bindparam("instant"))
_NUMBER = select(CardRevocationList.number).where(_OF)
_LISTS = select(
    CardRevocationList.issuer,
    CardRevocationList.this_update,
    CardRevocationList.next_update,
    CardRevocationList.entries,
    CardRevocationList.trouble,
)
_WRITE = insert(CardRevocation)
_TAKE_OVER = (
    update(CardRevocationList)
    .where(_OF, CardRevocationList.writing_id == bindparam("rows"))
    .values(
        list_id=bindparam("rows"),
        writing_id=None,
        number=bindparam("numbered"),
        this_update=bindparam("said_at"),
        next_update=bindparam("until"),
        entries=bindparam("many"),
        due_at=bindparam("later"),
        trouble="",
    )
)
_NOTE = update(CardRevocationList).where(_OF).values(trouble=bindparam("why"))
# Whoever changes which rows count waits for the others: what is retired is retired once, and
# nothing is written under its name any more.
_HOLD = select(CardRevocationList.list_id, CardRevocationList.writing_id).where(_OF)
_HOLD = _HOLD.with_for_update()
_RETIRE = insert(RetiredCardList)
_RETIRED = (
    select(RetiredCardList.list_id, RetiredCardList.swept_to)
    .order_by(RetiredCardList.list_id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_OF_RETIRED = (
    CardRevocation.list_id == bindparam("retired"),
    CardRevocation.serial > bindparam("after"),
)
_BATCH = (
    select(CardRevocation.serial)
    .where(*_OF_RETIRED)
    .order_by(CardRevocation.serial)
    .limit(bindparam("most"))
)
_SWEEP = delete(CardRevocation).where(*_OF_RETIRED, CardRevocation.serial <= bindparam("last"))
_NOTE_SWEPT = (
    update(RetiredCardList)
    .where(RetiredCardList.list_id == bindparam("retired"))
    .values(swept_to=bindparam("last"))
)
_FORGET = delete(RetiredCardList).where(RetiredCardList.list_id == bindparam("retired"))
