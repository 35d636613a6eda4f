"""What every page that takes a card shares: the part that talks to the bridge, and what it brings.

A page gives its :class:`Errand` the challenge that it has shown; the errand says what a challenge
is good for and writes down what came of it. Between the two nothing is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from flask import abort
from flask_babel import LazyString

from idp.authenticators.card import formats
from idp.authenticators.card.candidate import Candidate, Proven
from idp.authenticators.card.challenges import Purpose
from idp.authenticators.card.evidence import Presented
from idp.authenticators.card.formats import Asked, Document, Format, Malformed
from idp.authenticators.card.reasons import Unfit
from idp.clock import system_clock
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.secret import digest
from idp.web.request import origin, speaks
from idp.web.wiring import provider
from idp.web.wording import CARD_STATES


class CardForm(msgspec.Struct, frozen=True):
    """The fields that ``_partials/card_widget.html`` always has; the script fills in two."""

    challenge: str = ""
    format: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class Widget:
    """What ``_partials/card_widget.html`` shows; ``ui/static/card.js`` makes it live."""

    action: str
    challenge: str
    control_code: str
    kinds: list[str]
    """The kinds of card that serve here; the bridge offers no other."""
    ports: list[int]
    purpose: Purpose
    lang: str
    states: Mapping[str, LazyString]
    hidden: Mapping[str, str] = field(default_factory=dict)
    """What the page's form brings back besides."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a card has signed, and whether its certificate is good."""

    presented: Presented
    candidate: Candidate
    outcome: Proven | Unfit


class Errand(Protocol):
    """What a page takes a card for."""

    def claim(self, tx: Transaction, challenge: str) -> bool:
        """Use the challenge up; ``False``: it was not given for this."""

    def refuse(self, tx: Transaction, why: str) -> None:
        """Note a try that came to no certificate of anybody's."""


def taking_cards() -> Provider:
    """Give the provider; there are no such pages where cards are not switched on."""
    portico = provider()
    if not portico.config.cards.enabled:
        abort(404)
    return portico


def widget(
    portico: Provider,
    purpose: Purpose,
    challenge: str,
    kinds: list[str],
    *,
    action: str,
    hidden: Mapping[str, str],
) -> Widget:
    """Give the part of a page that talks to the bridge; its policy has to allow the ports."""
    return Widget(
        action=action,
        challenge=challenge,
        control_code=control_code(challenge),
        kinds=kinds,
        ports=portico.config.cards.bridge_ports,
        purpose=purpose,
        lang=_LANGUAGES[speaks()],
        states=CARD_STATES,
        hidden=hidden,
    )


def examine(
    portico: Provider, errand: Errand, form: CardForm, purpose: Purpose
) -> Examined | Unfit | None:
    """Use the challenge up, then verify outside any transaction.

    ``None``: the challenge was not given for this, or not this was signed; ``Unfit``: of a
    certificate nobody could be made out. Either is on record already, the rest is not.
    """
    asked = Asked(_own_origin(portico), form.challenge, purpose)
    read = _read(portico, form)
    with portico.database.write(origin()) as tx:
        ours = errand.claim(tx, form.challenge)
        is_signed = ours and read is not None and formats.proves(*read, asked)
        if read is None or not is_signed:
            errand.refuse(tx, "not_offered" if not ours else "not_signed")
            return None
        format_, document = read
        traced = portico.card_holders.trace(tx, document.certificate)
        if isinstance(traced, Unfit):
            errand.refuse(tx, traced.flaw)
            return traced
    verified = portico.card_holders.verify(traced, clock=system_clock)
    return Examined(Presented(format_, form.document, asked), traced, verified)


def _read(portico: Provider, form: CardForm) -> tuple[Format, Document] | None:
    """Read the document, of a format that an operator takes."""
    section = portico.config.cards
    taken = {Format.TWCARD}
    taken |= {Format.WEB_EID} if section.web_eid else set()
    taken |= {Format.HIPKI} if section.hipki else set()
    if form.format not in taken:
        return None
    format_ = Format(form.format)
    try:
        return format_, formats.read(format_, form.document)
    except Malformed:
        return None


def _own_origin(portico: Provider) -> str:
    """Give our origin, from the configuration: never from what a request says."""
    parts = urlsplit(portico.config.provider.issuer)
    return f"{parts.scheme}://{parts.netloc}"


def control_code(challenge: str) -> str:
    """Give the four digits that the bridge's window shows too: it tells tabs apart, no more."""
    return f"{int.from_bytes(digest(challenge)[:4], 'big') % 10_000:04}"


_LANGUAGES = {"zh-Hant": "zh-TW", "zh-Hans": "zh-CN", "en": "en"}
