"""The passwords of accounts: the one in use, as a hash, and those before it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select, update

from idp.accounts import status
from idp.accounts.model import State
from idp.accounts.tables import AccountRow, PasswordCredential, PastPassword
from idp.database.prepared import Prepared
from idp.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PasswordRow:
    """What is on record under an account name, for the authenticator and the owner's mail."""

    account_id: UUID
    phc_hash: str
    disabled: bool
    state: State
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class PasswordState:
    """The password of an account, as a change of it looks at it."""

    phc_hash: str = field(repr=False)
    changed_at: datetime
    past: tuple[str, ...] = field(repr=False)
    """Hashes of the ones before, newest first."""


def add_all(tx: Transaction, hashes: Mapping[UUID, str]) -> None:
    """Give new accounts their passwords, with one statement however many they are."""
    rows = [
        {"account_id": account_id, "phc_hash": phc_hash, "changed_at": tx.now}
        for account_id, phc_hash in hashes.items()
    ]
    if rows:
        tx.execute(_ADD, rows)


def on_record(tx: Transaction, account_name: str) -> PasswordRow | None:
    """Find the password under a canonical account name; one round trip, found or not."""
    row = tx.ask(_ON_RECORD, {"wanted": account_name})
    if row is None:
        return None
    return PasswordRow(
        row.id,
        row.phc_hash,
        row.disabled_at is not None,
        State(row.state),
        row.changed_at,
    )


def state_of(tx: Transaction, account_id: UUID) -> PasswordState | None:
    """Find an account's password and those before it; ``None`` when it has none."""
    row = tx.execute(_OF, {"owner": account_id}).one_or_none()
    if row is None:
        return None
    past = tx.execute(_PAST, {"owner": account_id})
    return PasswordState(row.phc_hash, row.changed_at, tuple(one.phc_hash for one in past))


def replace(tx: Transaction, account_id: UUID, phc_hash: str, *, keep: int) -> None:
    """Give the account a new password, switched on; the ``keep`` last ones are remembered."""
    status.hold(tx, account_id)
    before = tx.execute(_OF, {"owner": account_id}).one_or_none()
    if before is None:
        add_all(tx, {account_id: phc_hash})
        return
    tx.execute(_SET, {"owner": account_id, "phc_hash": phc_hash, "instant": tx.now})
    if keep:
        past = {"account_id": account_id, "phc_hash": before.phc_hash, "until": tx.now}
        tx.execute(_REMEMBER, past)
    stale = tx.execute(_PAST, {"owner": account_id}).all()[keep:]
    if stale:
        over = [row.until for row in stale]
        tx.execute(_FORGET, {"owner": account_id, "over": over})


def hashes(tx: Transaction, after: UUID, count: int) -> list[tuple[UUID, str]]:
    """Give up to ``count`` hashes of accounts whose ids come after ``after``, in their order."""
    rows = tx.execute(_HASHES, {"after": after, "count": count})
    return [(row.account_id, row.phc_hash) for row in rows]


def replace_hash(tx: Transaction, account_id: UUID, seen: str, stronger: str) -> None:
    """Take over a stronger hash of the same password, unless it was changed meanwhile."""
    tx.execute(_REPLACE_HASH, {"owner": account_id, "seen": seen, "stronger": stronger})


def still_has(tx: Transaction, account_id: UUID, phc_hash: str) -> bool:
    """Tell whether a password is still the account's, switched on, and so until the commit."""
    return expect_still(tx, account_id, phc_hash)()


def expect_still(tx: Transaction, account_id: UUID, phc_hash: str) -> Callable[[], bool]:
    """Ask the same together with what is asked next; the password is held from then on."""
    rows = tx.expect(_STILL_HAS, {"owner": account_id, "seen": phc_hash})
    return lambda: bool(rows())


def is_on(tx: Transaction, account_id: UUID) -> bool:
    """Tell whether an account has a password that is not switched off."""
    return tx.scalar(_IS_ON, {"owner": account_id}) is not None


def disable(tx: Transaction, account_id: UUID) -> bool:
    """Switch the password off until recovery; ``True`` for the one caller that did it."""
    return tx.execute(_DISABLE, {"owner": account_id, "instant": tx.now}).rowcount == 1


def forget(tx: Transaction, account_id: UUID) -> None:
    """Delete an account's password and those before it."""
    for statement in _FORGET_ALL:
        tx.execute(statement, {"owner": account_id})


_ADD = insert(PasswordCredential)
_ON_RECORD = Prepared(
    select(
        AccountRow.id,
        AccountRow.state,
        PasswordCredential.phc_hash,
        PasswordCredential.disabled_at,
        PasswordCredential.changed_at,
    )
    .join(PasswordCredential, PasswordCredential.account_id == AccountRow.id)
    .where(AccountRow.account_name == bindparam("wanted"))
)
_OF = select(PasswordCredential.phc_hash, PasswordCredential.changed_at).where(
    PasswordCredential.account_id == bindparam("owner")
)
_SET = (
    update(PasswordCredential)
    .where(PasswordCredential.account_id == bindparam("owner"))
    .values(phc_hash=bindparam("phc_hash"), changed_at=bindparam("instant"), disabled_at=None)
)
_REMEMBER = insert(PastPassword)
_PAST = (
    select(PastPassword.phc_hash, PastPassword.until)
    .where(PastPassword.account_id == bindparam("owner"))
    .order_by(PastPassword.until.desc())
)
_FORGET = delete(PastPassword).where(
    PastPassword.account_id == bindparam("owner"),
    PastPassword.until.in_(bindparam("over", expanding=True)),
)
_HASHES = (
    select(PasswordCredential.account_id, PasswordCredential.phc_hash)
    .where(PasswordCredential.account_id > bindparam("after"))
    .order_by(PasswordCredential.account_id)
    .limit(bindparam("count"))
)
_REPLACE_HASH = (
    update(PasswordCredential)
    .where(
        PasswordCredential.account_id == bindparam("owner"),
        PasswordCredential.phc_hash == bindparam("seen"),
    )
    .values(phc_hash=bindparam("stronger"))
)
_IS_ON = select(PasswordCredential.account_id).where(
    PasswordCredential.account_id == bindparam("owner"), PasswordCredential.disabled_at.is_(None)
)
_DISABLE = (
    update(PasswordCredential)
    .where(
        PasswordCredential.account_id == bindparam("owner"),
        PasswordCredential.disabled_at.is_(None),
    )
    .values(disabled_at=bindparam("instant"))
)
_STILL_HAS = Prepared(
    select(PasswordCredential.account_id)
    .where(
        PasswordCredential.account_id == bindparam("owner"),
        PasswordCredential.phc_hash == bindparam("seen"),
        PasswordCredential.disabled_at.is_(None),
    )
    .with_for_update()
)
_FORGET_ALL = (
    delete(PasswordCredential).where(PasswordCredential.account_id == bindparam("owner")),
    delete(PastPassword).where(PastPassword.account_id == bindparam("owner")),
)
