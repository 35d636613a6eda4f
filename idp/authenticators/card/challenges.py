"""What a browser's card is asked to sign: used up before anything about the answer is looked at.

A challenge belongs to one browser and one purpose. Its value is not kept, only its hash: the page
brings it back beside the signature.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import String, bindparam, insert, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.secret import Entropy, base64url

_BYTES = 32
LENGTH = 43
"""Characters of a challenge."""


class Purpose(StrEnum):
    """What a signature is for; it stands under the signature, and one never serves another."""

    LOGIN = "login"
    REGISTER = "register"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a challenge is good for."""

    browser_hash: bytes
    purpose: Purpose
    account_id: UUID | None = None
    """Whose card is to be added; empty on the sign-in page."""


class CardChallenge(Table):
    """A challenge given to one browser."""

    __tablename__ = "card_challenges"

    challenge_hash: Mapped[bytes] = mapped_column(primary_key=True)
    browser_hash: Mapped[bytes]
    purpose: Mapped[str] = mapped_column(String(16))
    account_id: Mapped[UUID | None]
    """Whose card is to be added; empty on the sign-in page."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)


def issue(tx: Transaction, wanted: Wanted, lifetime: timedelta, entropy: Entropy) -> str:
    """Give a browser something to have signed: 43 characters of base64url."""
    challenge = base64url(entropy(_BYTES))
    row = {
        "challenge_hash": _hash(challenge),
        "browser_hash": wanted.browser_hash,
        "purpose": wanted.purpose,
        "account_id": wanted.account_id,
        "expires_at": tx.now + lifetime,
    }
    tx.put(_ISSUE, row)
    return challenge


def claim(tx: Transaction, challenge: str, wanted: Wanted) -> bool:
    """Use a challenge up, whatever the signature is worth; ``True`` for one caller."""
    claimed = tx.ask(
        _CLAIM,
        {
            "presented": _hash(challenge[: LENGTH + 1]),
            "browser": wanted.browser_hash,
            "wanted": wanted.purpose,
            "instant": tx.now,
        },
    )
    return claimed is not None and claimed.account_id == wanted.account_id


def sweep(tx: Transaction) -> int:
    """Forget challenges whose time is over."""
    return _EXPIRED.sweep(tx, tx.now)


def _hash(challenge: str) -> bytes:
    return hashlib.sha256(challenge.encode()).digest()


_ISSUE = Prepared(insert(CardChallenge))
_CLAIM = Prepared(
    update(CardChallenge)
    .where(
        CardChallenge.challenge_hash == bindparam("presented"),
        CardChallenge.browser_hash == bindparam("browser"),
        CardChallenge.purpose == bindparam("wanted"),
        CardChallenge.consumed_at.is_(None),
        CardChallenge.expires_at > bindparam("instant"),
    )
    .values(consumed_at=bindparam("instant"))
    .returning(CardChallenge.account_id)
)
_EXPIRED = Broom(CardChallenge, CardChallenge.expires_at)
