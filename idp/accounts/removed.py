"""The addresses that an account had until a few days ago.

Who is in somebody else's account can take its addresses out. For a week each stays known: what
happens goes on being told there as long as no older one is left, and it can be brought back.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, String, and_, bindparam, delete, insert, or_
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import ProvenEmail, address_key
from idp.accounts.tables import AccountRow
from idp.database.columns import Table
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction

KEPT = timedelta(days=7)


class RemovedEmail(Table):
    """An address that was proven, and is not the account's any more."""

    __tablename__ = "removed_emails"

    account_id: Mapped[UUID] = mapped_column(ForeignKey(AccountRow.id), primary_key=True)
    address_key: Mapped[str] = mapped_column(String(320), primary_key=True)
    address: Mapped[str] = mapped_column(String(320))
    verified_at: Mapped[datetime]
    removed_at: Mapped[datetime] = mapped_column(index=True)


def note(
    tx: Transaction, account_id: UUID, gone: Sequence[ProvenEmail], there: Collection[str]
) -> None:
    """Keep the proven addresses that have gone, and forget those that are there (again).

    Args:
        there: the keys of the proven addresses of now; nobody is reached there but this account.
    """
    keys = [address_key(one.address) for one in gone]
    tx.execute(_FORGET, {"owner": account_id, "gone": keys, "there": list(there)})
    rows = [
        {
            "account_id": account_id,
            "address_key": address_key(one.address),
            "address": one.address,
            "verified_at": one.since,
            "removed_at": tx.now,
        }
        for one in gone
    ]
    if rows:
        tx.execute(insert(RemovedEmail), rows)


def forget(tx: Transaction, account_id: UUID) -> None:
    """Forget the addresses that an account had."""
    tx.execute(_FORGET_ALL, {"owner": account_id})


def sweep(tx: Transaction) -> int:
    """Forget a batch of what was kept long enough."""
    return _BROOM.sweep(tx, tx.now - KEPT)


_BROOM = Broom(RemovedEmail, RemovedEmail.removed_at)
_FORGET_ALL = delete(RemovedEmail).where(RemovedEmail.account_id == bindparam("owner"))
_FORGET = delete(RemovedEmail).where(
    or_(
        RemovedEmail.address_key.in_(bindparam("there", expanding=True)),
        and_(
            RemovedEmail.account_id == bindparam("owner"),
            RemovedEmail.address_key.in_(bindparam("gone", expanding=True)),
        ),
    )
)
