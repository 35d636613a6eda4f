"""Codes of an authenticator app: TOTP, RFC 6238 with SHA-1, six digits and thirty seconds.

Each app in use knows these parameters and hardly any knows others. A step is good once
(section 5.2): one UPDATE takes it, and whoever comes second finds it taken.
"""

import base64
import hmac
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode
from uuid import UUID

import segno
from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Uuid,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.clock import seconds
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.secret import Entropy, Seal, Secret

DIGITS = 6
PERIOD = 30
AMR = ("otp",)
_WINDOW = (0, -1, 1)  # the step at hand first; section 5.2 recommends one for the way here
_SECRET_BYTES = 20  # RFC 4226 section 4, R6: 160 bits
_TIME_TO_CONFIRM = timedelta(minutes=15)


class TotpCredential(Table):
    """The authenticator app of an account; not yet in use until a first code confirms it."""

    __tablename__ = "totp_credentials"
    __table_args__ = (
        Index(
            "ix_totp_credentials_waiting",
            "created_at",
            sqlite_where=text("confirmed_at IS NULL"),
            postgresql_where=text("confirmed_at IS NULL"),
        ),
    )

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    secret_sealed: Mapped[bytes]
    session_id: Mapped[UUID | None] = mapped_column(default=None)
    """The session that began it: a waiting secret is shown and confirmed there alone. Whoever
    sits at another one, and may be a stranger, must not know what the owner is about to use."""
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None] = mapped_column(default=None)
    last_step: Mapped[int] = mapped_column(BigInteger)
    """The newest step that was used: it and all before it are over."""
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class InUse:
    """A confirmed authenticator app."""

    since: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a person takes into the app: by camera, or typed."""

    uri: str = field(repr=False)
    secret: str = field(repr=False)
    """In groups of four, as people read it."""

    def picture(self) -> str:
        """Draw the QR code as SVG; colours of its own, or a dark page could not be scanned."""
        code = segno.make(self.uri, error="m")
        return code.svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)


@dataclass(frozen=True, slots=True)
class Totp:
    """Enrols, confirms and claims. Holds the seal of the secrets."""

    seal: Seal
    entropy: Entropy

    def begin(self, tx: Transaction, account_id: UUID, session_id: UUID) -> None:
        """Make a secret that waits for its first code; an app in use is left as it is."""
        tx.execute(_FORGET_WAITING, {"owner": account_id})
        if tx.scalar(_IS_THERE, {"owner": account_id}) is None:
            sealed = self.seal.close(self.entropy(_SECRET_BYTES), place=_place(account_id))
            tx.execute(
                _ADD,
                {
                    "account_id": account_id,
                    "secret_sealed": sealed,
                    "session_id": session_id,
                    "created_at": tx.now,
                    "last_step": 0,
                },
            )

    def waiting(self, tx: Transaction, account_id: UUID, session_id: UUID) -> Secret[bytes] | None:
        """Give the secret that the app has to be told, as long as it waits for its first code."""
        oldest = tx.now - _TIME_TO_CONFIRM
        asked = {"owner": account_id, "session": session_id, "oldest": oldest}
        sealed = tx.scalar(_WAITING, asked)
        if sealed is None:
            return None
        return Secret(self.seal.open(sealed, place=_place(account_id)))

    def in_use(self, tx: Transaction, account_id: UUID) -> InUse | None:
        """Find the account's authenticator app."""
        row = tx.execute(_IN_USE, {"owner": account_id}).one_or_none()
        return InUse(*row) if row else None

    def confirm(self, tx: Transaction, account_id: UUID, session_id: UUID, typed: str) -> bool:
        """Take a waiting app into use by its first code; of any number of callers one does."""
        step = self._step(tx, account_id, typed)
        if step is None:
            return False
        taken = {"owner": account_id, "session": session_id, "step": step, "instant": tx.now}
        return tx.ask(_CONFIRM, taken | {"oldest": tx.now - _TIME_TO_CONFIRM}) is not None

    def claim(self, tx: Transaction, account_id: UUID, typed: str) -> bool:
        """Use a code up; ``False`` where it is wrong, or its step was used already."""
        step = self._step(tx, account_id, typed)
        if step is None:
            return False
        return tx.ask(_CLAIM, {"owner": account_id, "step": step, "instant": tx.now}) is not None

    def remove(self, tx: Transaction, account_id: UUID) -> bool:
        """Take the app out of use; ``True`` for the one caller that did it."""
        return tx.execute(_REMOVE, {"owner": account_id}).rowcount == 1

    def _step(self, tx: Transaction, account_id: UUID, typed: str) -> int | None:
        sealed = tx.scalar(_SECRET, {"owner": account_id})
        if sealed is None:
            return None
        secret = Secret(self.seal.open(sealed, place=_place(account_id)))
        return matching_step(secret, as_typed(typed), tx.now)


