"""How an account stands: its state and epoch, its second factor, the terms it accepted."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, case, or_, select, update

from idp.accounts.model import SecondFactor, State
from idp.accounts.tables import AccountRow
from idp.database.columns import UtcDateTime
from idp.database.transaction import Transaction


def activate(tx: Transaction, account_id: UUID) -> bool:
    """Let a registered account be used; ``True`` for the one caller that did it."""
    return tx.execute(_ACTIVATE, {"owner": account_id, "instant": tx.now}).rowcount == 1


def set_state(tx: Transaction, account_id: UUID, state: State) -> None:
    """Enable or disable an account; what it has open dies with the next look-up."""
    tx.execute(_SET_STATE, {"owner": account_id, "wanted": state, "instant": tx.now})


def raise_epoch(tx: Transaction, account_id: UUID) -> None:
    """End everything that stands on the account's epoch: sessions, grants, tokens."""
    tx.execute(_RAISE, {"owner": account_id})


def raise_every_epoch(tx: Transaction) -> int:
    """End everything that stands on any account's epoch; gives how many accounts there are."""
    return tx.execute(_RAISE_ALL).rowcount


def accept_terms(tx: Transaction, account_id: UUID, version: str) -> None:
    """Note the version of the terms that the account has accepted; a late one undoes no newer."""
    tx.execute(_ACCEPT, {"owner": account_id, "version": version})


def hold(tx: Transaction, account_id: UUID) -> SecondFactor:
    """Let one change of an account wait for the other; says how its second factor stands."""
    return SecondFactor(tx.scalar(_HOLD, {"owner": account_id}))


def touch(tx: Transaction, account_id: UUID) -> None:
    """Note that what apps are told of an account has changed."""
    tx.execute(_TOUCH, {"owner": account_id, "instant": tx.now})


def set_second_factor(tx: Transaction, account_id: UUID, wanted: SecondFactor) -> None:
    """Say whether the account has a second factor, and when it is asked for."""
    tx.execute(_SET_SECOND_FACTOR, {"owner": account_id, "wanted": wanted, "instant": tx.now})


def was_bare(tx: Transaction, account_id: UUID, at: datetime) -> bool:
    """Tell whether the account is known to have had no second factor just before an instant."""
    return tx.scalar(_BARE, {"owner": account_id, "then": at}) is not None


_ACTIVATE = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"), AccountRow.state == State.PENDING)
    .values(state=State.ACTIVE, updated_at=bindparam("instant"))
)
_SET_STATE = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(state=bindparam("wanted"), updated_at=bindparam("instant"))
)
_RAISE = (
    update(AccountRow).where(AccountRow.id == bindparam("owner")).values(epoch=AccountRow.epoch + 1)
)
_RAISE_ALL = update(AccountRow).values(epoch=AccountRow.epoch + 1)
_ACCEPT = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"), AccountRow.accepted_terms < bindparam("version"))
    .values(accepted_terms=bindparam("version"))
)
# FOR NO KEY UPDATE: a sign-in that has its password's row writes rows that refer to the account,
# and would wait here for who waits for that password.
_HOLD = (
    select(AccountRow.second_factor)
    .where(AccountRow.id == bindparam("owner"))
    .with_for_update(key_share=True)
)
_TOUCH = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(updated_at=bindparam("instant"))
)
_NONE_BEFORE = AccountRow.second_factor == SecondFactor.NONE
_SET_SECOND_FACTOR = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(
        second_factor=bindparam("wanted"),
        protected_since=case(
            (_NONE_BEFORE, bindparam("instant", type_=UtcDateTime())),
            else_=AccountRow.protected_since,
        ),
    )
)
_BARE = select(AccountRow.id).where(
    AccountRow.id == bindparam("owner"),
    or_(
        AccountRow.protected_since >= bindparam("then"),
        and_(AccountRow.protected_since.is_(None), AccountRow.second_factor == SecondFactor.NONE),
    ),
)
