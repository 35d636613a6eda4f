"""What every page that takes a card shares: the part that talks to the bridge, and what it brings.

Sign-in, registration and account put ``card/_parts.html`` into a form of their own. Its script
fills the two last fields; the PIN is never among them.

A page gives its :class:`Errand` the challenge that it has shown; the errand says what a challenge
is good for and writes down what came of it. Between the two nothing is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from flask import Response, abort
from flask_babel import LazyString

from idp.audit.events.signin import Throttled
from idp.authenticators import Reason, Refusal
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
from idp.signin.counters import Attempt
from idp.signin.throttle import Proceed
from idp.web.notices import card_notice
from idp.web.request import browser_hash, origin, speaks
from idp.web.wiring import provider
from idp.web.wording.component import CARD_FAILURES, CARD_STATES


class CardForm(msgspec.Struct, frozen=True):
    """The fields that ``card/_parts.html`` always has; the script fills in two."""

    challenge: str = ""
    format: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class CardPart:
    """What ``card/_parts.html`` shows; the page wants ``Policy.calling_loopback(ports)``."""

    purpose: Purpose
    challenge: str
    control_code: str
    kinds: list[str]
    """The kinds of card that serve here; the bridge offers no other."""
    ports: list[int]
    lang: str
    again: str
    """The same page with a fresh challenge; empty: the page is never left by itself."""
    lifetime: int
    """Seconds for which the challenge is good."""
    origin: str
    """Ours, as the bridge has to know it."""
    states: Mapping[str, LazyString]
    failures: frozenset[str]
    """Which of them say that a try has failed."""
    notice: str
    """A sentence of the operator's; may be empty."""


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


def part(
    portico: Provider, purpose: Purpose, challenge: str, kinds: list[str], *, again: str = ""
) -> CardPart:
    """Describe what a card is to sign on a page.

    Args:
        kinds: the kinds of cards that are taken; see ``Trust.kinds``.
    """
    return CardPart(
        purpose=purpose,
        challenge=challenge,
        control_code=control_code(challenge),
        kinds=kinds,
        ports=portico.config.cards.bridge_ports,
        lang=_LANGUAGES[speaks()],
        again=again,
        lifetime=portico.config.cards.challenge_minutes * 60,
        origin=own_origin(portico),
        states=CARD_STATES,
        failures=CARD_FAILURES,
        notice=card_notice(portico),
    )


def examine(
    portico: Provider, errand: Errand, form: CardForm, purpose: Purpose
) -> Examined | Unfit | Refusal | None:
    """Use the challenge up, then verify outside any transaction.

    ``None``: the challenge was not given for this, or not this was signed; ``Unfit``: of a
    certificate nobody could be made out; ``Refusal``: too many have been tried from here. Each is
    on record already, the rest is not. The try stays counted until :func:`give_back`.
    """
    return examine_as(portico, errand, read(portico, form), form, purpose)


def examine_as(
    portico: Provider,
    errand: Errand,
    document: tuple[Format, Document] | None,
    form: CardForm,
    purpose: Purpose,
) -> Examined | Unfit | Refusal | None:
    """Do the same with a document that is read already, of whatever format."""
    asked = Asked(own_origin(portico), form.challenge, purpose)
    with portico.database.write(origin()) as tx:
        ours = errand.claim(tx, form.challenge)
        if not isinstance(portico.gate.reserve(tx, _attempt(tx), captcha=True).verdict, Proceed):
            portico.trail.append(tx, Throttled(gate=_GATE))
            return Refusal(Reason.TOO_MANY_ATTEMPTS)
        if not ours:
            errand.refuse(tx, "not_offered")
            return None
    # From here on strangers' arithmetic: nobody who writes waits for it.
    if document is None or not formats.proves(*document, asked):
        _refuse(portico, errand, "not_signed")
        return None
    with portico.database.read() as tx:
        traced = portico.card_holders.trace(tx, document[1].certificate)
    if isinstance(traced, Unfit):
        _refuse(portico, errand, traced.flaw)
        return traced
    verified = portico.card_holders.verify(traced, clock=system_clock)
    return Examined(Presented(document[0], form.document, asked), traced, verified)


def give_back(tx: Transaction, portico: Provider) -> None:
    """Begin to count anew in this browser: its card has done what it was shown for."""
    portico.gate.succeed(tx, _attempt(tx))


def to_wait(response: Response) -> Response:
    """Say on a page with status 429 when it is worth while to try again (RFC 9110 10.2.3)."""
    response.headers["Retry-After"] = "60"
    return response


def _attempt(tx: Transaction) -> Attempt:
    # Counted in a browser and a network, never by card or account: those anybody can name.
    return Attempt(_GATE, browser_hash().hex(), tx.origin.address)


def _refuse(portico: Provider, errand: Errand, why: str) -> None:
    with portico.database.write(origin()) as tx:
        errand.refuse(tx, why)


def read(portico: Provider, form: CardForm) -> tuple[Format, Document] | None:
    """Read what a bridge's page brought, of a format that an operator takes.

    The component whose page types the PIN is not among them: it has a page of its own.
    """
    taken = {Format.TWCARD} | ({Format.WEB_EID} if portico.config.cards.web_eid else set())
    return read_as(Format(form.format), form.document) if form.format in taken else None


def read_as(format_: Format, document: str) -> tuple[Format, Document] | None:
    """Read a document of one format; ``None`` if it is of no form that the format knows."""
    try:
        return format_, formats.read(format_, document)
    except Malformed:
        return None


def own_origin(portico: Provider) -> str:
    """Give our origin, from the configuration: never from what a request says."""
    parts = urlsplit(portico.config.provider.issuer)
    return f"{parts.scheme}://{parts.netloc}"


def control_code(challenge: str) -> str:
    """Give the four digits that the bridge's window shows too: it tells tabs apart, no more."""
    return f"{int.from_bytes(digest(challenge)[:4], 'big') % 10_000:04}"


_GATE = "card"
_LANGUAGES = {"zh-Hant": "zh-TW", "zh-Hans": "zh-CN", "en": "en"}
