"""Accounts by the thousand: which names are taken, and all of them page by page."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from uuid import UUID

from sqlalchemy import bindparam, select

from idp.accounts.model import Email, Profile
from idp.accounts.store import Accounts
from idp.accounts.tables import AccountEmail, AccountRow, PasswordCredential
from idp.database.transaction import Transaction

FIRST = UUID(int=0)
"""Before every account."""


@dataclass(frozen=True, slots=True)
class Whole:
    """An account with everything that belongs to it."""

    id: UUID
    account_name: str
    kind: str
    state: str
    locale: str
    profile: Profile = field(repr=False)
    """Empty where nobody asked for what is personal."""
    emails: tuple[Email, ...] = field(repr=False)
    """Likewise."""
    phc_hash: str = field(repr=False)
    """Empty without a password, and where the password is switched off."""


def taken(tx: Transaction, account_names: Collection[str]) -> set[str]:
    """Give those of the canonical names that are on record."""
    if not account_names:
        return set()
    return set(tx.execute(_TAKEN, {"wanted": list(account_names)}).scalars())


def page(
    tx: Transaction, accounts: Accounts, after: UUID, *, count: int, personal: bool
) -> Iterator[Whole]:
    """Give up to ``count`` accounts that come after the id ``after``, in the order of their ids.

    Ids are sorted by time: an account that is made meanwhile comes at the end.
    """
    rows = tx.execute(_PAGE, {"after": after, "count": count}).all()
    emails: dict[UUID, tuple[Email, ...]] = {}
    if personal and rows:
        found = tx.execute(_EMAILS, {"wanted": [row.id for row in rows]})
        for account_id, several in groupby(found, key=lambda row: row.account_id):
            emails[account_id] = tuple(
                Email(row.address, row.verified_at is not None) for row in several
            )
    for row in rows:
        profile = accounts.open_profile(row.id, row.profile_sealed) if personal else Profile()
        usable = row.phc_hash if row.disabled_at is None else None
        yield Whole(
            row.id,
            row.account_name,
            row.kind,
            row.state,
            row.locale,
            profile,
            emails.get(row.id, ()),
            usable or "",
        )


_TAKEN = select(AccountRow.account_name).where(
    AccountRow.account_name.in_(bindparam("wanted", expanding=True))
)
_PAGE = (
    select(
        AccountRow.id,
        AccountRow.account_name,
        AccountRow.kind,
        AccountRow.state,
        AccountRow.locale,
        AccountRow.profile_sealed,
        PasswordCredential.phc_hash,
        PasswordCredential.disabled_at,
    )
    .outerjoin(PasswordCredential, PasswordCredential.account_id == AccountRow.id)
    .where(AccountRow.id > bindparam("after"))
    .order_by(AccountRow.id)
    .limit(bindparam("count"))
)
_EMAILS = (
    select(AccountEmail.account_id, AccountEmail.address, AccountEmail.verified_at)
    .where(AccountEmail.account_id.in_(bindparam("wanted", expanding=True)))
    .order_by(AccountEmail.account_id, AccountEmail.position)
)
