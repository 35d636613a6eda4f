"""Accounts on record: their identities, e-mails, password and sealed profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import (
    ForeignKey,
    Index,
    Row,
    String,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from idp.accounts import removed
from idp.accounts.model import (
    Account,
    Email,
    Kind,
    Profile,
    ProvenEmail,
    SecondFactor,
    State,
    address_key,
)
from idp.accounts.removed import RemovedEmail
from idp.clock import seconds
from idp.database.columns import Table, UtcDateTime
from idp.database.prepared import Prepared
from idp.database.transaction import Transaction
from idp.secret import Entropy, Seal, base64url, new_id

SUBJECT_PREFIX = "s_"
"""Begins every account's ``sub`` and no ``client_id``: one can never pass for the other."""


class AccountRow(Table):
    """An account. Its name, once given, is never given again."""

    __tablename__ = "accounts"
    __table_args__ = (Index("uq_accounts_electronic_id", "electronic_id", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(unique=True)
    account_name: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    epoch: Mapped[int] = mapped_column(default=0)
    locale: Mapped[str] = mapped_column(String(16), default="zh-Hant")
    electronic_id: Mapped[str | None] = mapped_column(String(16), default=None)
    """電子身分證號 (B03): what others name the account by to authorise it."""
    accepted_terms: Mapped[str] = mapped_column(String(32), default="")
    """The newest version of the terms that was accepted; every acceptance has a row of its own."""
    profile_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    second_factor: Mapped[str] = mapped_column(String(16), default=SecondFactor.NONE)
    """Kept beside the factors, so that a session can be judged without asking for them."""
    protected_since: Mapped[datetime | None] = mapped_column(default=None)
    """Since when it has had a second factor, one or another; empty for longer than is known."""


class AccountEmail(Table):
    """An e-mail address of an account, in the order the person gave them."""

    __tablename__ = "account_emails"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(String(320))
    address_key: Mapped[str] = mapped_column(String(320), index=True)
    verified_at: Mapped[datetime | None] = mapped_column(default=None)


class AccountIdentity(Table):
    """A card or a directory entry; each belongs to one account for ever."""

    __tablename__ = "account_identities"

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)


class PasswordCredential(Table):
    """The password of an account, as a hash in PHC string format (or bcrypt's, or ``$6$``)."""

    __tablename__ = "password_credentials"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    phc_hash: Mapped[str] = mapped_column(String(512))
    changed_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None] = mapped_column(default=None)


class PastPassword(Table):
    """A password that was in use until ``until``; kept where the policy asks for a history."""

    __tablename__ = "past_passwords"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    until: Mapped[datetime] = mapped_column(primary_key=True)
    phc_hash: Mapped[str] = mapped_column(String(512))


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


