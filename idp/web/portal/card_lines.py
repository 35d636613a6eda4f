"""How the cards of an account stand, in words: for the page of cards and the front page."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.x509.oid import NameOID
from flask_babel import LazyString, ngettext
from flask_babel import lazy_gettext as _

from idp.authenticators.card import cards, index, trust
from idp.authenticators.card.cards import Shown
from idp.authenticators.card.trust import Installed
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.web.wording.cards import CARD_KINDS

_NAMING = (
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.COMMON_NAME,
)
_GOOD = _("Good")
_EXPIRED = _("Expired")
_REVOKED = _("Revoked")
# Translators: 停用, cards of the authorities
_SUSPENDED = _("Suspended")
_NOT_TAKEN = _("Not taken here at present")


@dataclass(frozen=True, slots=True)
class Line:
    """One card."""

    id: UUID
    kind: LazyString | str
    issuer: str
    serial: str
    until: datetime
    added_at: datetime
    last_used_at: datetime | None
    state: LazyString | str
    is_good: bool
    """Whether it signs in today, as far as is known without asking its authority."""
    expires_soon: bool


def lines(tx: Transaction, portico: Provider, account_id: UUID) -> list[Line]:
    """Tell of each card: what is on record, what the lists say; asks nobody outside."""
    held = cards.of_account(tx, account_id)
    issuers = {one.authority.fingerprint: one for one in trust.everyone(tx)} if held else {}
    days = max(portico.config.cards.warn_days, default=0)
    return [_line(tx, one, issuers.get(one.issuer), days) for one in held]


def expiring(tx: Transaction, portico: Provider, account_id: UUID) -> list[Line]:
    """Tell of the cards that expire soon: their owner has had a mail, or is about to."""
    if not portico.config.cards.enabled:
        return []
    return [one for one in lines(tx, portico, account_id) if one.expires_soon]


def _line(tx: Transaction, one: Shown, issuer: Installed | None, days: int) -> Line:
    bad = _flaw(tx, one, issuer)
    left = cards.days_left(one.not_after, tx.now)
    soon = bad is None and left < days
    state = bad or (_soon(left) if soon else _GOOD)
    return Line(
        one.id,
        CARD_KINDS.get(one.profile_id, CARD_KINDS[""]),
        _name_of(issuer) if issuer else "",
        one.serial,
        one.not_after,
        one.added_at,
        one.last_used_at,
        state,
        bad is None,
        soon,
    )


def _flaw(tx: Transaction, one: Shown, issuer: Installed | None) -> LazyString | None:
    if one.not_after <= tx.now:
        return _EXPIRED
    if issuer is None or not issuer.is_on:
        return _NOT_TAKEN
    listed = index.look_up(tx, issuer.authority, int(one.serial, 16))
    if listed is None or listed.entry is None:
        return None
    return _SUSPENDED if listed.entry.is_suspended else _REVOKED


def _name_of(issuer: Installed) -> str:
    """Write an authority's name for people; the operators' list has the whole of it."""
    subject = issuer.authority.certificate.subject
    known = [str(one.value) for oid in _NAMING for one in subject.get_attributes_for_oid(oid)]
    return " · ".join(known) or issuer.name


def _soon(left: int) -> str:
    return str(ngettext("Good for %(num)d more day", "Good for %(num)d more days", left))
