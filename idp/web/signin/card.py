"""Signing in by card (P03, B06): the page whose script talks to the bridge, and what it brings.

The page says what state the bridge, the reader and the card are in; the PIN is never typed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import LazyString

from idp.authenticators import Refusal
from idp.authenticators.card import formats
from idp.authenticators.card.challenges import Purpose
from idp.authenticators.card.evidence import Presented
from idp.authenticators.card.formats import Asked, Document, Format, Malformed
from idp.authenticators.card.reasons import Unfit
from idp.clock import system_clock
from idp.provider import Provider
from idp.secret import digest
from idp.signin import store
from idp.signin.actions import Browser, SignedIn
from idp.signin.card import Unregistered
from idp.web import errors, metrics
from idp.web.forms import FieldError
from idp.web.raising import supersede, user_agent
from idp.web.request import (
    browser_hash,
    demand_csrf,
    device,
    give_session,
    new_binding,
    origin,
    single_form,
    speaks,
)
from idp.web.signin.journeys import App, Underway, underway
from idp.web.signin.ways import Way, ways
from idp.web.wiring import provider
from idp.web.wording import CARD_NOT_ASKED, CARD_REFUSED, CARD_STATES, REFUSED
from ui import look

pages = Blueprint("card", __name__)


class CardForm(msgspec.Struct, frozen=True):
    """The fields of ``signin/card.html``; the script fills in the last two."""

    journey: str = ""
    challenge: str = ""
    format: str = ""
    document: str = ""
    csrf_token: str = ""


@dataclass(frozen=True, slots=True)
class CardPage:
    """What ``signin/card.html`` shows."""

    action: str
    journey: str
    app: App | None
    challenge: str
    control_code: str
    kinds: list[str]
    ports: list[int]
    purpose: str
    lang: str
    ways: list[Way]
    states: Mapping[str, LazyString]
    errors: list[FieldError]
    unregistered: str = ""
    """The name on a good card that opens no account."""
    register_url: str = ""


@dataclass(frozen=True, slots=True)
class _Tried:
    """What came of a card."""

    outcome: SignedIn | Unregistered | Refusal | Unfit | None
    """``None``: the challenge was not this browser's, or not any more."""


@pages.get("/signin/card")
def show() -> ResponseReturnValue:
    """Show the page, with something for the card to sign."""
    portico = _taking_cards()
    journey = underway(portico, request.args.get("journey", ""))
    if journey is None:
        return errors.journey_lost()
    return _page(journey, [], 200)


@pages.post("/signin/card")
def submit() -> ResponseReturnValue:
    """Check what the card signed and return to the journey, or show the page with the reason."""
    form = msgspec.convert(single_form(), CardForm)
    demand_csrf({"csrf_token": form.csrf_token})
    portico = _taking_cards()
    journey = underway(portico, form.journey)
    if journey is None:
        return errors.journey_lost()
    browser = Browser(browser_hash(), device(), user_agent(), speaks())
    binding = new_binding()
    match _try(portico, journey, form, browser, binding=binding):
        case SignedIn() as signed_in:
            metrics.signin("card", "ok")
            response = make_response(redirect(journey.next_url, code=303))
            return give_session(response, signed_in.session.cookie, browser.device, binding=binding)
        case Unregistered(holder_name):
            metrics.signin("card", "unregistered")
            return _page(journey, [], 200, unregistered=holder_name)
        case Unfit(flaw):
            metrics.signin("card", flaw)
            return _page(journey, [FieldError("", CARD_REFUSED[flaw])], 422)
        case Refusal(reason):
            metrics.signin("card", reason)
            return _page(journey, [FieldError("", REFUSED[reason])], 422)
        case None:
            metrics.signin("card", "not_asked")
            return _page(journey, [FieldError("", CARD_NOT_ASKED)], 422)


def _taking_cards() -> Provider:
    """Give the provider; there is no such page where cards are not switched on."""
    portico = provider()
    if not portico.config.cards.enabled:
        abort(404)
    return portico


def _try(
    portico: Provider, journey: Underway, form: CardForm, browser: Browser, *, binding: str
) -> SignedIn | Unregistered | Refusal | Unfit | None:
    """Use the challenge up, verify outside any transaction, write down what came of it."""
    asked = Asked(_own_origin(portico), form.challenge, Purpose.LOGIN)
    read = _read(portico, form)
    with portico.database.write(origin()) as tx:
        ours = portico.card_signing_in.claim(tx, form.challenge, browser)
        is_signed = ours and read is not None and formats.proves(*read, asked)
        if read is None or not is_signed:
            portico.card_signing_in.refuse(tx, "not_offered" if not ours else "not_signed")
            return None
        format_, document = read
        traced = portico.card_holders.trace(tx, document.certificate)
        if isinstance(traced, Unfit):
            portico.card_signing_in.refuse(tx, traced.flaw)
            return traced
    verified = portico.card_holders.verify(traced, clock=system_clock)
    with portico.database.write(origin()) as tx:
        outcome = portico.card_signing_in.record(
            tx,
            Presented(format_, form.document, asked),
            traced,
            verified,
            browser,
            client_id=journey.client.client_id if journey.client else None,
        )
        if isinstance(outcome, SignedIn):
            supersede(tx, portico, outcome.session, outcome.account_id)
            store.rebind_journey(tx, journey.id_hash, browser.binding, digest(binding))
    return outcome


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


def _page(
    journey: Underway, problems: list[FieldError], status: int, *, unregistered: str = ""
) -> Response:
    portico = provider()
    look.stands_for(url_for("card.show", journey=journey.id or None))
    with portico.database.write(origin()) as tx:
        challenge = portico.card_signing_in.ask(tx, browser_hash())
        kinds = portico.card_signing_in.trust.kinds(tx)
    page = CardPage(
        action=url_for("card.submit"),
        journey=journey.id,
        app=journey.app,
        challenge=challenge,
        control_code=control_code(challenge),
        kinds=kinds,
        ports=portico.config.cards.bridge_ports,
        purpose=Purpose.LOGIN,
        lang=_LANGUAGES[speaks()],
        ways=ways(portico, "card", journey.id),
        states=CARD_STATES,
        errors=problems,
        unregistered=unregistered,
        register_url=url_for("register.show", journey=journey.id or None),
    )
    response = make_response(render_template("signin/card.html", page=page), status)
    return journey.policy.calling_loopback(page.ports).apply(response)


def control_code(challenge: str) -> str:
    """Give the four digits that the bridge's window shows too: it tells tabs apart, no more."""
    return f"{int.from_bytes(digest(challenge)[:4], 'big') % 10_000:04}"


_LANGUAGES = {"zh-Hant": "zh-TW", "zh-Hans": "zh-CN", "en": "en"}
