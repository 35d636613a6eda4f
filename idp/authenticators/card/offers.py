"""A card that has just signed and waits for its owner to say that it is theirs, some minutes.

It may be the renewal of an account's card: its owner proves the account in another way and comes
back with the token. Or its owner is adding it, and looks at what was read from it first: another
program of the machine may have answered in the bridge's place, with another card. Either way the
card need not sign again. Bound to the account: nobody else can use it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import ForeignKey, String, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.tables import AccountRow
from idp.database.columns import Table
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.secret import Entropy, digest, mint, well_formed

PREFIX: Final = "pco"
LIFETIME = timedelta(minutes=15)

Why = Literal["added", "renewed"]


class CardOffer(Table):
    """An offer, by the SHA-256 of its token."""

    __tablename__ = "card_offers"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey(AccountRow.id), index=True)
    evidence: Mapped[bytes]
    """SHA-256 of the package of what it has signed, which holds the certificate."""
    why: Mapped[Why] = mapped_column(String(8))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered, and to whom."""

    account_id: UUID
    evidence: str
    """Hex, as :meth:`idp.authenticators.card.evidence.Evidence.find` takes it."""
    why: Why


def make(tx: Transaction, offer: Offer, entropy: Entropy) -> str:
    """Offer a card to the owner of an account; gives the token."""
    token = mint(PREFIX, entropy)
    row = {
        "token_hash": digest(token),
        "account_id": offer.account_id,
        "evidence": bytes.fromhex(offer.evidence),
        "why": offer.why,
        "expires_at": tx.now + LIFETIME,
    }
    tx.execute(_MAKE, row)
    return token


def is_token(presented: str) -> bool:
    """Tell whether something has the form of a token."""
    return well_formed(PREFIX, presented)


def look(tx: Transaction, token: str, account_id: UUID) -> Offer | None:
    """Find what is offered to an account; uses up nothing."""
    if not is_token(token):
        return None
    row = tx.execute(_LOOK, _presented(tx, token, account_id)).one_or_none()
    return Offer(account_id, row.evidence.hex(), row.why) if row else None


def claim(tx: Transaction, token: str, account_id: UUID) -> bool:
    """Use an offer up; ``True`` for one caller."""
    return tx.execute(_CLAIM, _presented(tx, token, account_id)).rowcount == 1


def sweep(tx: Transaction) -> int:
    """Forget offers whose time is over."""
    return _EXPIRED.sweep(tx, tx.now)


def _presented(tx: Transaction, token: str, account_id: UUID) -> dict[str, object]:
    return {"presented": digest(token), "owner": account_id, "instant": tx.now}


_GOOD = (
    CardOffer.token_hash == bindparam("presented"),
    CardOffer.account_id == bindparam("owner"),
    CardOffer.consumed_at.is_(None),
    CardOffer.expires_at > bindparam("instant"),
)
_MAKE = insert(CardOffer)
_LOOK = select(CardOffer.evidence, CardOffer.why).where(*_GOOD)
_CLAIM = update(CardOffer).where(*_GOOD).values(consumed_at=bindparam("instant"))
_EXPIRED = Broom(CardOffer, CardOffer.expires_at)