@dataclass(frozen=True, slots=True)
class PasswordRow:
    """What is on record under an account name, for the authenticator and the owner's mail."""

    account_id: UUID
    phc_hash: str
    disabled: bool
    state: State
    changed_at: datetime


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
        emails = [row for account_id, new in named for row in _rows(tx, account_id, new.emails)]
        if emails:
            tx.execute(_ADD_EMAIL, emails)
        passwords = [
            {"account_id": account_id, "phc_hash": new.phc_hash, "changed_at": tx.now}
            for account_id, new in named
            if new.phc_hash
        ]
        if passwords:
            tx.execute(_ADD_PASSWORD, passwords)
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
            "profile_sealed": self._close(account_id, new.profile),
            "created_at": tx.now,
            "updated_at": tx.now,
        }

    def describe(self, tx: Transaction, account_id: UUID, profile: Profile) -> None:
        """Replace what is known of a person."""
        sealed = self._close(account_id, profile)
        tx.execute(_DESCRIBE, {"owner": account_id, "sealed": sealed, "instant": tx.now})

    def close(self, tx: Transaction, account_id: UUID) -> None:
        """Close an account for good: nothing is left of it but its name and its ``sub``."""
        owner = {"owner": account_id}
        self.describe(tx, account_id, Profile())
        for statement in _EMPTY:
            tx.execute(statement, owner)
        tx.execute(_CLOSE, owner | {"instant": tx.now})

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

    def _close(self, account_id: UUID, profile: Profile) -> bytes:
        """Seal a profile field by field, as far as its fields have rules of their own."""
        told = msgspec.to_builtins(profile)
        parts = {name: told.pop(name) for name in _SEALED_ALONE if name in told} | {"": told}
        return msgspec.msgpack.encode(
            {
                name: self._seal.close(msgspec.json.encode(value), place=_place(account_id, name))
                for name, value in parts.items()
            }
        )

    def open_profile(self, account_id: UUID, sealed: bytes) -> Profile:
        """Open the sealed profile of an account.

        Raises:
            SealBroken: a part was changed, or is of another account or field.
        """
        try:
            parts = msgspec.msgpack.decode(sealed, type=dict[str, bytes])
        except msgspec.DecodeError:  # sealed as a whole, before its fields were
            return msgspec.json.decode(
                self._seal.open(sealed, place=_place(account_id)), type=Profile
            )
        told = {
            name: msgspec.json.decode(self._seal.open(part, place=_place(account_id, name)))
            for name, part in parts.items()
        }
        return msgspec.convert(told.pop("", {}) | told, Profile)


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


def emails_of(tx: Transaction, account_id: UUID) -> list[Email]:
    """List an account's addresses, the proven ones first; mail goes to the first of them."""
    rows = tx.execute(_EMAILS, {"owner": account_id})
    return [Email(row.address, row.verified_at is not None) for row in rows]


def proven_of(tx: Transaction, account_id: UUID) -> list[ProvenEmail]:
    """List the addresses that were proven, the one that has been so for longest first."""
    return [ProvenEmail(*row) for row in tx.execute(_PROVEN, {"owner": account_id})]


def replace_emails(
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
    tx.execute(_HOLD, {"owner": account_id})  # two tabs may do so at once
    before = proven_of(tx, account_id)
    since = {address_key(one.address): one.since for one in (*before, *restored)}
    tx.execute(_FORGET_EMAILS, {"owner": account_id})
    if emails:
        tx.execute(_ADD_EMAIL, _rows(tx, account_id, emails, since))
    proven = [address_key(email.address) for email in emails if email.verified]
    gone = [one for one in before if address_key(one.address) not in proven]
    removed.note(tx, account_id, gone, proven)
    if proven:
        losers = tx.execute(_UNPROVEN, {"owner": account_id, "proven": proven}).scalars().all()
        for loser in set(losers):
            _close_ranks(tx, loser)
    tx.execute(_TOUCH, {"owner": account_id, "instant": tx.now})


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


def is_taken(tx: Transaction, account_name: str) -> bool:
    """Tell whether a canonical name was ever given."""
    return tx.scalar(_TAKEN, {"wanted": account_name}) is not None


def accept_terms(tx: Transaction, account_id: UUID, version: str) -> None:
    """Note the version of the terms that the account has accepted."""
    tx.execute(_ACCEPT, {"owner": account_id, "version": version})


def activate(tx: Transaction, account_id: UUID) -> bool:
    """Let a registered account be used; ``True`` for the one caller that did it."""
    return tx.execute(_ACTIVATE, {"owner": account_id, "instant": tx.now}).rowcount == 1


def set_password(tx: Transaction, account_id: UUID, phc_hash: str, *, keep: int) -> None:
    """Give the account a new password, switched on; the ``keep`` last ones are remembered."""
    tx.execute(_HOLD, {"owner": account_id})
    before = tx.execute(_PASSWORD_OF, {"owner": account_id}).one_or_none()
    if before is None:
        row = {"account_id": account_id, "phc_hash": phc_hash, "changed_at": tx.now}
        tx.execute(_ADD_PASSWORD, row)
        return
    tx.execute(_SET_PASSWORD, {"owner": account_id, "phc_hash": phc_hash, "instant": tx.now})
    if keep:
        past = {"account_id": account_id, "phc_hash": before.phc_hash, "until": tx.now}
        tx.execute(_REMEMBER_PASSWORD, past)
    stale = tx.execute(_PAST, {"owner": account_id}).all()[keep:]
    if stale:
        over = [row.until for row in stale]
        tx.execute(_FORGET_PASSWORDS, {"owner": account_id, "over": over})


@dataclass(frozen=True, slots=True)
class PasswordState:
    """The password of an account, as a change of it looks at it."""

    phc_hash: str = field(repr=False)
    changed_at: datetime
    past: tuple[str, ...] = field(repr=False)
    """Hashes of the ones before, newest first."""


def password_state(tx: Transaction, account_id: UUID) -> PasswordState | None:
    """Find an account's password and those before it; ``None`` when it has none."""
    row = tx.execute(_PASSWORD_OF, {"owner": account_id}).one_or_none()
    if row is None:
        return None
    past = tx.execute(_PAST, {"owner": account_id})
    return PasswordState(row.phc_hash, row.changed_at, tuple(one.phc_hash for one in past))


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
        row.changed_at,
    )


