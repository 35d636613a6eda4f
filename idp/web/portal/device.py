"""``/device``: a person types the code that a device shows, and decides (RFC 8628 section 3.3).

Opening a link decides nothing and tells nothing: the code in it is only filled in.
"""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.audit.events.grants import ConsentGiven, ConsentRefused
from idp.database.transaction import Transaction
from idp.oidc import pending
from idp.oidc.device_authorization import typed, written
from idp.oidc.model import Client
from idp.oidc.pending import Waiting
from idp.provider import Provider
from idp.sessions.store import Session
from idp.signin.counters import Attempt
from idp.signin.throttle import Proceed
from idp.web import last_way, recent, returning
from idp.web.current import signed_in
from idp.web.headers import PAGES
from idp.web.request import demand_csrf, origin, own_word, sealed_word, single_form, speaks
from idp.web.who import who_of
from idp.web.wiring import provider
from idp.web.wording.apps import Line, lines_of

pages = Blueprint("device", __name__)

_WRONG = _("There is no such code, or its time is over. Look again at the device.")
_TOO_MANY = _("Too many codes were tried from here. Wait a few minutes.")


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence about the field."""

    message: LazyString
    field: str = "user_code"


@dataclass(frozen=True, slots=True)
class DevicePage:
    """What ``portal/device.html`` shows: the field, the question, or the outcome."""

    action: str
    user_code: str = ""
    app_name: str = ""
    lines: list[Line] = field(default_factory=list)
    outcome: str = ""
    """``allowed`` or ``denied``."""
    errors: list[Problem] = field(default_factory=list)


@pages.get("/device")
def show() -> ResponseReturnValue:
    """Ask for the code, or say what became of it; who is not signed in does that first."""
    code = typed(request.args.get("user_code", "")[:64])
    session = signed_in(provider())
    if session is None:
        journey = returning.device(code)
        signin_url = url_for(last_way.endpoint(provider()))
        return redirect(f"{signin_url}?{urlencode({'journey': journey})}", code=303)
    page = DevicePage(
        url_for("device.answer"),
        written(code) if code else "",
        outcome=own_word(request.args.get("outcome", "")),
    )
    return _page(session, page)


@pages.post("/device")
def answer() -> ResponseReturnValue:
    """Take the code, then the decision."""
    form = single_form()
    demand_csrf(form)
    portico = provider()
    session = signed_in(portico)
    if session is None:
        return redirect(url_for("device.show"), code=303)
    code = typed(form.get("user_code", "")[:64])
    found = _found(portico, session, code)
    if isinstance(found, Problem):
        page = DevicePage(url_for("device.answer"), form.get("user_code", "")[:16], errors=[found])
        return _page(session, page, 429 if found.message is _TOO_MANY else 422)
    waiting, client = found
    decision = form.get("decision", "")
    if not decision:
        return _page(session, _question(code, waiting, client))
    if decision == "allow" and not recent.is_strong_enough(session, client):
        return recent.make_stronger(session, returning.device(code))
    return _decide(portico, session, waiting, allow=decision == "allow")


def _found(portico: Provider, session: Session, code: str) -> tuple[Waiting, Client] | Problem:
    """Look a code up behind the gate: whoever guesses is stopped long before they are lucky."""
    with portico.database.write(origin()) as tx:
        attempt = Attempt("user_code", session.account_name, tx.origin.address)
        reserved = portico.gate.reserve(tx, attempt, captcha=True)
        if not isinstance(reserved.verdict, Proceed):
            return Problem(_TOO_MANY)
        waiting = pending.by_user_code(tx, code) if code else None
        client = portico.clients.find(tx, waiting.client_id) if waiting else None
        if waiting is None or client is None or not client.may_serve(session.kind):
            return Problem(_WRONG)
        portico.gate.give_back(tx, attempt)  # one's own device says nothing of the other codes
        return waiting, client


def _question(code: str, waiting: Waiting, client: Client) -> DevicePage:
    return DevicePage(
        url_for("device.answer"),
        written(code),
        client.name(speaks()),
        lines_of(frozenset(waiting.scope.split())),
    )


def _decide(
    portico: Provider, session: Session, waiting: Waiting, *, allow: bool
) -> ResponseReturnValue:
    with portico.database.write(origin()) as tx:
        decided = pending.decide(tx, waiting.handle_hash, session, allow=allow)
        if decided:
            record(tx, portico, session, waiting, allow=allow)
    if not decided:
        page = DevicePage(url_for("device.answer"), errors=[Problem(_WRONG)])
        return _page(session, page, 422)
    outcome = sealed_word("allowed" if allow else "denied")
    return redirect(url_for("device.show", outcome=outcome), code=303)  # reloading asks nothing


def record(
    tx: Transaction, portico: Provider, session: Session, waiting: Waiting, *, allow: bool
) -> None:
    """Write a decision into the audit log."""
    if not allow:
        refused = ConsentRefused(subject=session.subject, client_id=waiting.client_id)
        portico.trail.append(tx, refused)
        return
    given = ConsentGiven(
        subject=session.subject,
        client_id=waiting.client_id,
        scope=waiting.scope,
        remembered=False,
    )
    portico.trail.append(tx, given)


def _page(session: Session, page: DevicePage, status: int = 200) -> Response:
    person = who_of(session)
    shown = render_template("portal/device.html", page=page, who=person)
    return PAGES.apply(make_response(shown, status))
