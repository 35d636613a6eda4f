"""What a card has signed, taken to its end: a session, or the page again with the reason."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, make_response, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString

from idp.authenticators import Reason, Refusal
from idp.authenticators.card.challenges import Purpose
from idp.authenticators.card.formats import Document, Format
from idp.authenticators.card.reasons import Unfit
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.secret import digest
from idp.signin import store
from idp.signin.actions import Browser, SignedIn
from idp.signin.card import CardSignIn, Unregistered
from idp.web import cards, metrics
from idp.web.cards import CardForm, Examined
from idp.web.forms import FieldError
from idp.web.last_way import CARD
from idp.web.raising import supersede, user_agent
from idp.web.request import browser_hash, device, give_session, new_binding, origin, speaks
from idp.web.signin.journeys import Underway
from idp.web.signin.registering import leading
from idp.web.wording.cards import CARD_NOT_ASKED, CARD_REFUSED
from idp.web.wording.ways import REFUSED, heading_of

Page = Callable[[list[FieldError], int], Response]
"""Shows the page again: problems and status."""
Read = tuple[Format, Document] | None


class SigninForm(CardForm, frozen=True):
    """The fields of the pages that sign in by card."""

    journey: str = ""
    csrf_token: str = ""


@dataclass(frozen=True, slots=True)
class _SigningIn:
    """The errand of these pages."""

    actions: CardSignIn
    browser: Browser

    def claim(self, tx: Transaction, challenge: str) -> bool:
        return self.actions.claim(tx, challenge, self.browser)

    def refuse(self, tx: Transaction, why: str) -> None:
        self.actions.refuse(tx, why)


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A good card that opens no account."""

    url: str
    """Where the application goes on that was begun with it; empty: there is none (B07)."""
    offer: str
    """Of a card that renews one of an account; empty: it does not."""


def conclude(
    portico: Provider, journey: Underway, form: SigninForm, document: Read, *, way: str, page: Page
) -> ResponseReturnValue:
    """Check what the card signed and return to the journey, or show the page with the reason.

    Args:
        way: what the metrics count it under, and the name of the page. Of a good card that
            opens no account it is told by the query, so that reloading asks for no second PIN.
    """
    browser = Browser(browser_hash(), device(), user_agent(), speaks())
    binding = new_binding()
    match _try(portico, journey, form, document, (browser, binding)):
        case SignedIn() as signed_in:
            metrics.signin(way, "ok")
            response = make_response(redirect(journey.next_url, code=303))
            return give_session(
                response, signed_in.session.cookie, browser.device, binding=binding, way=CARD
            )
        case _Unknown(url, offer):
            metrics.signin(way, "unregistered")
            here = url_for(f"{way}.show", journey=journey.id or None, unknown=offer or "1")
            return redirect(url or here, code=303)
        case refused:
            word, sentence = _said(refused)
            metrics.signin(way, word)
            waits = refused == Refusal(Reason.TOO_MANY_ATTEMPTS)
            heading = heading_of(Reason.TOO_MANY_ATTEMPTS) if waits else ""
            shown = page([FieldError("", sentence, heading=heading)], 429 if waits else 422)
            return cards.to_wait(shown) if waits else shown


def _said(refused: Refusal | Unfit | None) -> tuple[str, LazyString]:
    match refused:
        case Unfit(flaw):
            return flaw, CARD_REFUSED[flaw]
        case Refusal(reason):
            return reason, REFUSED[reason]
        case None:
            return "not_asked", CARD_NOT_ASKED


def _try(
    portico: Provider,
    journey: Underway,
    form: SigninForm,
    document: Read,
    bound: tuple[Browser, str],
) -> SignedIn | _Unknown | Refusal | Unfit | None:
    """Examine the card, and write down what came of it."""
    browser, binding = bound
    errand = _SigningIn(portico.card_signing_in, browser)
    examined = cards.examine_as(portico, errand, document, form, Purpose.LOGIN)
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
            cards.give_back(tx, portico)
            supersede(tx, portico, outcome.session, outcome.account_id)
            store.rebind_journey(tx, journey.id_hash, browser.binding, digest(binding))
        if isinstance(outcome, Unregistered):
            url = "" if outcome.offer else leading.lead(tx, portico, outcome, journey.id)
            return _Unknown(url, outcome.offer)
    return outcome
