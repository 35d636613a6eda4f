"""Links sent by mail that are good once: to activate an account, or to set a new password.

Opening a link changes nothing (mail scanners open them); the form behind it claims the ticket.
Everything it is bound to is compared by that one statement (security.md T33): the purpose, the
time, that no newer one was sent and none sent with it was used, that the address it went to is
still the account's own, and that nobody has signed in since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, String, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts import status
from idp.accounts.model import address_key
from idp.accounts.tables import AccountEmail
from idp.database.columns import Table
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.secret import Entropy, digest, mint, well_formed
from idp.signin.store import SignInAttempt

PREFIX = "pml"


class Errand(StrEnum):
    """What a link is for."""

    ACTIVATION = "activation"
    RECOVERY = "recovery"


LIFETIMES = {Errand.ACTIVATION: timedelta(days=7), Errand.RECOVERY: timedelta(minutes=30)}


class MailTicket(Table):
    """A link on its way, by the SHA-256 of its token."""

    __tablename__ = "mail_tickets"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    errand: Mapped[str] = mapped_column(String(16))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    address_key: Mapped[str] = mapped_column(String(320))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class Held:
    """A good ticket, and whose it is."""

    account_id: UUID


def issue(tx: Transaction, entropy: Entropy, account_id: UUID, errand: Errand, address: str) -> str:
    """Make the token of a link to ``address``; older ones for the same errand are void."""
    (token,) = issue_all(tx, entropy, account_id, errand, [address])
    return token


def issue_all(
    tx: Transaction, entropy: Entropy, account_id: UUID, errand: Errand, addresses: Sequence[str]
) -> list[str]:
    """Make a token of its own for each address, at least one; older ones are void.

    They are one batch: none makes another void until one of them is used.
    """
    tokens = [mint(PREFIX, entropy) for _ in addresses]
    tx.execute(_VOID, {"whose": account_id, "what": errand, "instant": tx.now})
    rows = [
        {
            "token_hash": digest(token),
            "errand": errand,
            "account_id": account_id,
            "address_key": address_key(address),
            "issued_at": tx.now,
            "expires_at": tx.now + LIFETIMES[errand],
        }
        for token, address in zip(tokens, addresses, strict=True)
    ]
    tx.execute(_ADD, rows)
    return tokens


def look(tx: Transaction, token: str, errand: Errand) -> Held | None:
    """Tell whether a link would still be good; uses up nothing."""
    if not well_formed(PREFIX, token):
        return None
    row = tx.execute(_LOOK, _presented(tx, token, errand)).one_or_none()
    return Held(row.account_id) if row else None


def claim(tx: Transaction, token: str, errand: Errand) -> Held | None:
    """Use a link up; of any number of concurrent callers exactly one gets it.

    The links sent with it are used up as well. The account is held before: two links of one
    batch would otherwise each wait for the other to be let go.
    """
    held = look(tx, token, errand)
    if held is None:
        return None
    status.hold(tx, held.account_id)
    row = tx.execute(_CLAIM, _presented(tx, token, errand)).one_or_none()
    if row is None:
        return None
    tx.execute(_VOID, {"whose": row.account_id, "what": errand, "instant": tx.now})
    return Held(row.account_id)


def _presented(tx: Transaction, token: str, errand: Errand) -> dict[str, object]:
    return {"presented": digest(token), "what": errand, "instant": tx.now}


def void(tx: Transaction, account_id: UUID, errand: Errand) -> None:
    """Let no link that was sent for an errand be used any more."""
    tx.execute(_VOID, {"whose": account_id, "what": errand, "instant": tx.now})


def sweep(tx: Transaction) -> int:
    """Forget links whose time is over."""
    return _BROOM.sweep(tx, tx.now)


_ADD = insert(MailTicket)
_VOID = (
    update(MailTicket)
    .where(
        MailTicket.account_id == bindparam("whose"),
        MailTicket.errand == bindparam("what"),
        MailTicket.consumed_at.is_(None),
    )
    .values(consumed_at=bindparam("instant"))
)
_STILL_ITS_ADDRESS = (
    select(AccountEmail.account_id)
    .where(
        AccountEmail.account_id == MailTicket.account_id,
        AccountEmail.address_key == MailTicket.address_key,
        AccountEmail.verified_at.is_not(None),
    )
    .exists()
)
_SIGNED_IN_SINCE = (
    select(SignInAttempt.id)
    .where(
        SignInAttempt.account_id == MailTicket.account_id,
        SignInAttempt.refused_for.is_(None),
        SignInAttempt.at > MailTicket.issued_at,
    )
    .exists()
)
_GOOD = (
    MailTicket.token_hash == bindparam("presented"),
    MailTicket.errand == bindparam("what"),
    MailTicket.consumed_at.is_(None),
    MailTicket.expires_at > bindparam("instant"),
    _STILL_ITS_ADDRESS,
    ~_SIGNED_IN_SINCE,
)
_LOOK = select(MailTicket.account_id).where(*_GOOD)
_CLAIM = (
    update(MailTicket)
    .where(*_GOOD)
    .values(consumed_at=bindparam("instant"))
    .returning(MailTicket.account_id)
)
_BROOM = Broom(MailTicket, MailTicket.expires_at)
