"""Signing in by card (P03, B06): the page whose script talks to the bridge, and what it brings.

The page says what state the bridge, the reader and the card are in; the PIN is never typed here.
"""

from dataclasses import dataclass
from functools import partial

import msgspec
from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.authenticators.card import offers
from idp.authenticators.card.challenges import Purpose
from idp.web import cards, errors, returning
from idp.web.cards import CardPart
from idp.web.forms import FieldError
from idp.web.request import browser_hash, demand_csrf, origin, single_form
from idp.web.signin import carding
from idp.web.signin.carding import SigninForm
from idp.web.signin.journeys import App, Underway, underway
from idp.web.signin.ways import Way, ways
from idp.web.who import signed_in_as
from ui import look

pages = Blueprint("card", __name__)


@dataclass(frozen=True, slots=True)
class CardPage:
    """What ``signin/card.html`` shows."""

    action: str
    journey: str
    app: App | None
    card: CardPart
    ways: list[Way]
    errors: list[FieldError]
    is_unknown: bool = False
    """Whether a good card has been shown that opens no account."""
    add_url: str = ""
    """Where the person adds the card who has an account and signs in to it in another way."""
    is_renewed: bool = False
    """Whether it agrees with an earlier card of an account."""
    register_url: str = ""
    hipki_url: str = ""
    """The way by the other component; empty where it is not taken."""
    signed_in_as: str = ""
    """Who is there already, in this browser."""


@pages.get("/signin/card")
def show() -> ResponseReturnValue:
    """Show the page, with something for the card to sign."""
    portico = cards.taking_cards()
    journey = underway(portico, request.args.get("journey", ""))
    if journey is None:
        return errors.journey_lost()
    return _page(journey, [], 200, unknown=request.args.get("unknown", ""))


@pages.post("/signin/card")
def submit() -> ResponseReturnValue:
    """Check what the card signed and return to the journey, or show the page with the reason."""
    form = msgspec.convert(single_form(), SigninForm)
    demand_csrf({"csrf_token": form.csrf_token})
    portico = cards.taking_cards()
    journey = underway(portico, form.journey)
    if journey is None:
        return errors.journey_lost()
    document = cards.read(portico, form)
    page = partial(_page, journey)
    return carding.conclude(portico, journey, form, document, way="card", page=page)


def _page(
    journey: Underway, problems: list[FieldError], status: int, *, unknown: str = ""
) -> Response:
    portico = cards.taking_cards()
    kept = journey.id or None
    again = url_for("card.show", journey=kept)
    look.stands_for(url_for("card.show"))
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
        is_unknown=bool(unknown),
        add_url=_way_to_add(unknown),
        is_renewed=offers.is_token(unknown),
        register_url=url_for("register.show", journey=kept),
        hipki_url=url_for("hipki.show", journey=kept) if portico.config.cards.hipki else "",
        signed_in_as=signed_in_as(portico),
    )
    response = make_response(render_template("signin/card.html", page=page), status)
    return journey.policy.calling_loopback(card.ports).apply(response)


def _way_to_add(unknown: str) -> str:
    """Lead to the account's cards by another proof; the card need not sign again if it follows."""
    page = returning.card(unknown) if offers.is_token(unknown) else returning.CARDS
    return url_for("password.show", journey=page)
