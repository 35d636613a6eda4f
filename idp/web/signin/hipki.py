"""Signing in by card through an installed HiPKI component: off unless an operator wants it.

The component has no window for the PIN, so this one page has a field for it, which no request
of ours ever carries: the script hands it to the component's own window and clears it. What is
signed is a text that names us, but a page that relays it could have had it signed as well, so
the sign-in is called by another ``acr`` and counts for one factor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import msgspec
from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString

from idp.authenticators.card.challenges import Purpose
from idp.authenticators.card.formats import Asked, Format, hipki
from idp.provider import Provider
from idp.web import cards, errors
from idp.web.forms import FieldError
from idp.web.request import browser_hash, demand_csrf, origin, single_form
from idp.web.signin import carding
from idp.web.signin.carding import SigninForm
from idp.web.signin.journeys import App, Underway, underway
from idp.web.signin.ways import Way, ways
from idp.web.who import signed_in_as
from idp.web.wording.component import CARD_FAILURES, HIPKI_STATES
from ui import look

pages = Blueprint("hipki", __name__)


@dataclass(frozen=True, slots=True)
class HipkiPage:
    """What ``signin/hipki.html`` shows."""

    action: str
    journey: str
    app: App | None
    component: str
    """The origin of the component, which its windows have to have."""
    challenge: str
    text: str
    """What the card is to sign."""
    host: str
    """How the component knows this site."""
    ways: list[Way]
    card_url: str
    states: Mapping[str, LazyString]
    failures: frozenset[str]
    """Which of them say that a try has failed."""
    errors: list[FieldError]
    is_unknown: bool
    register_url: str
    signed_in_as: str
    """Who is there already, in this browser."""


@pages.get("/signin/hipki")
def show() -> ResponseReturnValue:
    """Show the page, with something for the card to sign."""
    portico = _taking_it()
    journey = underway(portico, request.args.get("journey", ""))
    if journey is None:
        return errors.journey_lost()
    return _page(journey, [], 200, is_unknown="unknown" in request.args)


@pages.post("/signin/hipki")
def submit() -> ResponseReturnValue:
    """Check what the card signed and return to the journey, or show the page with the reason."""
    form = msgspec.convert(single_form(), SigninForm)
    demand_csrf({"csrf_token": form.csrf_token})
    portico = _taking_it()
    journey = underway(portico, form.journey)
    if journey is None:
        return errors.journey_lost()
    document = cards.read_as(Format.HIPKI, form.document)
    page = partial(_page, journey)
    return carding.conclude(portico, journey, form, document, way="hipki", page=page)


def _taking_it() -> Provider:
    """Give the provider; there is no such page where the component is not taken."""
    portico = cards.taking_cards()
    if not portico.config.cards.hipki:
        abort(404)
    return portico


def _page(
    journey: Underway, problems: list[FieldError], status: int, *, is_unknown: bool = False
) -> Response:
    portico = _taking_it()
    kept = journey.id or None
    look.stands_for(url_for("hipki.show"))
    with portico.database.write(origin()) as tx:
        challenge = portico.card_signing_in.ask(tx, browser_hash())
    ours = cards.own_origin(portico)
    page = HipkiPage(
        action=url_for("hipki.submit"),
        journey=journey.id,
        app=journey.app,
        component=portico.config.cards.hipki_origin,
        challenge=challenge,
        text=hipki.text_for(Asked(ours, challenge, Purpose.LOGIN)),
        host=ours.partition("://")[2],
        ways=ways(portico, "card", journey.id),
        card_url=url_for("card.show", journey=kept),
        states=HIPKI_STATES,
        failures=CARD_FAILURES,
        errors=problems,
        is_unknown=is_unknown,
        register_url=url_for("register.show", journey=kept),
        signed_in_as=signed_in_as(portico),
    )
    response = make_response(render_template("signin/hipki.html", page=page), status)
    return journey.policy.opening_windows().apply(response)
