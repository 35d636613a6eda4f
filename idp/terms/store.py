"""Acceptances on record: who agreed to which version, and when."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts import status
from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
from idp.database.transaction import Transaction
from idp.terms.documents import Document, versions


class AcceptedTerms(Table):
    """An account has accepted one version of one document."""

    __tablename__ = "accepted_terms"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    document: Mapped[str] = mapped_column(String(16), primary_key=True)
    version: Mapped[str] = mapped_column(String(16), primary_key=True)
    accepted_at: Mapped[datetime]


def accept(tx: Transaction, account_id: UUID, version: str) -> None:
    """Note that an account accepts the documents as they stood on the day ``version``."""
    for document in Document:
        of_that_day = next(one for one in versions(document) if one <= version)
        row = {"account_id": account_id, "document": document, "version": of_that_day}
        tx.put(_ADD, row | {"accepted_at": tx.now})
    status.accept_terms(tx, account_id, version)


def accepted(tx: Transaction, account_id: UUID) -> list[tuple[str, str, datetime]]:
    """List what an account has accepted: document, version and when, newest first."""
    rows = tx.execute(_OF, {"owner": account_id})
    return [(row.document, row.version, row.accepted_at) for row in rows]


_ADD = Prepared(insert_if_new(AcceptedTerms))
_OF = (
    select(AcceptedTerms.document, AcceptedTerms.version, AcceptedTerms.accepted_at)
    .where(AcceptedTerms.account_id == bindparam("owner"))
    .order_by(AcceptedTerms.accepted_at.desc(), AcceptedTerms.document)
)
