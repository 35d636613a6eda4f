"""Six digits sent by mail, typed back on the page: whoever types them reads that mailbox.

A code belongs to one owner (a registration, or an account), one purpose and the one address it
was sent to. A newer one replaces it; a few wrong tries end it (security.md T32 to T34).
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import String, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.database.columns import Table
from idp.database.prepared import insert_if_new
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.mail.messages import AlreadyRegistered, Code, Post
from idp.secret import Entropy
from idp.signin.counters import Attempt, Gate
from idp.signin.throttle import Proceed

LIFETIME = timedelta(minutes=15)
TRIES = 5
SENDS = 10
"""Mails an owner may have sent before a quarter of an hour of quiet."""
PAUSE = timedelta(seconds=30)
"""Between two mails: a double click sends one."""
_DIGITS = 6
_GATE = "email_code"


class Purpose(StrEnum):
    """What a proven address is for."""

    REGISTRATION = "registration"
    NEW_ADDRESS = "new_address"
    FIRST_CARD = "first_card"


class EmailCode(Table):
    """The one code that is open for an owner and a purpose; of the code only a keyed hash."""

    __tablename__ = "email_codes"

    owner: Mapped[bytes] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16), primary_key=True)
    address: Mapped[str] = mapped_column(String(320))
    code_hash: Mapped[bytes]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(default=0)
    sends: Mapped[int] = mapped_column(default=1)
    """How many mails this owner has had sent, to whatever addresses."""
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)


class Sending(StrEnum):
    """What came of asking for a code."""

    SENT = "sent"
    TOO_SOON = "too_soon"
    """One is on its way."""
    TOO_MANY = "too_many"
    """To this address, or from this network, many were sent lately."""


class Typing(StrEnum):
    """Why a typed code proves nothing."""

    WRONG = "wrong"
    OVER = "over"
    """Its time or its tries are over, or there is none: another has to be sent."""


@dataclass(frozen=True, slots=True)
class Open:
    """The code that waits for being typed."""

    address: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Codes:
    """Sends codes and compares them."""

    key: bytes
    gate: Gate
    post: Post
    entropy: Entropy

    def send(
        self,
        tx: Transaction,
        owner: bytes,
        purpose: Purpose,
        address: str,
        locale: str,
        *,
        instead: AlreadyRegistered | None = None,
    ) -> Sending:
        """Mail a fresh code to ``address``; the one before is void.

        Args:
            instead: the message to send in place of the code's, where the address must not be
                proven and the asker must not learn of it. Everything else is the same.
        """
        before = tx.execute(_FIND, {"owner": owner, "purpose": purpose}).one_or_none()
        if before and before.address == address and before.sent_at + PAUSE > tx.now:
            return Sending.TOO_SOON
        sends = before.sends if before and before.expires_at > tx.now else 0
        if sends >= SENDS:
            return Sending.TOO_MANY
        # Every mail counts as a failure that nothing takes back: no mailbox is flooded by us.
        attempt = Attempt(_GATE, _mailbox(address), tx.origin.address)
        if not isinstance(self.gate.reserve(tx, attempt, captcha=True).verdict, Proceed):
            return Sending.TOO_MANY
        code = self._fresh()
        row = {
            "owner": owner,
            "purpose": purpose,
            "address": address,
            # Where another message goes, no code proves the address.
            "code_hash": self.entropy(32) if instead else self._hash(owner, purpose, address, code),
            "sends": sends + 1,
            "sent_at": tx.now,
            "expires_at": tx.now + LIFETIME,
            "tries": 0,
        }
        if not _place(tx, row, before.sent_at if before else None):
            return Sending.TOO_SOON  # a double click: the other one's code is on its way
        minutes = int(LIFETIME.total_seconds()) // 60
        message = instead or Code(at=tx.now, code=code, minutes=minutes)
        self.post.put(tx, address, locale, message, unique=None)
        return Sending.SENT

    def claim(
        self, tx: Transaction, owner: bytes, purpose: Purpose, typed: str
    ) -> tuple[str] | Typing:
        """Count a try and compare; gives the proven address once."""
        found = tx.execute(
            _TRY, {"whose": owner, "what": purpose, "instant": tx.now, "limit": TRIES}
        ).one_or_none()
        if found is None:
            return Typing.OVER
        expected = self._hash(owner, purpose, found.address, "".join(typed.split()))
        if not hmac.compare_digest(expected, found.code_hash):
            return Typing.OVER if found.tries >= TRIES else Typing.WRONG
        tx.execute(_CONSUME, {"whose": owner, "what": purpose, "instant": tx.now})
        return (found.address,)

    def open_for(self, tx: Transaction, owner: bytes, purpose: Purpose) -> Open | None:
        """Find the code that an owner is waiting for."""
        row = tx.execute(_FIND, {"owner": owner, "purpose": purpose}).one_or_none()
        if row is None or row.consumed_at is not None or row.expires_at <= tx.now:
            return None
        return Open(row.address, row.sent_at)

    def _fresh(self) -> str:
        # 64 random bits modulo a million: no digit is likelier than another by 2^-44.
        return f"{int.from_bytes(self.entropy(8), 'big') % 10**_DIGITS:0{_DIGITS}}"

    def _hash(self, owner: bytes, purpose: Purpose, address: str, code: str) -> bytes:
        told = b"|".join((owner, purpose.encode(), address.encode(), code.encode()))
        return hmac.digest(self.key, told, "sha256")


def _place(tx: Transaction, row: dict[str, Any], seen: datetime | None) -> bool:
    """Put a code in the place of the one that was seen; ``False``: another was quicker."""
    if seen is None:
        return tx.execute(_ADD, row).one_or_none() is not None
    change = {
        "whose": row["owner"],
        "what": row["purpose"],
        "seen": seen,
        "to": row["address"],
        "hashed": row["code_hash"],
        "count": row["sends"],
        "instant": row["sent_at"],
        "until": row["expires_at"],
    }
    return tx.execute(_REPLACE, change).one_or_none() is not None


def forget(tx: Transaction, owner: bytes) -> None:
    """Forget what an owner was sent."""
    tx.execute(delete(EmailCode).where(EmailCode.owner == owner))


def _mailbox(address: str) -> str:
    """Name the mailbox behind an address: what follows a plus sign is the same person's."""
    local, _, domain = address.casefold().partition("@")
    return f"{local.partition('+')[0]}@{domain}"


