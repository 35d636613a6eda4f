"""Accounts on record: their identities, e-mails, password and sealed profile."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ForeignKey, Row, String, and_, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import Account, Email, Kind, Profile, State
from idp.clock import seconds
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.transaction import Transaction
from idp.secret import Entropy, Seal, base64url, new_id

SUBJECT_PREFIX = "s_"
"""Begins every account's ``sub`` and no ``client_id``: one can never pass for the other."""


class AccountRow(Table):
    """An account. Its name, once given, is never given again."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(unique=True)
    account_name: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    epoch: Mapped[int] = mapped_column(default=0)
    locale: Mapped[str] = mapped_column(String(16), default="zh-Hant")
    profile_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class AccountEmail(Table):
    """An e-mail address of an account, in the order the person gave them."""

    __tablename__ = "account_emails"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(String(320))
    verified_at: Mapped[datetime | None] = mapped_column(default=None)


class AccountIdentity(Table):
    """A card or a directory entry; each belongs to one account for ever."""

    __tablename__ = "account_identities"

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)


class PasswordCredential(Table):
    """The password of an account, as a hash in PHC string format."""

    __tablename__ = "password_credentials"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    phc_hash: Mapped[str] = mapped_column(String(512))
    changed_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account begins with."""

    account_name: str
    kind: Kind = Kind.CITIZEN
    profile: Profile = Profile()
    emails: tuple[Email, ...] = ()
    phc_hash: str = ""
    locale: str = "zh-Hant"


@dataclass(frozen=True, slots=True)
class PasswordRow:
    """What is on record under an account name, for the authenticator and the owner's mail."""

    account_id: UUID
    phc_hash: str
    disabled: bool
    state: State
    email: str = field(repr=False)
    locale: str


class Accounts:
    """Reads and writes accounts; holds the seal of their profiles."""

    def __init__(self, seal: Seal, entropy: Entropy) -> None:
        self._seal = seal
        self._entropy = entropy

    def add(self, tx: Transaction, new: NewAccount) -> Account:
        """Add an active account. The caller has seen that the name is free.

        Raises:
            sqlalchemy.exc.IntegrityError: somebody took the name in between.
        """
        account_id = new_id(tx.now, self._entropy)
        subject = SUBJECT_PREFIX + base64url(self._entropy(16))
        tx.execute(
            _ADD,
            {
                "id": account_id,
                "subject": subject,
                "account_name": new.account_name,
                "kind": new.kind,
                "state": State.ACTIVE,
                "epoch": 0,
                "locale": new.locale,
                "profile_sealed": self._close(account_id, new.profile),
                "created_at": tx.now,
                "updated_at": tx.now,
            },
        )
        self._add_emails(tx, account_id, new.emails)
        if new.phc_hash:
            tx.execute(
                _ADD_PASSWORD,
                {"account_id": account_id, "phc_hash": new.phc_hash, "changed_at": tx.now},
            )
        return self.read(tx.ask(_BY_ID, {"wanted": account_id}))

    def _add_emails(self, tx: Transaction, account_id: UUID, emails: tuple[Email, ...]) -> None:
        rows = [
            {
                "account_id": account_id,
                "position": position,
                "address": email.address,
                "verified_at": tx.now if email.verified else None,
            }
            for position, email in enumerate(emails)
        ]
        if rows:
            tx.execute(_ADD_EMAIL, rows)

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
            self._open(row.account_id, row.profile_sealed),
            email,
            seconds(row.updated_at),
        )

    def profile(self, account_id: UUID, sealed: bytes) -> Profile:
        """Open a profile that a query of another feature has read along."""
        return self._open(account_id, sealed)

    def _close(self, account_id: UUID, profile: Profile) -> bytes:
        return self._seal.close(msgspec.json.encode(profile), place=_place(account_id))

    def _open(self, account_id: UUID, sealed: bytes) -> Profile:
        return msgspec.json.decode(self._seal.open(sealed, place=_place(account_id)), type=Profile)


