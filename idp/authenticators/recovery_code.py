"""Recovery codes: ten on paper, each good once, for the day the other factors are lost.

What is kept is a keyed hash bound to the account: without the key, nobody who reads the
database can try codes against it, and no row fits another account.
"""

import hmac
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.transaction import Transaction
from idp.secret import Entropy

COUNT = 10
AMR = ("otp",)  # a password good once; RFC 8176 has no closer word
_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32, without those that look alike
_LENGTH = 12  # 60 bits, behind a gate


class RecoveryCode(Table):
    """A code that was shown once; ``used_at`` is set by the one who uses it."""

    __tablename__ = "recovery_codes"

    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """Makes and claims codes; holds the key of their hashes."""

    key: bytes
    entropy: Entropy

    def renew(self, tx: Transaction, account_id: UUID) -> list[str]:
        """Make ten new ones, to be shown now and never again; the old ones are gone."""
        self.forget(tx, account_id)
        codes = [self._make() for _ in range(COUNT)]
        rows = [
            {
                "code_hash": self._hash(account_id, code),
                "account_id": account_id,
                "created_at": tx.now,
            }
            for code in codes
        ]
        tx.execute(_ADD, rows)
        return [written(code) for code in codes]

    def claim(self, tx: Transaction, account_id: UUID, typed: str) -> bool:
        """Use a code up; of any number of concurrent callers one hears ``True``."""
        hashed = self._hash(account_id, as_typed(typed))
        presented = {"presented": hashed, "owner": account_id, "instant": tx.now}
        return tx.ask(_CLAIM, presented) is not None

    def left(self, tx: Transaction, account_id: UUID) -> int:
        """Count those that are still good."""
        return int(tx.scalar(_LEFT, {"owner": account_id}))

    def holds(self, tx: Transaction, account_id: UUID, codes: Collection[str]) -> bool:
        """Tell whether these are the codes on record, used or not."""
        hashes = [self._hash(account_id, as_typed(code)) for code in codes]
        return int(tx.scalar(_HELD, {"owner": account_id, "hashes": hashes})) == len(codes) > 0

    def forget(self, tx: Transaction, account_id: UUID) -> None:
        """Make all of an account's codes worthless."""
        tx.execute(_FORGET, {"owner": account_id})

    def forget_since(self, tx: Transaction, account_id: UUID, since: datetime) -> bool:
        """Make the codes worthless that were made at ``since`` or later; tells of any."""
        made = {"owner": account_id, "oldest": since}
        return tx.execute(_FORGET_SINCE, made).rowcount > 0

    def _make(self) -> str:
        # 32 divides 256: every sign is as likely as the next.
        return "".join(_SIGNS[one % len(_SIGNS)] for one in self.entropy(_LENGTH))

    def _hash(self, account_id: UUID, code: str) -> bytes:
        text = f"{account_id}|{code}".encode("utf-8", "surrogatepass")
        return hmac.digest(self.key, text, "sha256")


def written(code: str) -> str:
    """Write a code as people read it: in three groups."""
    return "-".join(code[at : at + 4] for at in range(0, _LENGTH, 4))


def as_typed(text: str) -> str:
    """Read a code as people type it: any case, with or without dashes and blanks."""
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(one for one in folded if one.isalnum())


_ADD = insert(RecoveryCode)
_CLAIM = Prepared(
    update(RecoveryCode)
    .where(
        RecoveryCode.code_hash == bindparam("presented"),
        RecoveryCode.account_id == bindparam("owner"),
        RecoveryCode.used_at.is_(None),
    )
    .values(used_at=bindparam("instant"))
    .returning(RecoveryCode.code_hash)
)
_LEFT = select(func.count()).where(
    RecoveryCode.account_id == bindparam("owner"), RecoveryCode.used_at.is_(None)
)
_HELD = select(func.count()).where(
    RecoveryCode.account_id == bindparam("owner"),
    RecoveryCode.code_hash.in_(bindparam("hashes", expanding=True)),
)
_FORGET = delete(RecoveryCode).where(RecoveryCode.account_id == bindparam("owner"))
_FORGET_SINCE = _FORGET.where(RecoveryCode.created_at >= bindparam("oldest"))
