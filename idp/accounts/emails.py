"""The e-mail addresses of accounts: which are proven, whose they are, where mail goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, insert, literal, select, update
from sqlalchemy.orm import aliased

from idp.accounts import removed, status
from idp.accounts.model import Email, ProvenEmail, State, address_key
from idp.accounts.removed import RemovedEmail
from idp.accounts.tables import AccountEmail, AccountRow
from idp.database.prepared import Prepared
from idp.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Reached:
    """Where the owner of an account is written to, and in which language."""

    locale: str
    proven: tuple[ProvenEmail, ...]
    """The one that was proven first, first; with those that were removed lately and are older
    than all that are left."""
    other: str = field(repr=False)
    """The first of the unproven ones."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Give every address that warnings go to: an unproven one where there is no other."""
        return tuple(one.address for one in self.proven) or ((self.other,) if self.other else ())


def add_all(tx: Transaction, emails: Mapping[UUID, Sequence[Email]]) -> None:
    """Add the addresses of new accounts, with one statement however many they are."""
    rows = [row for account_id, several in emails.items() for row in _rows(tx, account_id, several)]
    if rows:
        tx.execute(_ADD, rows)


def of_account(tx: Transaction, account_id: UUID) -> list[Email]:
    """List an account's addresses, the proven ones first; mail goes to the first of them."""
    rows = tx.execute(_EMAILS, {"owner": account_id})
    return [Email(row.address, row.verified_at is not None) for row in rows]


def proven_of(tx: Transaction, account_id: UUID) -> list[ProvenEmail]:
    """List the addresses that were proven, the one that has been so for longest first."""
    return [ProvenEmail(*row) for row in tx.execute(_PROVEN, {"owner": account_id})]


def replace(
    tx: Transaction,
    account_id: UUID,
    emails: Sequence[Email],
    restored: Sequence[ProvenEmail] = (),
) -> None:
    """Put ``emails`` in the place of the addresses of an account.

    An address proven here is nobody else's unproven one any more: who typed it first without
    being able to read its mail must not keep a foot in the door (Sudhodanan & Paverd 2022).

    Args:
        restored: those among them that come back, and are again as old as they were.
    """
    status.hold(tx, account_id)  # two tabs may do so at once
    before = proven_of(tx, account_id)
    since = {address_key(one.address): one.since for one in (*before, *restored)}
    tx.execute(_FORGET, {"owner": account_id})
    if emails:
        tx.execute(_ADD, _rows(tx, account_id, emails, since))
    proven = [address_key(email.address) for email in emails if email.verified]
    gone = [one for one in before if address_key(one.address) not in proven]
    removed.note(tx, account_id, gone, proven)
    if proven:
        losers = tx.execute(_UNPROVEN, {"owner": account_id, "proven": proven}).scalars().all()
        for loser in set(losers):
            _close_ranks(tx, loser)
    status.touch(tx, account_id)


def forget(tx: Transaction, account_id: UUID) -> None:
    """Delete an account's addresses, and those that it had."""
    tx.execute(_FORGET, {"owner": account_id})
    removed.forget(tx, account_id)


def _rows(
    tx: Transaction,
    account_id: UUID,
    emails: Sequence[Email],
    since: Mapping[str, datetime] | None = None,
) -> list[dict[str, object]]:
    """Write addresses down, the proven ones first: the account's mail goes where it is read.

    An address that was proven before, by ``since``, stays proven from then on: how long an
    account has had it decides who is believed when two say that it is theirs.
    """
    ordered = sorted(emails, key=lambda email: not email.verified)
    known = since or {}
    return [
        {
            "account_id": account_id,
            "position": position,
            "address": email.address,
            "address_key": address_key(email.address),
            "verified_at": known.get(address_key(email.address), tx.now)
            if email.verified
            else None,
        }
        for position, email in enumerate(ordered)
    ]


def _close_ranks(tx: Transaction, account_id: UUID) -> None:
    """Number an account's addresses from nought again where one was taken out between them."""
    places = tx.execute(_PLACES, {"owner": account_id}).scalars().all()
    for wanted, place in enumerate(places):  # upwards: the place that is taken is always free
        if place != wanted:
            tx.execute(_MOVE, {"owner": account_id, "place": place, "wanted": wanted})