def password_on_record(tx: Transaction, account_name: str) -> PasswordRow | None:
    """Find the password under a canonical account name; one round trip, found or not."""
    row = tx.ask(_PASSWORD, {"wanted": account_name})
    if row is None:
        return None
    return PasswordRow(
        row.id,
        row.phc_hash,
        row.disabled_at is not None,
        State(row.state),
        row.email or "",
        row.locale,
    )


def replace_hash(tx: Transaction, account_id: UUID, seen: str, stronger: str) -> None:
    """Take over a stronger hash of the same password, unless it was changed meanwhile."""
    tx.execute(_REPLACE_HASH, {"owner": account_id, "seen": seen, "stronger": stronger})


def disable_password(tx: Transaction, account_id: UUID) -> bool:
    """Switch the password off until recovery; ``True`` for the one caller that did it."""
    return tx.execute(_DISABLE, {"owner": account_id, "instant": tx.now}).rowcount == 1


def raise_epoch(tx: Transaction, account_id: UUID) -> None:
    """End everything that stands on the account's epoch: sessions, grants, tokens."""
    tx.execute(_RAISE, {"owner": account_id})


def set_state(tx: Transaction, account_id: UUID, state: State) -> None:
    """Enable or disable an account; what it has open dies with the next look-up."""
    tx.execute(_SET_STATE, {"owner": account_id, "wanted": state, "instant": tx.now})


def _place(account_id: UUID) -> str:
    return f"accounts/profile/{account_id}"


FIRST_EMAIL = and_(AccountEmail.account_id == AccountRow.id, AccountEmail.position == 0)
COLUMNS = (
    AccountRow.id.label("account_id"),
    AccountRow.subject,
    AccountRow.account_name,
    AccountRow.kind,
    AccountRow.state,
    AccountRow.epoch,
    AccountRow.profile_sealed,
    AccountRow.updated_at,
    AccountEmail.address.label("email"),
    AccountEmail.verified_at.label("email_verified_at"),
)
"""What :meth:`Accounts.read` needs; join ``AccountEmail`` on :data:`FIRST_EMAIL`."""

_ADD = insert(AccountRow)
_ADD_EMAIL = insert(AccountEmail)
_ADD_PASSWORD = insert(PasswordCredential)
_SELECT = select(*COLUMNS).outerjoin(AccountEmail, FIRST_EMAIL)
_BY_ID = Prepared(_SELECT.where(AccountRow.id == bindparam("wanted")))
_BY_NAME = _SELECT.where(AccountRow.account_name == bindparam("wanted"))
_BY_SUBJECT = _SELECT.where(AccountRow.subject == bindparam("wanted"))
_PASSWORD = Prepared(
    select(
        AccountRow.id,
        AccountRow.state,
        AccountRow.locale,
        PasswordCredential.phc_hash,
        PasswordCredential.disabled_at,
        AccountEmail.address.label("email"),
    )
    .join(PasswordCredential, PasswordCredential.account_id == AccountRow.id)
    .outerjoin(AccountEmail, FIRST_EMAIL)
    .where(AccountRow.account_name == bindparam("wanted"))
)
_REPLACE_HASH = (
    update(PasswordCredential)
    .where(
        PasswordCredential.account_id == bindparam("owner"),
        PasswordCredential.phc_hash == bindparam("seen"),
    )
    .values(phc_hash=bindparam("stronger"))
)
_DISABLE = (
    update(PasswordCredential)
    .where(
        PasswordCredential.account_id == bindparam("owner"),
        PasswordCredential.disabled_at.is_(None),
    )
    .values(disabled_at=bindparam("instant"))
)
_RAISE = (
    update(AccountRow).where(AccountRow.id == bindparam("owner")).values(epoch=AccountRow.epoch + 1)
)
_SET_STATE = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(state=bindparam("wanted"), updated_at=bindparam("instant"))
)
