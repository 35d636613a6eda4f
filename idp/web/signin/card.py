"""Signing in by card (P03, B06): the page whose script talks to the bridge, and what it brings.

The page says what state the bridge, the reader and the card are in; the PIN is never typed here.
"""

from dataclasses import dataclass

import msgspec
from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from idp.authenticators import Refusal
from idp.authenticators.card.challenges import Purpose
from idp.authenticators.card.reasons import Unfit
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.secret import digest
from idp.signin import store
from idp.signin.actions import Browser, SignedIn
from idp.signin.card import CardSignIn, Unregistered
from idp.web import cards, errors, metrics, returning
from idp.web.cards import CardForm, CardPart, Examined
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
from idp.web.wording import CARD_NOT_ASKED, CARD_REFUSED, REFUSED
from ui import look

pages = Blueprint("card", __name__)


class SigninForm(CardForm, frozen=True):
    """The fields of ``signin/card.html``."""

    journey: str = ""
    csrf_token: str = ""


@dataclass(frozen=True, slots=True)
class CardPage:
    """What ``signin/card.html`` shows."""

    action: str
    journey: str
    app: App | None
    card: CardPart
    ways: list[Way]
    errors: list[FieldError]
    unregistered: str = ""
    """The name on a good card that opens no account."""
    add_url: str = ""
    """Where the person adds the card who has an account and signs in to it in another way."""
    is_renewed: bool = False
    """Whether it agrees with an earlier card of an account."""
    register_url: str = ""


@dataclass(frozen=True, slots=True)
class _SigningIn:
    """The errand of this page."""

    actions: CardSignIn
    browser: Browser

    def claim(self, tx: Transaction, challenge: str) -> bool:
        return self.actions.claim(tx, challenge, self.browser)

    def refuse(self, tx: Transaction, why: str) -> None:
        self.actions.refuse(tx, why)


@pages.get("/signin/card")
def show() -> ResponseReturnValue:
    """Show the page, with something for the card to sign."""
    portico = cards.taking_cards()
    journey = underway(portico, request.args.get("journey", ""))
    if journey is None:
        return errors.journey_lost()
    return _page(journey, [], 200)


@pages.post("/signin/card")
def submit() -> ResponseReturnValue:
    """Check what the card signed and return to the journey, or show the page with the reason."""
    form = msgspec.convert(single_form(), SigninForm)
    demand_csrf({"csrf_token": form.csrf_token})
    portico = cards.taking_cards()
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
        case Unregistered() as unregistered:
            metrics.signin("card", "unregistered")
            return _page(journey, [], 200, unregistered=unregistered)
        case Unfit(flaw):
            metrics.signin("card", flaw)
            return _page(journey, [FieldError("", CARD_REFUSED[flaw])], 422)
        case Refusal(reason):
            metrics.signin("card", reason)
            return _page(journey, [FieldError("", REFUSED[reason])], 422)
        case None:
            metrics.signin("card", "not_asked")
            return _page(journey, [FieldError("", CARD_NOT_ASKED)], 422)


def _try(
    portico: Provider, journey: Underway, form: CardForm, browser: Browser, *, binding: str
) -> SignedIn | Unregistered | Refusal | Unfit | None:
    """Examine the card, and write down what came of it."""
    errand = _SigningIn(portico.card_signing_in, browser)
    examined = cards.examine(portico, errand, form, Purpose.LOGIN)
    if not isinstance(examined, Examined):
        return examined
    with portico.database.write(origin()) as tx:
        outcome = portico.card_signing_in.record(
            tx,
            examined.presented,
            examined.candidate,
            examined.outcome,
            browser,
            client_id=journey.client.client_id if journey.client else None,
        )
        if isinstance(outcome, SignedIn):
            supersede(tx, portico, outcome.session, outcome.account_id)
            store.rebind_journey(tx, journey.id_hash, browser.binding, digest(binding))
    return outcome


def _page(
    journey: Underway,
    problems: list[FieldError],
    status: int,
    *,
    unregistered: Unregistered | None = None,
) -> Response:
    portico = cards.taking_cards()
    again = url_for("card.show", journey=journey.id or None)
    look.stands_for(again)
    with portico.database.write(origin()) as tx:
        challenge = portico.card_signing_in.ask(tx, browser_hash())
        kinds = portico.card_signing_in.trust.kinds(tx)
    card = cards.part(portico, Purpose.LOGIN, challenge, kinds, again=again)
    page = CardPage(
        action=url_for("card.submit"),
        journey=journey.id,
        app=journey.app,
        card=card,
        ways=ways(portico, "card", journey.id),
        errors=problems,
        unregistered=unregistered.holder_name if unregistered else "",
        add_url=_way_to_add(unregistered) if unregistered else "",
        is_renewed=bool(unregistered and unregistered.offer),
        register_url=url_for("register.show", journey=journey.id or None),
    )
    response = make_response(render_template("signin/card.html", page=page), status)
    return journey.policy.calling_loopback(card.ports).apply(response)


def _way_to_add(unregistered: Unregistered) -> str:
    """Lead to the account's cards by another proof; the card need not sign again if it follows."""
    offer = unregistered.offer
    page = returning.card(offer) if offer else returning.CARDS
    return url_for("password.show", journey=page)
