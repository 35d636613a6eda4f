"""驗證憑證: the card proves whom the account is for, before anything is typed (P10, P11)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from flask import Blueprint, make_response, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString

from idp.authenticators import Refusal
from idp.authenticators.card.challenges import Purpose
from idp.authenticators.card.reasons import Unfit
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.registration.by_card import ByCard, Misfit
from idp.registration.flows import ProofKind, Step
from idp.registration.store import Under
from idp.web import cards, returning
from idp.web.cards import CardForm, CardPart, Examined
from idp.web.forms import FieldError
from idp.web.headers import PAGES
from idp.web.request import origin
from idp.web.signin.registering import flow, kind
from idp.web.signin.registering.choose import way_back
from idp.web.signin.registering.flow import At, Posted
from idp.web.signin.registering.kind import KindView
from idp.web.signin.registering.proven import Fact, facts
from idp.web.wiring import provider
from idp.web.wording.cards import CARD_KINDS, CARD_REFUSED
from idp.web.wording.registering import MISFITS
from idp.web.wording.ways import REFUSED

pages = Blueprint("register_proof", __name__)


@dataclass(frozen=True, slots=True)
class ProofPage:
    """What ``signin/register/proof.html`` shows."""

    action: str
    card: CardPart
    taken: list[LazyString | str]
    """The kinds of card that open this kind of account here."""
    others: list[KindView]
    """The kinds of account that other cards open."""
    facts: list[Fact]
    """What was proven already."""
    next_url: str
    is_asked_again: bool
    """Whether the form was filled in before: its proof no longer holds."""
    signin_url: str
    add_url: str
    """Where the person adds the card who has an account and signs in to it in another way."""
    recovery_url: str
    is_known: bool = False
    """Whether the card that was shown has an account."""
    errors: list[FieldError] = field(default_factory=list)


@pages.get("/register-account/proof")
def show() -> ResponseReturnValue:
    """Show the page, with something for the card to sign."""
    place = flow.at(Step.PROOF, flow.asked_flow())
    if not isinstance(place, At):
        return place
    if place.under.track.proof is ProofKind.DIRECTORY:
        # What a directory says is proven by signing in, which begins anew with all that it says.
        return redirect(way_back(place.under), code=303)
    cards.taking_cards()
    return _page(place, None, 200)


@pages.post("/register-account/proof")
def prove() -> ResponseReturnValue:
    """Check what the card signed and go on, or say why not."""
    posted = flow.posted(Step.PROOF)
    if not isinstance(posted, Posted):
        return posted
    found = _try(cards.taking_cards(), posted.place.under, posted.form)
    if found is None:
        return flow.again(posted.place.flow_id)
    if isinstance(found, Refusal):
        return cards.to_wait(make_response(_page(posted.place, found, 429)))
    return _page(posted.place, found, 422)


@dataclass(frozen=True, slots=True)
class _Registering:
    """The errand of this page."""

    actions: ByCard
    under: Under

    def claim(self, tx: Transaction, challenge: str) -> bool:
        return self.actions.claim(tx, challenge, self.under)

    def refuse(self, tx: Transaction, why: str) -> None:
        self.actions.refuse(tx, why)


_Wrong = Unfit | Misfit | Refusal


def _try(portico: Provider, under: Under, form: Mapping[str, str]) -> _Wrong | None:
    """Examine the card, and write down what came of it."""
    by_card, brought = portico.registering.by_card, msgspec.convert(form, CardForm)
    errand = _Registering(by_card, under)
    examined = cards.examine(portico, errand, brought, Purpose.REGISTER)
    if not isinstance(examined, Examined):
        return examined or Misfit.NOT_ASKED
    with portico.database.write(origin()) as tx:
        wrong = by_card.record(tx, under, examined.presented, examined.candidate, examined.outcome)
        if wrong is None:
            cards.give_back(tx, portico)
    return wrong


def _page(place: At, wrong: _Wrong | None, status: int) -> ResponseReturnValue:
    portico, under = provider(), place.under
    again = url_for("register_proof.show", flow=place.flow_id)
    by_card, journey = portico.registering.by_card, under.answers.journey
    with portico.database.write(origin()) as tx:
        challenge = by_card.ask(tx, under)
        kinds = by_card.kinds(tx, under.track)
    part = cards.part(portico, Purpose.REGISTER, challenge, kinds, again=again)
    page = ProofPage(
        action=url_for("register_proof.prove"),
        card=part,
        taken=[CARD_KINDS[one] for one in kinds],
        others=_others(portico, under),
        facts=facts(under),
        next_url=url_for("register_details.show", flow=place.flow_id),
        is_asked_again=under.answers.card is None and bool(under.answers.account_name),
        signin_url=url_for("card.show", journey=journey or None),
        add_url=url_for("password.show", journey=returning.CARDS),
        recovery_url=url_for("recovery.show"),
        is_known=wrong is Misfit.KNOWN,
        errors=[FieldError("", _told(wrong))] if wrong else [],
    )
    policy = PAGES.calling_loopback(part.ports)
    return flow.show("proof.html", place, Step.PROOF, page, status, policy=policy)


def _told(wrong: _Wrong) -> LazyString:
    if isinstance(wrong, Refusal):
        return REFUSED[wrong.reason]
    if isinstance(wrong, Unfit):
        return CARD_REFUSED[wrong.flaw]
    return MISFITS[wrong]


def _others(portico: Provider, under: Under) -> list[KindView]:
    """Offer what another card opens: whoever holds the wrong one finds the right way here."""
    return [
        kind.view(portico, track, under.answers.journey)
        for track in kind.open_tracks(portico).values()
        if track.proof is ProofKind.CARD and track is not under.track
    ]
