"""``/account/cards``: the cards that open an account, added, renewed and removed (P41)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString

from idp.accounts import emails
from idp.accounts.model import masked_address
from idp.authenticators import Refusal
from idp.authenticators.card import cards as card_store
from idp.authenticators.card.candidate import Candidate, without_grace
from idp.authenticators.card.cards import short
from idp.authenticators.card.challenges import Purpose
from idp.authenticators.card.ownership import Mismatch
from idp.authenticators.card.reasons import Unfit
from idp.clock import system_clock
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.sessions.store import Session
from idp.signin.account_cards import AccountCards, Added, Bar, Offered
from idp.signin.codes import Sending, Typing
from idp.web import cards, recent, returning
from idp.web.cards import CardForm, CardPart, Examined
from idp.web.forms import FieldError
from idp.web.headers import PAGES
from idp.web.portal import card_lines
from idp.web.portal.account import place
from idp.web.portal.account.place import Here, Posted
from idp.web.portal.card_lines import Line
from idp.web.portal.tabs import tabs
from idp.web.request import browser_hash, origin
from idp.web.who import who
from idp.web.wording.cards import (
    CARD_IS_LAST,
    CARD_KINDS,
    CARD_NOT_ADDED,
    CARD_NOT_ASKED,
    CARD_REFUSED,
)
from idp.web.wording.codes import SENDING, TYPING
from idp.web.wording.ways import refusal_error

pages = Blueprint("own_cards", __name__)

_Outcome = Offered | Added | Unfit | Mismatch | Bar | Typing | Refusal | None


@dataclass(frozen=True, slots=True)
class OfferPart:
    """A card that waits for its owner's word, as it was read."""

    token: str
    is_renewal: bool
    holder: str
    kind: LazyString | str
    serial: str
    """The end of it."""
    code_to: str
    """The address, masked, whose code has to come with it; empty: none has to."""


@dataclass(frozen=True, slots=True)
class CardsPage:
    """What ``portal/account/cards.html`` shows."""

    action: str
    cards: list[Line]
    part: CardPart | None
    """What the page's script needs; ``None`` for who has to sign in again first."""
    offer: OfferPart | None
    errors: list[FieldError] = field(default_factory=list)
    is_refusal: bool = False
    """Whether the errors are about the card in the reader."""
    removed: LazyString | str = ""
    """The kind of the card that was removed a moment ago."""


@dataclass(frozen=True, slots=True)
class RemovalPage:
    """What ``portal/account/card_removal.html`` shows."""

    action: str
    card: Line
    is_only: bool


@pages.get("/account/cards")
def show() -> ResponseReturnValue:
    """List the cards, and take another one of who has just signed in."""
    portico, offer = cards.taking_cards(), request.args.get("offer", "")
    found = place.here(returning.card(offer) if offer else returning.CARDS)
    if not isinstance(found, Here):
        return found
    if offer and not recent.is_sure(portico, found.session):
        return recent.make_sure(portico, found.session, returning.card(offer))
    asked = _which(request.args)
    return (_removal(portico, found, asked) if asked else None) or _page(
        portico, found, offer=offer
    )


@pages.post("/account/cards")
def change() -> ResponseReturnValue:
    """Carry out one change, for who has proven recently who they are."""
    posted = place.posted(returning.CARDS)
    if not isinstance(posted, Posted):
        return posted
    portico = cards.taking_cards()
    act = _ACTIONS.get(posted.form.get("action", ""))
    return act(portico, posted) if act else redirect(url_for("own_cards.show"), code=303)


def _add(portico: Provider, posted: Posted) -> ResponseReturnValue:
    return _answer(portico, posted.here, _try(portico, posted))


def _follow(portico: Provider, posted: Posted) -> ResponseReturnValue:
    """Add a card that was offered, after asking once more whether it is good."""
    session, token = posted.here.session, posted.form.get("offer", "")
    with portico.database.read() as tx:
        awaiting = portico.account_cards.offered(tx, session, token)
        traced = portico.card_holders.trace(tx, awaiting.certificate) if awaiting else None
    if not isinstance(traced, Candidate):
        return _answer(portico, posted.here, traced or Bar.NOT_NOW)
    verified = without_grace(portico.card_holders.verify(traced, clock=system_clock))
    if isinstance(verified, Unfit):
        return _answer(portico, posted.here, verified)
    with portico.database.write(origin()) as tx:
        code = posted.form.get("code", "")[:32]
        outcome = portico.account_cards.follow(tx, session, token, traced, code)
    return _answer(portico, posted.here, outcome, offer=token)


def _send(portico: Provider, posted: Posted) -> ResponseReturnValue:
    """Mail another code for the card that is offered."""
    here, token = posted.here, posted.form.get("offer", "")
    with portico.database.write(origin()) as tx:
        is_open = portico.account_cards.offered(tx, here.session, token) is not None
        sending = portico.account_cards.send_code(tx, here.account) if is_open else None
    if sending is None:
        return _answer(portico, here, Bar.NOT_NOW)
    if sending is not Sending.SENT:
        return _page(portico, here, [FieldError("code", SENDING[sending])], 422, offer=token)
    return redirect(url_for("own_cards.show", offer=token), code=303)


