"""Telling the owner of an account what happened, and the link by which they say: not me.

Every notice goes to every proven address, so that nobody silences it by making theirs the first.
Its link goes only to addresses that the account has had for a while, and is worth as much as its
address is old: see :meth:`idp.signin.recovery.Recovery.disown`. It signs nobody in.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import ForeignKey, String, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts import emails, offices, status
from idp.accounts.model import ProvenEmail, address_key
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.mail.messages import AnyMessage, Notice, Post
from idp.secret import Entropy, base64url, digest, mint, well_formed

PREFIX = "pnl"
SUSPECT = timedelta(days=7)
"""How far back the owner's word is believed that it was somebody else: newer addresses are
passed over, newer second factors taken away, and for so long a link says so. No setting: it
would only ever be the time in which a thief goes unnoticed."""


class NoticeLink(Table):
    """A link on its way, by the SHA-256 of its token."""

    __tablename__ = "notice_links"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    address_key: Mapped[str] = mapped_column(String(320))
    since: Mapped[datetime]
    """When the address it went to had been proven: its rank among the others."""
    told_at: Mapped[datetime]
    """When that happened which it tells of."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)


@dataclass(frozen=True, slots=True)
class Told:
    """What a link that was used had told of, and how old the address is that it went to."""

    account_id: UUID
    at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class Notices:
    """Writes to the owners of accounts."""

    post: Post
    entropy: Entropy

    def tell(
        self,
        tx: Transaction,
        account_id: UUID,
        message: AnyMessage,
        *,
        also: Collection[str] = (),
        with_links: bool = True,
        unique: str | None = None,
    ) -> None:
        """Send a message to every address; a :class:`Notice` to some of them with a link.

        Args:
            also: further addresses, without a link.
            unique: of one such key only one is sent to an address.
        """
        has_office = offices.expect_any(tx, account_id)
        reached = emails.reached(tx, account_id)
        recipients = dict.fromkeys((*reached.addresses, *also))
        tokens: dict[str, str] = {}
        if recipients and with_links and isinstance(message, Notice):
            tokens = self._links(tx, account_id, believed(reached.proven, tx.now, SUSPECT))
            message = msgspec.structs.replace(message, of_directory=has_office())
        for address in recipients:
            token = tokens.get(address, "")
            told = (
                msgspec.structs.replace(message, token=token, days=SUSPECT.days)
                if token
                else message
            )
            key = f"{unique}/{base64url(digest(address)[:9])}" if unique else None
            self.post.put(tx, address, reached.locale, told, unique=key)

    def _links(
        self, tx: Transaction, account_id: UUID, addresses: Sequence[ProvenEmail]
    ) -> dict[str, str]:
        tokens = {one.address: mint(PREFIX, self.entropy) for one in addresses}
        for one in addresses:
            tx.put(
                _ADD,
                {
                    "token_hash": digest(tokens[one.address]),
                    "account_id": account_id,
                    "address_key": address_key(one.address),
                    "since": one.since,
                    "told_at": tx.now,
                    "expires_at": tx.now + SUSPECT,
                },
            )
        return tokens


def believed(
    proven: Sequence[ProvenEmail], at: datetime, age: timedelta
) -> tuple[ProvenEmail, ...]:
    """List the addresses that at an instant had been proven for ``age``; else those of the first.

    Never only a younger one: whoever came later can be somebody else, who came first cannot.

    Args:
        proven: the one that was proven first, first.
    """
    old = tuple(one for one in proven if at - one.since >= age)
    return old or tuple(one for one in proven if one.since == proven[0].since)


def claim(tx: Transaction, token: str) -> Told | None:
    """Use a link up; of any number of concurrent callers exactly one gets it.

    Worth nothing once its address is no longer the account's, unless that was the oldest. With it
    go the links that tell of the same or of later, sent to addresses that are no older.
    """
    presented = {"presented": digest(token), "instant": tx.now}
    found = tx.execute(_LOOK, presented).one_or_none() if well_formed(PREFIX, token) else None
    if found is None:
        return None
    status.hold(tx, found.account_id)
    told = Told(found.account_id, found.told_at, found.since)
    heard = emails.reached(tx, told.account_id).proven
    is_heard = any(
        address_key(one.address) == found.address_key and one.since == told.since for one in heard
    )
    if not is_heard or tx.execute(_CLAIM, presented).one_or_none() is None:
        return None
    covered = {"whose": told.account_id, "from_then": told.at, "rank": told.since}
    tx.execute(_COVER, covered | {"instant": tx.now})
    return told


def sweep(tx: Transaction) -> int:
    """Forget a batch of links whose time is over."""
    return _BROOM.sweep(tx, tx.now)


_ADD = Prepared(insert(NoticeLink))
_BROOM = Broom(NoticeLink, NoticeLink.expires_at)
_GOOD = (
    NoticeLink.token_hash == bindparam("presented"),
    NoticeLink.consumed_at.is_(None),
    NoticeLink.expires_at > bindparam("instant"),
)
_LOOK = select(
    NoticeLink.account_id, NoticeLink.address_key, NoticeLink.since, NoticeLink.told_at
).where(*_GOOD)
_CLAIM = (
    update(NoticeLink)
    .where(*_GOOD)
    .values(consumed_at=bindparam("instant"))
    .returning(NoticeLink.account_id)
)
_COVER = (
    update(NoticeLink)
    .where(
        NoticeLink.account_id == bindparam("whose"),
        NoticeLink.told_at >= bindparam("from_then"),
        NoticeLink.since >= bindparam("rank"),
        NoticeLink.consumed_at.is_(None),
    )
    .values(consumed_at=bindparam("instant"))
)