def sweep(tx: Transaction) -> int:
    """Forget codes whose time is over."""
    return _BROOM.sweep(tx, tx.now)


_FIND = select(
    EmailCode.address,
    EmailCode.sent_at,
    EmailCode.expires_at,
    EmailCode.consumed_at,
    EmailCode.sends,
).where(EmailCode.owner == bindparam("owner"), EmailCode.purpose == bindparam("purpose"))
_ADD = insert_if_new(EmailCode).returning(EmailCode.owner)
_REPLACE = (
    update(EmailCode)
    .where(
        EmailCode.owner == bindparam("whose"),
        EmailCode.purpose == bindparam("what"),
        EmailCode.sent_at == bindparam("seen"),
    )
    .values(
        address=bindparam("to"),
        code_hash=bindparam("hashed"),
        sends=bindparam("count"),
        sent_at=bindparam("instant"),
        expires_at=bindparam("until"),
        tries=0,
        consumed_at=None,
    )
    .returning(EmailCode.owner)
)
_TRY = (
    update(EmailCode)
    .where(
        EmailCode.owner == bindparam("whose"),
        EmailCode.purpose == bindparam("what"),
        EmailCode.consumed_at.is_(None),
        EmailCode.expires_at > bindparam("instant"),
        EmailCode.tries < bindparam("limit"),
    )
    .values(tries=EmailCode.tries + 1)
    .returning(EmailCode.address, EmailCode.code_hash, EmailCode.tries)
)
_CONSUME = (
    update(EmailCode)
    .where(EmailCode.owner == bindparam("whose"), EmailCode.purpose == bindparam("what"))
    .values(consumed_at=bindparam("instant"))
)
_BROOM = Broom(EmailCode, EmailCode.expires_at)