def replace_hash(tx: Transaction, account_id: UUID, seen: str, stronger: str) -> None:
    """Take over a stronger hash of the same password, unless it was changed meanwhile."""
    tx.execute(_REPLACE_HASH, {"owner": account_id, "seen": seen, "stronger": stronger})


def still_has(tx: Transaction, account_id: UUID, phc_hash: str) -> bool:
    """Tell whether a password is still the account's, switched on, and so until the commit."""
    return tx.ask(_STILL_HAS, {"owner": account_id, "seen": phc_hash}) is not None


def disable_password(tx: Transaction, account_id: UUID) -> bool:
    """Switch the password off until recovery; ``True`` for the one caller that did it."""
    return tx.execute(_DISABLE, {"owner": account_id, "instant": tx.now}).rowcount == 1


def raise_epoch(tx: Transaction, account_id: UUID) -> None:
    """End everything that stands on the account's epoch: sessions, grants, tokens."""
    tx.execute(_RAISE, {"owner": account_id})


def set_state(tx: Transaction, account_id: UUID, state: State) -> None:
    """Enable or disable an account; what it has open dies with the next look-up."""
    tx.execute(_SET_STATE, {"owner": account_id, "wanted": state, "instant": tx.now})


def reached(tx: Transaction, account_id: UUID) -> Reached:
    """Find where an account's owner is written to of what happens: one round trip."""
    asked = {"owner": account_id, "lately": tx.now - removed.KEPT}
    rows = tx.execute(_REACHED, asked).all()
    left = [ProvenEmail(row.address, row.since) for row in rows if row.position >= 0 and row.since]
    gone = [ProvenEmail(row.address, row.since) for row in rows if row.position < 0]
    older = [one for one in gone if left and one.since < left[0].since]
    unproven = [row.address for row in rows if row.since is None]
    locale = rows[0].locale if rows else ""
    return Reached(locale, (*older, *left), next(iter(unproven), ""))


def hold(tx: Transaction, account_id: UUID) -> SecondFactor:
    """Let one change of an account's factors wait for the other; says how it stands."""
    return SecondFactor(tx.scalar(_HOLD, {"owner": account_id}))


def set_second_factor(tx: Transaction, account_id: UUID, wanted: SecondFactor) -> None:
    """Say whether the account has a second factor, and when it is asked for."""
    tx.execute(_SET_SECOND_FACTOR, {"owner": account_id, "wanted": wanted, "instant": tx.now})