def holder_of(tx: Transaction, address: str) -> UUID | None:
    """Find the account that has proven to read the mail of ``address``."""
    found: UUID | None = tx.scalar(_HOLDER, {"key": address_key(address)})
    return found


def reached(tx: Transaction, account_id: UUID) -> Reached:
    """Find where an account's owner is written to of what happens: one round trip."""
    asked = {"owner": account_id, "lately": tx.now - removed.KEPT}
    rows = tx.rows(_REACHED, asked)
    left = [ProvenEmail(row.address, row.since) for row in rows if row.position >= 0 and row.since]
    gone = [ProvenEmail(row.address, row.since) for row in rows if row.position < 0]
    older = [one for one in gone if left and one.since < left[0].since]
    unproven = [row.address for row in rows if row.since is None]
    locale = rows[0].locale if rows else ""
    return Reached(locale, (*older, *left), next(iter(unproven), ""))


_OTHER_EMAIL = aliased(AccountEmail)
FIRST_EMAIL = and_(
    AccountEmail.account_id == AccountRow.id,
    AccountEmail.position
    == select(_OTHER_EMAIL.position)
    .where(_OTHER_EMAIL.account_id == AccountRow.id)
    .order_by(_OTHER_EMAIL.verified_at.is_(None), _OTHER_EMAIL.position)
    .limit(1)
    .correlate(AccountRow)
    .scalar_subquery(),
)
"""The address an account's mail goes to: the first proven one, or else just the first.

Judged where it is read: rows that came before the proven ones were put first, or that an import
or an older version wrote, must not silence the mails that warn an owner.
"""
_ADD = insert(AccountEmail)
_OF = AccountEmail.account_id == bindparam("owner")
_EMAILS = (
    select(AccountEmail.address, AccountEmail.verified_at)
    .where(_OF)
    .order_by(AccountEmail.verified_at.is_(None), AccountEmail.position)
)
_PROVEN = (
    select(AccountEmail.address, AccountEmail.verified_at)
    .where(_OF, AccountEmail.verified_at.is_not(None))
    .order_by(AccountEmail.verified_at, AccountEmail.position)
)
_PLACES = select(AccountEmail.position).where(_OF).order_by(AccountEmail.position)
_MOVE = (
    update(AccountEmail)
    .where(_OF, AccountEmail.position == bindparam("place"))
    .values(position=bindparam("wanted"))
)
_FORGET = delete(AccountEmail).where(_OF)
_UNPROVEN = (
    delete(AccountEmail)
    .where(
        AccountEmail.account_id != bindparam("owner"),
        AccountEmail.address_key.in_(bindparam("proven", expanding=True)),
        AccountEmail.verified_at.is_(None),
    )
    .returning(AccountEmail.account_id)
)
_HOLDER = (
    select(AccountEmail.account_id)
    .join(AccountRow, AccountRow.id == AccountEmail.account_id)
    .where(
        AccountEmail.address_key == bindparam("key"),
        AccountEmail.verified_at.is_not(None),
        AccountRow.state != State.CLOSED,
    )
    .limit(1)
)
_REACHED = Prepared(
    select(
        AccountRow.locale,
        AccountEmail.address,
        AccountEmail.verified_at.label("since"),
        AccountEmail.position,
    )
    .join(AccountEmail, AccountEmail.account_id == AccountRow.id)
    .where(AccountRow.id == bindparam("owner"))
    .union_all(
        select(
            AccountRow.locale,
            RemovedEmail.address,
            RemovedEmail.verified_at,
            literal(-1),
        )
        .join(RemovedEmail, RemovedEmail.account_id == AccountRow.id)
        .where(AccountRow.id == bindparam("owner"), RemovedEmail.removed_at > bindparam("lately"))
    )
    .order_by("since", "position")
)
"""Proven addresses by age, the unproven ones (whose ``since`` sorts first or last) by position."""