def enrolment(waiting: Secret[bytes], issuer: str, account_name: str) -> Enrolment:
    """Write a secret as apps read it, and people."""
    secret = base64.b32encode(waiting.reveal()).decode()
    groups = [secret[at : at + 4] for at in range(0, len(secret), 4)]
    return Enrolment(_uri(issuer, account_name, secret), " ".join(groups))


def as_typed(text: str) -> str:
    """Take digits as people type them: in full width, with blanks between."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def code_of(secret: Secret[bytes], step: int) -> str:
    """Compute the code of a step (RFC 4226 section 5.3)."""
    mac = hmac.digest(secret.reveal(), step.to_bytes(8), "sha1")
    at = mac[-1] & 0x0F
    number = int.from_bytes(mac[at : at + 4]) & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: Secret[bytes], typed: str, now: datetime) -> int | None:
    """Find the step around ``now`` that a code belongs to; all are compared, whichever matches."""
    current = seconds(now) // PERIOD
    given = typed.encode("utf-8", "surrogatepass")
    found = [
        step
        for step in (current + away for away in _WINDOW)
        if hmac.compare_digest(code_of(secret, step).encode(), given)
    ]
    return found[0] if found else None


def sweep(tx: Transaction) -> int:
    """Forget secrets that no code has confirmed in time."""
    return _BROOM.sweep(tx, tx.now - _TIME_TO_CONFIRM)


def _uri(issuer: str, account_name: str, secret: str) -> str:
    """Write the address that apps read from the picture (Key Uri Format)."""
    label = f"{quote(issuer, safe='')}:{quote(account_name, safe='')}"
    told = {"secret": secret, "issuer": issuer, "digits": DIGITS, "period": PERIOD}
    return f"otpauth://totp/{label}?{urlencode(told, quote_via=quote)}"


def _place(account_id: UUID) -> str:
    return f"totp/secret/{account_id}"


_OWNED = TotpCredential.account_id == bindparam("owner")
_UNCONFIRMED = TotpCredential.confirmed_at.is_(None)
_CONFIRMED = TotpCredential.confirmed_at.is_not(None)
_IN_TIME = TotpCredential.created_at > bindparam("oldest")
_UNUSED = TotpCredential.last_step < bindparam("step", type_=BigInteger())
_BEGUN_HERE = TotpCredential.session_id == bindparam("session", type_=Uuid())
_ADD = insert(TotpCredential)
_FORGET_WAITING = delete(TotpCredential).where(_OWNED, _UNCONFIRMED)
_IS_THERE = select(TotpCredential.account_id).where(_OWNED)
_WAITING = select(TotpCredential.secret_sealed).where(_OWNED, _UNCONFIRMED, _IN_TIME, _BEGUN_HERE)
_IN_USE = select(TotpCredential.confirmed_at, TotpCredential.last_used_at).where(_OWNED, _CONFIRMED)
_SECRET = select(TotpCredential.secret_sealed).where(_OWNED)
_USE = {"last_step": bindparam("step", type_=BigInteger()), "last_used_at": bindparam("instant")}
_CONFIRM = Prepared(
    update(TotpCredential)
    .where(_OWNED, _UNCONFIRMED, _IN_TIME, _BEGUN_HERE, _UNUSED)
    .values(confirmed_at=bindparam("instant"), **_USE)
    .returning(TotpCredential.account_id)
)
_CLAIM = Prepared(
    update(TotpCredential)
    .where(_OWNED, _CONFIRMED, _UNUSED)
    .values(**_USE)
    .returning(TotpCredential.account_id)
)
_REMOVE = delete(TotpCredential).where(_OWNED, _CONFIRMED)
_BROOM = Broom(TotpCredential, TotpCredential.created_at, only="confirmed_at IS NULL")
