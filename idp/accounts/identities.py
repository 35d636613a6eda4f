"""Whose account a card's holder or a directory's entry opens; each is one account's for ever."""

from uuid import UUID

from sqlalchemy import bindparam, select

from idp.accounts.tables import AccountIdentity
from idp.database.prepared import Prepared, insert_if_new
from idp.database.transaction import Transaction


def find(tx: Transaction, kind: str, key: str) -> UUID | None:
    """Find the account that an identity opens."""
    row = tx.ask(_FIND, {"kind": kind, "key": key})
    return row.account_id if row else None


def take(tx: Transaction, kind: str, key: str, account_id: UUID) -> bool:
    """Give an identity to an account; ``False``: it is somebody's already."""
    row = {"kind": kind, "key": key, "account_id": account_id}
    return tx.ask(_TAKE, row) is not None


_TAKE = Prepared(insert_if_new(AccountIdentity).returning(AccountIdentity.account_id))
_FIND = Prepared(
    select(AccountIdentity.account_id).where(
        AccountIdentity.kind == bindparam("kind"), AccountIdentity.key == bindparam("key")
    )
)
