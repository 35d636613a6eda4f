"""Whose account a card's holder or a directory's entry opens; each is one account's for ever."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, bindparam, not_, select

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


def front_but(tx: Transaction, kind: str, prefixes: Sequence[str]) -> str:
    """Name what stands before the ``:`` of an identity, if it is none of those; else nothing."""
    key = AccountIdentity.key
    others = [not_(key.startswith(f"{one}:", autoescape=True)) for one in prefixes]
    other = select(key).where(and_(AccountIdentity.kind == kind, *others)).limit(1)
    return str(tx.scalar(other) or "").partition(":")[0]


_TAKE = Prepared(insert_if_new(AccountIdentity).returning(AccountIdentity.account_id))
_FIND = Prepared(
    select(AccountIdentity.account_id).where(
        AccountIdentity.kind == bindparam("kind"), AccountIdentity.key == bindparam("key")
    )
)
