"""What of an account is proven, by what, and how surely.

A value itself is in the profile or among the particulars; a row here says why it may be believed.
What has no row was typed by its owner and compared with nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, String, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.tables import AccountRow
from idp.database.columns import Table
from idp.database.transaction import Transaction


class Attribute(StrEnum):
    """What can be proven of an account."""

    NAME = "name"
    """``Profile.name``."""
    NATIONAL_ID = "national_id"
    """A particular, as are the two below."""
    UNIFORM_NUMBER = "uniform_number"
    ORGANISATION_OID = "organisation_oid"


class Assurance(StrEnum):
    """How surely."""

    CERTIFICATE = "certificate"
    """The certificate says it, word for word."""
    TAIL_MATCHED = "tail_matched"
    """Typed by its owner; its last four characters are those of the certificate."""
    CONFIRMED = "confirmed"
    """The same, and the authority says that the whole of it is the holder's."""


class AccountProof(Table):
    """One proven attribute of one account."""

    __tablename__ = "account_proofs"

    account_id: Mapped[UUID] = mapped_column(ForeignKey(AccountRow.id), primary_key=True)
    attribute: Mapped[str] = mapped_column(String(32), primary_key=True)
    assurance: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(32))
    """The kind of card, a file of ``idp.authenticators.card.profiles``: ``moica``."""
    subject_number: Mapped[str] = mapped_column(String(200))
    """The holder of the card, as its authority numbers them: it holds while they have one here."""
    value_hash: Mapped[bytes]
    """Of the value that was proven: :meth:`idp.accounts.particulars.Particulars.hash_of`."""
    evidence: Mapped[bytes]
    """SHA-256 of the package that shows it, as ``card_evidence`` and the audit log have it."""
    proven_at: Mapped[datetime]
    ask_at: Mapped[datetime | None] = mapped_column(index=True, default=None)
    """From when on the authority may be asked to confirm it; empty: there is nothing to ask."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a value may be believed."""

    attribute: Attribute
    assurance: Assurance
    source: str
    subject_number: str
    value_hash: bytes
    """No other value is proven by it."""
    evidence: bytes
    proven_at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """A proof that its authority is to be asked about."""

    account_id: UUID
    attribute: Attribute
    source: str
    evidence: bytes


def put(tx: Transaction, account_id: UUID, proofs: Iterable[Proof]) -> None:
    """Say of an account's attributes what proves them; a new proof takes an old one's place."""
    rows = [
        {
            "account_id": account_id,
            "attribute": one.attribute,
            "assurance": one.assurance,
            "source": one.source,
            "subject_number": one.subject_number,
            "value_hash": one.value_hash,
            "evidence": one.evidence,
            "proven_at": one.proven_at,
            "ask_at": tx.now if one.assurance is Assurance.TAIL_MATCHED else None,
        }
        for one in proofs
    ]
    if rows:
        forget(tx, account_id, [Attribute(str(row["attribute"])) for row in rows])
        tx.execute(_ADD, rows)


def forget(tx: Transaction, account_id: UUID, names: Iterable[Attribute]) -> None:
    """Believe what an account says of these no more than what anybody types."""
    tx.execute(_FORGET, {"owner": account_id, "names": list(names)})


def lose(tx: Transaction, account_id: UUID, source: str, subject_number: str) -> None:
    """Forget what the cards of a holder have proven: the account has none of them left."""
    shown = {"owner": account_id, "kind": source, "number": subject_number}
    tx.execute(_LOSE, shown)


def of(tx: Transaction, account_id: UUID) -> dict[Attribute, Proof]:
    """List what is proven of an account."""
    found = (
        Proof(
            Attribute(row.attribute),
            Assurance(row.assurance),
            row.source,
            row.subject_number,
            row.value_hash,
            row.evidence,
            row.proven_at,
        )
        for row in tx.execute(_OF, {"owner": account_id})
    )
    return {one.attribute: one for one in found}


def due(tx: Transaction, most: int) -> list[Due]:
    """List the proofs that an authority may be asked about now, the longest due first."""
    rows = tx.execute(_DUE, {"instant": tx.now, "most": most})
    return [Due(row.account_id, Attribute(row.attribute), row.source, row.evidence) for row in rows]


def ask_again(tx: Transaction, one: Due, at: datetime | None) -> None:
    """Put a question off; ``None``: for good."""
    tx.execute(_ASK_AGAIN, _same(one) | {"later": at})


def confirm(tx: Transaction, one: Due) -> bool:
    """Note that the authority has confirmed it; ``False``: it is another proof meanwhile."""
    return tx.execute(_CONFIRM, _same(one)).rowcount == 1


def withdraw(tx: Transaction, one: Due) -> bool:
    """Forget a proof that the authority denies; ``False``: it is another proof meanwhile."""
    return tx.execute(_WITHDRAW, _same(one)).rowcount == 1


def _same(one: Due) -> dict[str, object]:
    return {"owner": one.account_id, "name": one.attribute, "shown": one.evidence}


_ADD = insert(AccountProof)
_SAME = (
    AccountProof.account_id == bindparam("owner"),
    AccountProof.attribute == bindparam("name"),
    AccountProof.evidence == bindparam("shown"),
    AccountProof.assurance == Assurance.TAIL_MATCHED,
)
_DUE = (
    select(
        AccountProof.account_id,
        AccountProof.attribute,
        AccountProof.source,
        AccountProof.evidence,
    )
    .where(AccountProof.ask_at <= bindparam("instant"))
    .order_by(AccountProof.ask_at)
    .limit(bindparam("most"))
)
_ASK_AGAIN = update(AccountProof).where(*_SAME).values(ask_at=bindparam("later"))
_CONFIRM = update(AccountProof).where(*_SAME).values(assurance=Assurance.CONFIRMED, ask_at=None)
_WITHDRAW = delete(AccountProof).where(*_SAME)
_FORGET = delete(AccountProof).where(
    AccountProof.account_id == bindparam("owner"),
    AccountProof.attribute.in_(bindparam("names", expanding=True)),
)
_LOSE = delete(AccountProof).where(
    AccountProof.account_id == bindparam("owner"),
    AccountProof.source == bindparam("kind"),
    AccountProof.subject_number == bindparam("number"),
)
_OF = select(
    AccountProof.attribute,
    AccountProof.assurance,
    AccountProof.source,
    AccountProof.subject_number,
    AccountProof.value_hash,
    AccountProof.evidence,
    AccountProof.proven_at,
).where(AccountProof.account_id == bindparam("owner"))
