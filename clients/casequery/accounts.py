"""The app's own accounts: a name, a password, and how often it may be tried (Q03, Q07).

Older than the portal, and theirs alone: the provider hears a password of these once, on its
way here, when somebody links.
"""

import hashlib
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import String, bindparam, case, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from clients.kit import linking, session
from clients.kit.database import Database, Table, Transaction
from clients.kit.linking import Checked
from clients.kit.session import SignedIn

LOCAL = ""
"""The issuer of those who signed in here themselves: no provider is called so."""
SHORTEST, LONGEST = 15, 128  # characters; NIST SP 800-63B-4 section 3.1.1.2

_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NOBODY = _HASHER.hash("the same work for an account that is not there")

_LIMITS = (
    # failures of               too many  within
    ("account and source", 5, timedelta(minutes=15)),
    ("source", 30, timedelta(minutes=15)),
    ("account", 50, timedelta(hours=1)),
)
"""Counted in this order; what is stopped by one is not counted by those after it, so that
one source alone never fills what stops an account for everybody."""


class LocalAccount(Table):
    """An account of this app. The password is a hash in PHC string format."""

    __tablename__ = "local_accounts"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    phc_hash: Mapped[str]
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class FailureCount(Table):
    """Failures of one kind in one place. The key is a hash: no name, no address."""

    __tablename__ = "failure_counts"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Proven:
    """An account whose password was right, and the hash it was compared with."""

    name: str
    phc_hash: str = field(repr=False)


Doubt = Literal["wrong", "throttled"]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Compares passwords: counted in one transaction before, outside any meanwhile."""

    database: Database

    def prove(self, typed: str, password: str, source: str) -> Proven | Doubt:
        """Tell whose account it is; for an account that is not there with the same work."""
        name = canonical(typed)
        keys = _keys(name, source)
        with self.database.write() as tx:
            if not _reserve(tx, keys):
                return "throttled"
            phc_hash = password_of(tx, name)
        if not _is_right(phc_hash or _NOBODY, password) or phc_hash is None:
            return "wrong"
        with self.database.write() as tx:
            _give_back(tx, keys)
        return Proven(name, phc_hash)

    def check(self, name: str, password: str, source: str) -> Checked:
        """Say to the kit whether an account may be linked."""
        proven = self.prove(name, password, source)
        if isinstance(proven, Proven):
            return Checked("right", proven.name)
        return Checked(proven)

    def change(self, proven: Proven, password: str) -> bool:
        """Change the password, and end whatever is open; ``False``: another was faster."""
        phc_hash = hashed(password)
        with self.database.write() as tx:
            wanted = {"whose": proven.name, "seen": proven.phc_hash, "new": phc_hash}
            changed = tx.execute(_CHANGE, wanted | {"instant": tx.now}).rowcount == 1
            if changed:
                session.end_of_person(tx, LOCAL, proven.name)
        return bool(changed)


def canonical(typed: str) -> str:
    """Give the one form of a name that is kept, looked up and counted."""
    return unicodedata.normalize("NFKC", typed).strip().upper()[:64]


def hashed(password: str) -> str:
    """Hash a password for keeping."""
    return _HASHER.hash(_normal(password))


def add(tx: Transaction, name: str, phc_hash: str) -> None:
    """Open an account."""
    row = {"name": canonical(name), "phc_hash": phc_hash}
    tx.execute(insert(LocalAccount), row | {"opened_at": tx.now, "changed_at": tx.now})


def password_of(tx: Transaction, name: str) -> str | None:
    """Give the hash on record under a name."""
    found: str | None = tx.execute(_HASH, {"whose": canonical(name)}).scalar_one_or_none()
    return found


def of(tx: Transaction, person: SignedIn) -> str | None:
    """Tell which account somebody here has: their own, or the one that is linked."""
    if person.issuer == LOCAL:
        return person.sub
    return linking.account_of(tx, person.issuer, person.sub)


def begin_session(tx: Transaction, name: str) -> str:
    """Open a session for an account of ours, and give its cookie."""
    return session.begin(tx, issuer=LOCAL, claims={"sub": name, "name": name}, id_token="")


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _is_right(phc_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(phc_hash, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


def _keys(name: str, source: str) -> tuple[bytes, ...]:
    counted = (f"{name}\n{source}", f"\n{source}", f"{name}\n")
    return tuple(hashlib.sha256(one.encode("utf-8", "surrogatepass")).digest() for one in counted)


def _reserve(tx: Transaction, keys: tuple[bytes, ...]) -> bool:
    """Count a try before anything is compared; ``False``: it is one too many."""
    for key, (_, limit, window) in zip(keys, _LIMITS, strict=True):
        counting = {"key": key, "instant": tx.now, "ends_at": tx.now + window}
        failures = tx.execute(_COUNT[tx.connection.dialect.name], counting).scalar_one()
        if failures > limit:
            tx.execute(_TAKE_BACK, {"which": [key]})
            return False
    return True


def _give_back(tx: Transaction, keys: tuple[bytes, ...]) -> None:
    tx.execute(_TAKE_BACK, {"which": list(keys[1:])})
    tx.execute(_FORGET, {"which": keys[0], "instant": tx.now})


def _count(dialect: Any) -> Any:
    adding = dialect.insert(FailureCount).values(
        key=bindparam("key"), failures=1, ends_at=bindparam("ends_at")
    )
    over = FailureCount.ends_at <= bindparam("instant", type_=FailureCount.ends_at.type)
    return adding.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "failures": case((over, 1), else_=FailureCount.failures + 1),
            "ends_at": case((over, adding.excluded.ends_at), else_=FailureCount.ends_at),
        },
    ).returning(FailureCount.failures)


_COUNT = {"sqlite": _count(sqlite), "postgresql": _count(postgresql)}
_TAKE_BACK = (
    update(FailureCount)
    .where(FailureCount.key.in_(bindparam("which", expanding=True)), FailureCount.failures > 0)
    .values(failures=FailureCount.failures - 1)
)
_FORGET = delete(FailureCount).where(
    (FailureCount.key == bindparam("which")) | (FailureCount.ends_at <= bindparam("instant"))
)
_HASH = select(LocalAccount.phc_hash).where(LocalAccount.name == bindparam("whose"))
_CHANGE = (
    update(LocalAccount)
    .where(LocalAccount.name == bindparam("whose"), LocalAccount.phc_hash == bindparam("seen"))
    .values(phc_hash=bindparam("new"), changed_at=bindparam("instant"))
)
