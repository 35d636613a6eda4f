"""The cards of accounts: which certificate opens which account.

Certificates are told apart by their whole content. That a new one is of the same holder as an old
one is recognised by the authority's own number of the holder, and decides nothing by itself
(cards.md section 3.5).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts import proofs
from idp.accounts.model import State
from idp.accounts.tables import AccountRow
from idp.authenticators.card.candidate import Candidate
from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
from idp.database.transaction import Transaction
from idp.secret import Entropy, new_id

NEVER_WARNED = 32_767


class Card(Table):
    """A certificate that opens an account."""

    __tablename__ = "cards"
    __table_args__ = (
        Index("ix_cards_holder", "profile_id", "subject_number"),
        Index("ix_cards_ending", "not_after", "warned_days"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    fingerprint: Mapped[bytes] = mapped_column(unique=True)
    """SHA-256 of the certificate: one certificate registers once."""
    profile_id: Mapped[str] = mapped_column(String(32))
    issuer: Mapped[bytes]
    """SHA-256 of the authority's certificate."""
    serial: Mapped[str] = mapped_column(String(50))
    """Hexadecimal, as its owner and its authority write it."""
    subject_number: Mapped[str] = mapped_column(String(200))
    """The authority's number of the holder; of organisations what identifies them."""
    rank: Mapped[str] = mapped_column(String(16))
    not_after: Mapped[datetime]
    added_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    warned_days: Mapped[int] = mapped_column(default=NEVER_WARNED)
    """Of the warnings that it expires, the latest that its owner was given: so long before."""


@dataclass(frozen=True, slots=True)
class OnRecord:
    """A card as a sign-in finds it."""

    id: UUID
    account_id: UUID


@dataclass(frozen=True, slots=True)
class Shown:
    """A card as its owner sees it."""

    id: UUID
    profile_id: str
    serial: str
    rank: str
    not_after: datetime
    added_at: datetime
    last_used_at: datetime | None
    subject_number: str
    issuer: bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """A card that expires soon, whose owner is to be told."""

    id: UUID
    account_id: UUID
    profile_id: str
    serial: str
    not_after: datetime


def short(serial: str) -> str:
    """Give as much of a serial number as tells two cards apart; the whole is in nobody's mail."""
    return serial[-8:]


def days_left(not_after: datetime, now: datetime) -> int:
    """Count the whole days for which a card is still good; none on the last, fewer after it."""
    return (not_after - now).days


def find(tx: Transaction, fingerprint: bytes) -> OnRecord | None:
    """Find whose card a certificate is."""
    row = tx.ask(_FIND, {"presented": fingerprint})
    return OnRecord(*row) if row else None


def of_same_holder(tx: Transaction, candidate: Candidate) -> list[UUID]:
    """List the accounts with a card of the same holder: what a renewed card may belong to."""
    named = {
        "kind": candidate.holder.profile_id,
        "number": candidate.holder.subject_number,
    }
    return list(dict.fromkeys(row.account_id for row in tx.execute(_OF_HOLDER, named)))


def add(tx: Transaction, account_id: UUID, candidate: Candidate, entropy: Entropy) -> bool:
    """Give an account a card; ``False``: the certificate has one."""
    leaf, holder = candidate.leaf, candidate.holder
    row = {
        "id": new_id(tx.now, entropy),
        "account_id": account_id,
        "fingerprint": leaf.fingerprint,
        "profile_id": holder.profile_id,
        "issuer": candidate.authority.fingerprint,
        "serial": f"{leaf.serial:X}",
        "subject_number": holder.subject_number,
        "rank": holder.rank,
        "not_after": leaf.not_after,
        "added_at": tx.now,
        "warned_days": NEVER_WARNED,
    }
    return tx.ask(_ADD, row) is not None


def used(tx: Transaction, card_id: UUID) -> None:
    """Note that a card has just signed somebody in."""
    tx.execute(_USED, {"which": card_id, "instant": tx.now})


def has_good(tx: Transaction, account_id: UUID) -> bool:
    """Tell whether an account has a card that has not expired."""
    return tx.scalar(_HAS_GOOD, {"owner": account_id, "instant": tx.now}) is not None


def of_account(tx: Transaction, account_id: UUID) -> list[Shown]:
    """List an account's cards, the oldest first."""
    return [Shown(*row) for row in tx.execute(_OF_ACCOUNT, {"owner": account_id})]


def ending(tx: Transaction, days: int, most: int) -> list[Ending]:
    """List cards that expire within so many days and have had no warning so late, soonest first."""
    bound = {"instant": tx.now, "then": tx.now + timedelta(days=days), "days": days, "most": most}
    return [Ending(*row) for row in tx.execute(_ENDING, bound)]


def warned(tx: Transaction, card_id: UUID, days: int) -> bool:
    """Note a warning; ``True`` for the one caller that gives it."""
    return tx.execute(_WARNED, {"which": card_id, "given": days}).rowcount == 1


def remove(tx: Transaction, account_id: UUID, card_id: UUID) -> bool:
    """Take a card away, with what it alone has proven; ``True`` for the one caller that did it."""
    held = of_account(tx, account_id)
    if tx.execute(_REMOVE, {"owner": account_id, "which": card_id}).rowcount != 1:
        return False
    gone = {_holder(one) for one in held if one.id == card_id}
    for kind, number in gone - {_holder(one) for one in held if one.id != card_id}:
        proofs.lose(tx, account_id, kind, number)
    return True


def _holder(one: Shown) -> tuple[str, str]:
    return one.profile_id, one.subject_number


_OWNED = Card.account_id == bindparam("owner")
_FIND = Prepared(select(Card.id, Card.account_id).where(Card.fingerprint == bindparam("presented")))
_OF_HOLDER = (
    select(Card.account_id)
    .where(Card.profile_id == bindparam("kind"), Card.subject_number == bindparam("number"))
    .order_by(Card.added_at)
)
_ADD = Prepared(insert_if_new(Card).returning(Card.id))
_USED = update(Card).where(Card.id == bindparam("which")).values(last_used_at=bindparam("instant"))
_HAS_GOOD = select(Card.id).where(_OWNED, Card.not_after > bindparam("instant")).limit(1)
_OF_ACCOUNT = (
    select(
        Card.id,
        Card.profile_id,
        Card.serial,
        Card.rank,
        Card.not_after,
        Card.added_at,
        Card.last_used_at,
        Card.subject_number,
        Card.issuer,
    )
    .where(_OWNED)
    .order_by(Card.added_at, Card.id)
)
_ENDING = (
    select(Card.id, Card.account_id, Card.profile_id, Card.serial, Card.not_after)
    .join(AccountRow, AccountRow.id == Card.account_id)
    .where(
        Card.not_after > bindparam("instant"),
        Card.not_after <= bindparam("then"),
        Card.warned_days > bindparam("days"),
        AccountRow.state == State.ACTIVE,
    )
    .order_by(Card.not_after)
    .limit(bindparam("most"))
)
_WARNED = (
    update(Card)
    .where(Card.id == bindparam("which"), Card.warned_days > bindparam("given"))
    .values(warned_days=bindparam("given"))
)
_REMOVE = delete(Card).where(_OWNED, Card.id == bindparam("which"))
