"""The authorities that an administrator has installed, and which of them are switched on.

Nothing is trusted because it ships: the profiles name the fingerprints that were seen published,
and a certificate of an authority gets in by a command that prints what it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import String, Text, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.authenticators.card import authority
from idp.authenticators.card.authority import Authority
from idp.authenticators.card.leaf import Leaf
from idp.database.columns import Table
from idp.database.transaction import Transaction

_FRESH_FOR = timedelta(seconds=5)


class Standing(StrEnum):
    """What the root has said of an authority, the last time that it could be asked."""

    UNASKED = ""
    GOOD = "good"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


_FALLEN = frozenset({Standing.SUSPENDED, Standing.REVOKED})


class CardAuthority(Table):
    """A certificate of an issuing authority, or of the root above it."""

    __tablename__ = "card_authorities"

    fingerprint: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the DER."""
    profile_id: Mapped[str] = mapped_column(String(32))
    """Which kind of cards it issues; empty for a root."""
    der: Mapped[bytes]
    name: Mapped[str] = mapped_column(Text)
    """For people; nothing is decided by it."""
    provenance: Mapped[str] = mapped_column(Text)
    """Where its fingerprint was compared, in the administrator's words or the profile's."""
    crl_url: Mapped[str] = mapped_column(Text, default="")
    """Where the list of everything that it has revoked is fetched; empty: not at all."""
    is_on: Mapped[bool] = mapped_column(default=False)
    installed_at: Mapped[datetime]
    checked_at: Mapped[datetime | None] = mapped_column(default=None)
    """When its root last said whether it still stands for it, in a list of that day."""
    standing: Mapped[str] = mapped_column(String(16), default=Standing.UNASKED)
    """A :class:`Standing`."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An authority and how it stands here."""

    authority: Authority
    name: str
    provenance: str
    crl_url: str
    is_on: bool
    installed_at: datetime
    checked_at: datetime | None
    standing: Standing

    @property
    def is_root(self) -> bool:
        """Whether it issues no cards, and is asked about those that do."""
        return not self.authority.profile_id

    def serves(self, now: datetime) -> bool:
        """Tell whether cards of its issue are looked at: on, of today, and not fallen."""
        return self.is_on and self.standing not in _FALLEN and not self.has_expired(now)

    def has_expired(self, now: datetime) -> bool:
        """Tell whether its own certificate is over."""
        return now > self.authority.certificate.not_valid_after_utc


class Trust:
    """The authorities of this process, read again when older than five seconds. Thread-safe."""

    def __init__(self) -> None:
        self._held: tuple[datetime, Sequence[Installed]] | None = None

    def issuer_of(self, tx: Transaction, leaf: Leaf) -> Installed | None:
        """Find who says to have issued a certificate: by key identifier and whole name."""
        for one in self._all(tx):
            known = one.authority
            if one.is_root or not one.serves(tx.now):
                continue
            if known.key_id == leaf.issuer_key_id and known.name == leaf.issuer_name:
                return one
        return None

    def kinds(self, tx: Transaction) -> list[str]:
        """List the kinds of cards that are taken."""
        serving = (one for one in self._all(tx) if one.serves(tx.now))
        return sorted({one.authority.profile_id for one in serving} - {""})

    def _all(self, tx: Transaction) -> Sequence[Installed]:
        held = self._held
        if held is None or not held[0] <= tx.now < held[0] + _FRESH_FOR:
            held = self._held = (tx.now, everyone(tx))
        return held[1]


def everyone(tx: Transaction) -> list[Installed]:
    """List what is installed, by kind and age."""
    return [
        Installed(
            authority.read(row.der, row.profile_id),
            row.name,
            row.provenance,
            row.crl_url,
            row.is_on,
            row.installed_at,
            row.checked_at,
            Standing(row.standing),
        )
        for row in tx.execute(_ALL)
    ]


def install(tx: Transaction, new: Authority, *, name: str, provenance: str, crl_url: str) -> bool:
    """Put an authority on record, switched off; ``False``: it is there already."""
    if tx.scalar(_IS_THERE, {"which": new.fingerprint}):
        return False
    row = {
        "fingerprint": new.fingerprint,
        "profile_id": new.profile_id,
        "der": new.der,
        "name": name,
        "provenance": provenance,
        "crl_url": crl_url,
        "is_on": False,
        "installed_at": tx.now,
        "standing": Standing.UNASKED,
    }
    tx.execute(_INSTALL, row)
    return True


def switch(tx: Transaction, fingerprint: bytes, *, on: bool) -> bool:
    """Switch an authority on or off; ``False``: there is none, or it was so already."""
    return tx.execute(_SWITCH, {"which": fingerprint, "wanted": on}).rowcount == 1


def note_standing(tx: Transaction, fingerprint: bytes, standing: Standing) -> bool:
    """Note what the root says at this moment; ``True`` for the one caller to whom it is news.

    What was revoked stays so, also when a later list no longer mentions it.
    """
    said = {"which": fingerprint, "wanted": standing, "instant": tx.now}
    changed = tx.execute(_FALL_OR_RISE, said).rowcount == 1
    tx.execute(_CHECKED, {"which": fingerprint, "instant": tx.now})
    return changed


def remove(tx: Transaction, fingerprint: bytes) -> bool:
    """Forget an authority; cards of its issue prove nothing from then on."""
    return tx.execute(_REMOVE, {"which": fingerprint}).rowcount == 1


_WHICH = CardAuthority.fingerprint == bindparam("which")
_ALL = select(CardAuthority.__table__).order_by(
    CardAuthority.profile_id, CardAuthority.installed_at, CardAuthority.fingerprint
)
_IS_THERE = select(CardAuthority.is_on.is_not(None)).where(_WHICH)
_INSTALL = insert(CardAuthority)
_SWITCH = (
    update(CardAuthority)
    .where(_WHICH, CardAuthority.is_on != bindparam("wanted"))
    .values(is_on=bindparam("wanted"))
)
_FALL_OR_RISE = (
    update(CardAuthority)
    .where(_WHICH, CardAuthority.standing.not_in((bindparam("wanted"), Standing.REVOKED)))
    .values(standing=bindparam("wanted"), checked_at=bindparam("instant"))
)
_CHECKED = update(CardAuthority).where(_WHICH).values(checked_at=bindparam("instant"))
_REMOVE = delete(CardAuthority).where(_WHICH)
