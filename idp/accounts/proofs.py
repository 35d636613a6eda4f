"""What of an account is proven, by what, and how surely.

A value itself is in the profile or among the particulars; a row here says why it may be believed.
What has no row was typed by its owner and compared with nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, String, bindparam, delete, insert, select
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


class AccountProof(Table):
    """One proven attribute of one account."""

    __tablename__ = "account_proofs"

    account_id: Mapped[UUID] = mapped_column(ForeignKey(AccountRow.id), primary_key=True)
    attribute: Mapped[str] = mapped_column(String(32), primary_key=True)
    assurance: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(32))
    """The kind of card, a file of ``idp.authenticators.card.profiles``: ``moica``."""
    evidence: Mapped[bytes]
    """SHA-256 of the package that shows it, as ``card_evidence`` and the audit log have it."""
    proven_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a value may be believed."""

    attribute: Attribute
    assurance: Assurance
    source: str
    evidence: bytes
    proven_at: datetime


def put(tx: Transaction, account_id: UUID, proofs: Iterable[Proof]) -> None:
    """Say of an account's attributes what proves them; a new proof takes an old one's place."""
    rows = [
        {
            "account_id": account_id,
            "attribute": one.attribute,
            "assurance": one.assurance,
            "source": one.source,
            "evidence": one.evidence,
            "proven_at": one.proven_at,
        }
        for one in proofs
    ]
    if rows:
        names = [row["attribute"] for row in rows]
        tx.execute(_FORGET, {"owner": account_id, "names": names})
        tx.execute(_ADD, rows)


def of(tx: Transaction, account_id: UUID) -> dict[Attribute, Proof]:
    """List what is proven of an account."""
    found = (
        Proof(
            Attribute(row.attribute),
            Assurance(row.assurance),
            row.source,
            row.evidence,
            row.proven_at,
        )
        for row in tx.execute(_OF, {"owner": account_id})
    )
    return {one.attribute: one for one in found}


_ADD = insert(AccountProof)
_FORGET = delete(AccountProof).where(
    AccountProof.account_id == bindparam("owner"),
    AccountProof.attribute.in_(bindparam("names", expanding=True)),
)
_OF = select(
    AccountProof.attribute,
    AccountProof.assurance,
    AccountProof.source,
    AccountProof.evidence,
    AccountProof.proven_at,
).where(AccountProof.account_id == bindparam("owner"))
