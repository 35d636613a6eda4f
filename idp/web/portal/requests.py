"""``/requests``: what services are waiting to hear from the person (CIBA Core section 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.oidc import pending
from idp.oidc.pending import Waiting
from idp.provider import Provider
from idp.sessions.store import Session
from idp.web import recent, returning, tickets
from idp.web.current import signed_in
from idp.web.headers import PAGES
from idp.web.portal.device import record
from idp.web.request import demand_csrf, origin, own_word, sealed_word, single_form, speaks
from idp.web.who import who_of
from idp.web.wiring import provider
from idp.web.wording.apps import Line, lines_of

pages = Blueprint("requests", __name__)

OUTCOMES: Mapping[str, LazyString] = {
    "allowed": _("You have allowed the request. The service is told so."),
    "denied": _("You have not allowed the request. The service receives nothing."),
    "late": _("That request waits no longer: it was answered already, or its time is over."),
}
"""What a page says after a decision."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request as the page shows it."""

    reference: str
    app_name: str
    message: str
    until: datetime
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class RequestsPage:
    """What ``portal/requests.html`` shows."""

    action: str
    questions: list[Question]
    outcome: LazyString | None = None
    """What became of the request that was answered last."""


@pages.get("/requests")
def show() -> ResponseReturnValue:
    """List what waits; who is not signed in does that first."""
    portico = provider()
    session = signed_in(portico)
    if session is None:
        return tickets.to_sign_in(returning.REQUESTS)
    outcome = OUTCOMES.get(own_word(request.args.get("outcome", "")))
    page = RequestsPage(url_for("requests.decide"), _questions(portico, session), outcome)
    person = who_of(session)
    shown = render_template("portal/requests.html", page=page, who=person)
    return PAGES.apply(make_response(shown))


@pages.post("/requests")
def decide() -> ResponseReturnValue:
    """Note a decision, then show it and what is left; anything but ``allow`` is a no."""
    form = single_form()
    demand_csrf(form)
    portico = provider()
    session = signed_in(portico)
    if session is None:
        return redirect(url_for("requests.show"), code=303)
    allow = form.get("decision") == "allow"
    came = _decide(portico, session, form.get("reference", ""), allow=allow)
    if came is Came.TOO_WEAK:
        return recent.make_stronger(session, returning.REQUESTS)
    outcome = ("allowed" if allow else "denied") if came is Came.IN_TIME else "late"
    return redirect(url_for("requests.show", outcome=sealed_word(outcome)), code=303)


class Came(Enum):
    """How a decision came."""

    IN_TIME = "in time"
    LATE = "late"
    TOO_WEAK = "too weak"
    """The service wants a second factor first."""


def _decide(portico: Provider, session: Session, reference: str, *, allow: bool) -> Came:
    """Note a decision."""
    with portico.database.write(origin()) as tx:
        for waiting in pending.of_account(tx, session.account_id):
            if waiting.reference != reference:
                continue
            client = portico.clients.find(tx, waiting.client_id)
            if allow and client is not None and not recent.is_strong_enough(session, client):
                return Came.TOO_WEAK
            if pending.decide(tx, waiting.handle_hash, session, allow=allow):
                record(tx, portico, session, waiting, allow=allow)
                portico.backchannel.decided(tx, waiting)
                return Came.IN_TIME
    return Came.LATE


def _questions(portico: Provider, session: Session) -> list[Question]:
    with portico.database.read() as tx:
        found = [
            (waiting, portico.clients.find(tx, waiting.client_id))
            for waiting in pending.of_account(tx, session.account_id)
        ]
    return [_question(waiting, client.name(speaks())) for waiting, client in found if client]


def _question(waiting: Waiting, app_name: str) -> Question:
    lines = lines_of(frozenset(waiting.scope.split()))
    return Question(waiting.reference, app_name, waiting.binding_message, waiting.expires_at, lines)