def _remove(portico: Provider, posted: Posted) -> ResponseReturnValue:
    which = _which(posted.form)
    if which is None:
        return redirect(url_for("own_cards.show"), code=303)
    with portico.database.write(origin()) as tx:
        held = card_store.of_account(tx, posted.here.account.id)
        removed = portico.account_cards.remove(tx, posted.here.session, which)
    if removed:
        kind = next((one.profile_id for one in held if one.id == which), "")
        return redirect(url_for("own_cards.show", removed=kind, saved=1), code=303)
    return _page(portico, posted.here, [FieldError("", CARD_IS_LAST)], 422)


_ACTIONS: dict[str, Callable[[Provider, Posted], ResponseReturnValue]] = {
    "add": _add,
    "follow": _follow,
    "send": _send,
    "remove": _remove,
}


@dataclass(frozen=True, slots=True)
class _Adding:
    """The errand of this page."""

    actions: AccountCards
    session: Session

    def claim(self, tx: Transaction, challenge: str) -> bool:
        return self.actions.claim(tx, self.session, challenge, browser_hash())

    def refuse(self, tx: Transaction, why: str) -> None:
        self.actions.refuse(tx, self.session, why)


def _try(portico: Provider, posted: Posted) -> _Outcome:
    """Examine the card, and write down what came of it."""
    errand = _Adding(portico.account_cards, posted.here.session)
    form = msgspec.convert(posted.form, CardForm)
    examined = cards.examine(portico, errand, form, Purpose.ADD)
    if not isinstance(examined, Examined):
        return examined
    with portico.database.write(origin()) as tx:
        outcome = portico.account_cards.add(
            tx, errand.session, examined.presented, examined.candidate, examined.outcome
        )
        if isinstance(outcome, Offered):
            cards.give_back(tx, portico)
    return outcome


def _answer(
    portico: Provider, here: Here, outcome: _Outcome, *, offer: str = ""
) -> ResponseReturnValue:
    match outcome:
        case Offered(token, sending):
            if sending is Sending.TOO_MANY:
                return _page(portico, here, [FieldError("", SENDING[sending])], 422)
            return redirect(url_for("own_cards.show", offer=token), code=303)
        case Typing():
            wrong = [FieldError("code", TYPING[outcome])]
            return _page(portico, here, wrong, 422, offer=offer)
        case Added():
            return place.saved("own_cards.show")
        case Refusal(reason):
            return cards.to_wait(_page(portico, here, [refusal_error(reason)], 429))
        case Unfit(flaw):
            told = CARD_REFUSED[flaw]
        case None:
            told = CARD_NOT_ASKED
        case _:
            told = CARD_NOT_ADDED[outcome]
    return _page(portico, here, [FieldError("", told)], 422, is_refusal=True)


def _removal(portico: Provider, found: Here, which: UUID) -> Response | None:
    """Ask once more, and say what it means; ``None``: there is no such card any more."""
    with portico.database.read() as tx:
        held = card_lines.lines(tx, portico, found.account.id)
    line = next((one for one in held if one.id == which), None)
    if line is None:
        return None
    page = RemovalPage(url_for("own_cards.change"), line, len(held) == 1)
    return place.show("card_removal.html", found, "cards", page)


def _which(form: Mapping[str, str]) -> UUID | None:
    try:
        return UUID(form.get("card", ""))
    except ValueError:
        return None


def _page(
    portico: Provider,
    found: Here,
    problems: list[FieldError] | None = None,
    status: int = 200,
    *,
    offer: str = "",
    is_refusal: bool = False,
) -> Response:
    with portico.database.write(origin()) as tx:
        offered = _offer(tx, portico, found, offer) if offer else None
        if offer and offered is None and not problems:
            problems = [FieldError("", CARD_NOT_ADDED[Bar.NOT_NOW])]
        page = CardsPage(
            action=url_for("own_cards.change"),
            cards=card_lines.lines(tx, portico, found.account.id),
            part=_part(tx, portico, found) if recent.is_sure(portico, found.session) else None,
            offer=offered,
            errors=problems or [],
            is_refusal=is_refusal,
            removed=CARD_KINDS.get(request.args.get("removed", "-"), ""),
        )
    name = found.account.profile.name or found.account.account_name
    shown = render_template(
        "portal/account/cards.html",
        page=page,
        tabs=tabs("cards", found.account.kind),
        who=who(name, found.account.kind),
        is_saved="saved" in request.args,
    )
    policy = PAGES.calling_loopback(page.part.ports) if page.part else PAGES
    return policy.apply(make_response(shown, status))


def _offer(tx: Transaction, portico: Provider, found: Here, token: str) -> OfferPart | None:
    awaiting = portico.account_cards.offered(tx, found.session, token)
    traced = portico.card_holders.trace(tx, awaiting.certificate) if awaiting else None
    if awaiting is None or not isinstance(traced, Candidate):
        return None
    needs = portico.account_cards.needs_code(tx, found.session, found.account, traced)
    proven = emails.proven_of(tx, found.account.id) if needs else []
    return OfferPart(
        token=token,
        is_renewal=awaiting.why == "renewed",
        holder=traced.holder.name,
        kind=CARD_KINDS.get(traced.holder.profile_id, CARD_KINDS[""]),
        serial=short(f"{traced.leaf.serial:X}"),
        code_to=masked_address(proven[0].address) if proven else "",
    )


def _part(tx: Transaction, portico: Provider, found: Here) -> CardPart:
    challenge = portico.account_cards.ask(tx, found.session, browser_hash())
    kinds = portico.card_signing_in.trust.kinds(tx)
    again = url_for("own_cards.show")
    return cards.part(portico, Purpose.ADD, challenge, kinds, again=again)
