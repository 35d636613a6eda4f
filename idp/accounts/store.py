"""Accounts on record: opened, found, described, closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Row, bindparam, insert, select, update

from idp.accounts import emails, passwords, profiles
from idp.accounts.emails import FIRST_EMAIL
from idp.accounts.model import (
    SUBJECT_PREFIX,
    Account,
    Email,
    Kind,
    Profile,
    SecondFactor,
    State,
)
from idp.accounts.tables import AccountEmail, AccountRow
from idp.clock import seconds
from idp.database.prepared import Prepared
from idp.database.transaction import Transaction
from idp.secret import Entropy, Seal, base64url, new_id


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account begins with."""

    account_name: str
    kind: Kind = Kind.CITIZEN
    profile: Profile = Profile()
    emails: tuple[Email, ...] = ()
    phc_hash: str = ""
    locale: str = "zh-Hant"
    state: State = State.ACTIVE
    accepted_terms: str = ""
    electronic_id: str | None = None


class Accounts:
    """Reads and writes accounts; holds the seal of their profiles."""

    def __init__(self, seal: Seal, entropy: Entropy) -> None:
        self._seal = seal
        self._entropy = entropy

    def add(self, tx: Transaction, new: NewAccount) -> Account:
        """Add an account. The caller has seen that the name is free.

        Raises:
            sqlalchemy.exc.IntegrityError: somebody took the name in between.
        """
        (account_id,) = self.add_all(tx, [new])
        return self.read(tx.ask(_BY_ID, {"wanted": account_id}))

    def add_all(self, tx: Transaction, accounts: Sequence[NewAccount]) -> list[UUID]:
        """Add accounts, with one statement a table however many they are; gives their ids.

        Raises:
            sqlalchemy.exc.IntegrityError: one of the names is taken; none was added.
        """
        named = [(new_id(tx.now, self._entropy), new) for new in accounts]
        tx.execute(_ADD, [self._account(tx, account_id, new) for account_id, new in named])
        emails.add_all(tx, {account_id: new.emails for account_id, new in named})
        hashes = {account_id: new.phc_hash for account_id, new in named if new.phc_hash}
        passwords.add_all(tx, hashes)
        return [account_id for account_id, _ in named]

    def _account(self, tx: Transaction, account_id: UUID, new: NewAccount) -> dict[str, object]:
        return {
            "id": account_id,
            "subject": SUBJECT_PREFIX + base64url(self._entropy(16)),
            "account_name": new.account_name,
            "kind": new.kind,
            "state": new.state,
            "epoch": 0,
            "locale": new.locale,
            "electronic_id": new.electronic_id,
            "accepted_terms": new.accepted_terms,
            "profile_sealed": profiles.close(self._seal, account_id, new.profile),
            "created_at": tx.now,
            "updated_at": tx.now,
        }

    def describe(self, tx: Transaction, account_id: UUID, profile: Profile) -> None:
        """Replace what is known of a person."""
        sealed = profiles.close(self._seal, account_id, profile)
        tx.execute(_DESCRIBE, {"owner": account_id, "sealed": sealed, "instant": tx.now})

    def close(self, tx: Transaction, account_id: UUID) -> None:
        """Close an account for good: nothing is left of it but its name and its ``sub``."""
        self.describe(tx, account_id, Profile())
        emails.forget(tx, account_id)
        passwords.forget(tx, account_id)
        tx.execute(_CLOSE, {"owner": account_id, "instant": tx.now})

    def find(self, tx: Transaction, account_id: UUID) -> Account | None:
        """Find an account by its id."""
        row = tx.ask(_BY_ID, {"wanted": account_id})
        return self.read(row) if row else None

    def named(self, tx: Transaction, account_name: str) -> Account | None:
        """Find an account by its canonical name."""
        row = tx.execute(_BY_NAME, {"wanted": account_name}).one_or_none()
        return self.read(row) if row else None

    def known_as(self, tx: Transaction, subject: str) -> Account | None:
        """Find an account by its public subject."""
        row = tx.execute(_BY_SUBJECT, {"wanted": subject}).one_or_none()
        return self.read(row) if row else None

    def read(self, row: Row[tuple[object, ...]]) -> Account:
        """Turn a row that selects :data:`COLUMNS` into an account; opens the sealed profile."""
        email = Email(row.email, row.email_verified_at is not None) if row.email else None
        return Account(
            row.account_id,
            row.subject,
            row.account_name,
            Kind(row.kind),
            State(row.state),
            row.epoch,
            self.open_profile(row.account_id, row.profile_sealed),
            email,
            seconds(row.updated_at),
            row.locale,
            row.electronic_id or "",
            row.accepted_terms,
            SecondFactor(row.second_factor),
        )

    def open_profile(self, account_id: UUID, sealed: bytes) -> Profile:
        """Open the sealed profile of an account.

        Raises:
            SealBroken: a part was changed, or is of another account or field.
        """
        return profiles.opened(self._seal, account_id, sealed)


def is_taken(tx: Transaction, account_name: str) -> bool:
    """Tell whether a canonical name was ever given."""
    return tx.scalar(_TAKEN, {"wanted": account_name}) is not None


COLUMNS = (
    AccountRow.id.label("account_id"),
    AccountRow.subject,
    AccountRow.account_name,
    AccountRow.kind,
    AccountRow.state,
    AccountRow.epoch,
    AccountRow.profile_sealed,
    AccountRow.updated_at,
    AccountRow.locale,
    AccountRow.electronic_id,
    AccountRow.accepted_terms,
    AccountRow.second_factor,
    AccountEmail.address.label("email"),
    AccountEmail.verified_at.label("email_verified_at"),
)
"""What :meth:`Accounts.read` needs; join ``AccountEmail`` on ``FIRST_EMAIL``."""

_ADD = insert(AccountRow)
_SELECT = select(*COLUMNS).outerjoin(AccountEmail, FIRST_EMAIL)
_BY_ID = Prepared(_SELECT.where(AccountRow.id == bindparam("wanted")))
_BY_NAME = _SELECT.where(AccountRow.account_name == bindparam("wanted"))
_BY_SUBJECT = _SELECT.where(AccountRow.subject == bindparam("wanted"))
_TAKEN = select(AccountRow.id).where(AccountRow.account_name == bindparam("wanted"))
_DESCRIBE = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(profile_sealed=bindparam("sealed"), updated_at=bindparam("instant"))
)
_CLOSE = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(state=State.CLOSED, second_factor=SecondFactor.NONE, updated_at=bindparam("instant"))
)
