"""How much work a wrong password is, and that it tells nothing of who has an account.

Until its owner first signs in, an imported hash costs what the other system made it cost, and
a name without a password would be told from it by time. So such a name gets a *stand-in*: a
hash of nobody, drawn by the name and a key of ours from the works that the passwords on record
take, in the shares in which they take them. A name keeps its stand-in while the shares last;
where they change, few names do (weighted rendezvous hashing).

The shares are a census, taken by the worker and after an import, never by a request.
"""

import hmac
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.authenticators.password import foreign
from idp.authenticators.password.foreign import b64
from idp.database.columns import Table
from idp.database.prepared import insert_if_new
from idp.database.transaction import Transaction

NOTHING = ""
"""The specimen of what takes no work beside that which every wrong password takes."""
_KINDS = 64  # of work, the most common; each costs a name two microseconds
_FRESH = timedelta(minutes=10)


class PasswordWork(Table):
    """So many passwords on record take the work that ``specimen`` takes."""

    __tablename__ = "password_works"

    specimen: Mapped[str] = mapped_column(String(512), primary_key=True)
    """A hash of nobody; empty for :data:`NOTHING`."""
    passwords: Mapped[int]


@dataclass(slots=True)
class StandIns:
    """Draws a hash for names that have none. Thread-safe: what is held is replaced as a whole."""

    key: bytes = field(repr=False)
    """Whoever knows it can tell a stand-in from a hash."""
    _shares: Mapping[str, int] = field(default_factory=dict)
    _read_at: datetime | None = None

    def of(self, tx: Transaction, account_name: str) -> str:
        """Draw for a canonical name; empty: :data:`NOTHING`. Reads the census now and then."""
        if self._read_at is None or not timedelta() <= tx.now - self._read_at < _FRESH:
            self._shares, self._read_at = _read(tx), tx.now
        return drawn(self._shares, self.key, account_name)


def _read(tx: Transaction) -> dict[str, int]:
    return {row.specimen: row.passwords for row in tx.execute(_CENSUS)}


def drawn(shares: Mapping[str, int], key: bytes, account_name: str) -> str:
    """Draw one of the specimens, each with the probability of its share among all names."""
    named = account_name.encode("utf-8", "surrogatepass")
    return min(shares, key=lambda one: _waits(key, named, one) / shares[one], default=NOTHING)


def _waits(key: bytes, named: bytes, specimen: str) -> float:
    """Give a number that is exponentially distributed over names, one for each specimen.

    The first of several such waits, each shortened by its share, is of each in proportion.
    """
    digest = hmac.digest(key, specimen.encode("ascii") + b"\0" + named, "sha256")
    return -math.log((int.from_bytes(digest[:8], "big") + 1) / 2**64)


def specimen_of(stored: str) -> str:
    """Give a hash of nobody that takes the work of a stored one."""
    if stored.startswith("$argon2id$"):
        return _argon2id(stored)
    try:
        return foreign.parse(stored).specimen()
    except foreign.BadHash:
        return NOTHING


def _argon2id(stored: str) -> str:
    try:
        costs = extract_parameters(stored)
    except InvalidHashError:
        return NOTHING
    parameters = f"m={costs.memory_cost},t={costs.time_cost},p={costs.parallelism}"
    salt, expected = b64(bytes(costs.salt_len)), b64(bytes(costs.hash_len))
    return f"$argon2id$v={costs.version}${parameters}${salt}${expected}"


def counted(hashes: Iterable[str]) -> Counter[str]:
    """Count hashes by the work they take."""
    return Counter(map(specimen_of, hashes))


def keep(tx: Transaction, census: Counter[str]) -> None:
    """Put a census on record, in the place of the one before."""
    tx.execute(delete(PasswordWork))
    rows = [{"specimen": one, "passwords": number} for one, number in census.most_common(_KINDS)]
    if rows:
        # Of two that count at once the second adds what the first has not.
        tx.execute(insert_if_new(PasswordWork), rows)


_CENSUS = select(PasswordWork.specimen, PasswordWork.passwords)