def was_bare(tx: Transaction, account_id: UUID, at: datetime) -> bool:
    """Tell whether the account is known to have had no second factor just before an instant."""
    return tx.scalar(_BARE, {"owner": account_id, "then": at}) is not None


def _place(account_id: UUID, field: str = "") -> str:
    return f"accounts/profile/{account_id}" + (f"/{field}" if field else "")


_SEALED_ALONE = ("birthdate", "phone_number", "address")
"""Fields that are never opened with another's value: each is bound to its account and name."""


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
_KINDS = bindparam("kinds", type_=Text())
IS_SERVED = or_(_KINDS == "", func.replace(_KINDS, " " + AccountRow.kind + " ", "") != _KINDS)
"""The condition of an account of certain kinds: bind them as ``kinds``, with a blank before and
after each; empty for all."""
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
        PasswordCredential.phc_hash,
        PasswordCredential.disabled_at,
        PasswordCredential.changed_at,
    )
    .join(PasswordCredential, PasswordCredential.account_id == AccountRow.id)
    .where(AccountRow.account_name == bindparam("wanted"))
)
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
_FORGET_EMAILS = delete(AccountEmail).where(_OF)
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
_TAKEN = select(AccountRow.id).where(AccountRow.account_name == bindparam("wanted"))
_DESCRIBE = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(profile_sealed=bindparam("sealed"), updated_at=bindparam("instant"))
)
_EMPTY = (
    delete(AccountEmail).where(AccountEmail.account_id == bindparam("owner")),
    delete(RemovedEmail).where(RemovedEmail.account_id == bindparam("owner")),
    delete(PasswordCredential).where(PasswordCredential.account_id == bindparam("owner")),
    delete(PastPassword).where(PastPassword.account_id == bindparam("owner")),
)
_CLOSE = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(state=State.CLOSED, second_factor=SecondFactor.NONE, updated_at=bindparam("instant"))
)
_TOUCH = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(updated_at=bindparam("instant"))
)
_ACCEPT = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(accepted_terms=bindparam("version"))
)
_ACTIVATE = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"), AccountRow.state == State.PENDING)
    .values(state=State.ACTIVE, updated_at=bindparam("instant"))
)
_PASSWORD_OF = select(PasswordCredential.phc_hash, PasswordCredential.changed_at).where(
    PasswordCredential.account_id == bindparam("owner")
)
_SET_PASSWORD = (
    update(PasswordCredential)
    .where(PasswordCredential.account_id == bindparam("owner"))
    .values(phc_hash=bindparam("phc_hash"), changed_at=bindparam("instant"), disabled_at=None)
)
_REMEMBER_PASSWORD = insert(PastPassword)
_PAST = (
    select(PastPassword.phc_hash, PastPassword.until)
    .where(PastPassword.account_id == bindparam("owner"))
    .order_by(PastPassword.until.desc())
)
_FORGET_PASSWORDS = delete(PastPassword).where(
    PastPassword.account_id == bindparam("owner"),
    PastPassword.until.in_(bindparam("over", expanding=True)),
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
_STILL_HAS = Prepared(
    select(PasswordCredential.account_id)
    .where(
        PasswordCredential.account_id == bindparam("owner"),
        PasswordCredential.phc_hash == bindparam("seen"),
        PasswordCredential.disabled_at.is_(None),
    )
    .with_for_update()
)
_RAISE = (
    update(AccountRow).where(AccountRow.id == bindparam("owner")).values(epoch=AccountRow.epoch + 1)
)
_SET_STATE = (
    update(AccountRow)
    .where(AccountRow.id == bindparam("owner"))
    .values(state=bindparam("wanted"), updated_at=bindparam("instant"))
)
_REACHED = (
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
_HOLD = (
    select(AccountRow.second_factor).where(AccountRow.id == bindparam("owner")).with_for_update()
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
    AccountRow.id == bindparam("owner"), AccountRow.protected_since >= bindparam("then")
)
