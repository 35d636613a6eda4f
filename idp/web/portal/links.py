"""``/links``: 帳號綁定, the accounts that a person has in apps of their own (P32).

An app sends a person without a link to ``/links/<client_id>?return_to=…``. The password goes
from the form to the app, encrypted; it is shown, stored and logged nowhere here.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

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
from flask_babel import lazy_gettext as _

from idp.linking import store
from idp.linking.actions import Begun
from idp.linking.rules import Outcome, masked, offers_linking, way_back
from idp.linking.store import Link, State
from idp.oidc.clients import everyone
from idp.oidc.model import Client
from idp.provider import Provider
from idp.secret import Secret
from idp.sessions.store import Session
from idp.web import returning, tickets
from idp.web.current import signed_in
from idp.web.headers import PAGES, leading_to
from idp.web.portal.tabs import tabs
from idp.web.request import demand_csrf, origin, single_form, speaks
from idp.web.who import who_of
from idp.web.wiring import provider
from idp.web.wording.linking import LINKING

pages = Blueprint("links", __name__)

_STATUSES = {Outcome.THROTTLED: 429, Outcome.UNSENT: 503}


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence about a field; without one, about the form."""

    message: LazyString
    field: str = ""


@dataclass(frozen=True, slots=True)
class AppRow:
    """An app with accounts of its own, and how the person stands with it."""

    number: int
    client_id: str
    name: str
    state: str
    """``linked``, ``pending``, or empty: its form is shown."""
    account: str = ""
    """The linked one, masked."""
    linked_at: datetime | None = None
    typed: str = ""
    errors: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LinksPage:
    """What ``portal/links.html`` shows: every app."""

    action: str
    rows: list[AppRow]
    errors: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LinkPage:
    """What ``portal/link.html`` shows: one app, at the first visit there."""

    action: str
    host: str
    row: AppRow
    return_to: str


@pages.get("/links")
def show() -> ResponseReturnValue:
    """List the apps; who is not signed in does that first."""
    portico = provider()
    session = signed_in(portico)
    if session is None:
        return tickets.to_sign_in(returning.LINKS)
    return _list(session, _rows(portico, session))


@pages.post("/links")
def change() -> ResponseReturnValue:
    """Link or unlink one of the list."""
    form = single_form()
    demand_csrf(form)
    portico = provider()
    session = signed_in(portico)
    if session is None:
        return redirect(url_for("links.show"), code=303)
    rows = _rows(portico, session)
    chosen = next((row for row in rows if row.client_id == form.get("client_id")), None)
    if chosen is None:
        abort(404)
    if form.get("action") == "unlink":
        with portico.database.write(origin()) as tx:
            portico.linking.unlink(tx, session, chosen.client_id)
        return redirect(url_for("links.show"), code=303)
    outcome = _link(portico, session, chosen, form)
    if isinstance(outcome, AppRow):
        shown = [outcome if row.number == outcome.number else row for row in rows]
        return _list(session, shown, outcome.errors)
    if outcome in {Outcome.LINKED, Outcome.OPEN, Outcome.UNANSWERED}:
        return redirect(url_for("links.show"), code=303)
    row = _with_problem(chosen, form, outcome)
    shown = [row if one.number == row.number else one for one in rows]
    return _list(session, shown, row.errors, _STATUSES.get(outcome, 422))


@pages.get("/links/<client_id>")
def begin(client_id: str) -> ResponseReturnValue:
    """Ask for the account of one app, at its person's first visit there."""
    portico = provider()
    session = signed_in(portico)
    wanted = request.args.get("return_to", "")
    if session is None:
        return tickets.to_sign_in(returning.link(client_id, wanted))
    client, row = _one(portico, session, client_id)
    return _page(session, client, row, way_back(client.registration, wanted))


@pages.post("/links/<client_id>")
def finish(client_id: str) -> ResponseReturnValue:
    """Link, and lead back to where the person was going."""
    form = single_form()
    demand_csrf(form)
    portico = provider()
    session = signed_in(portico)
    if session is None:
        return redirect(url_for("links.begin", client_id=client_id), code=303)
    client, row = _one(portico, session, client_id)
    back = way_back(client.registration, form.get("return_to", ""))
    outcome = Outcome.OPEN if row.state else _link(portico, session, row, form)
    if isinstance(outcome, AppRow):
        return _page(session, client, outcome, back, 422)
    if outcome is Outcome.LINKED:
        return redirect(back or url_for("links.show"), code=303)
    if outcome in {Outcome.OPEN, Outcome.UNANSWERED}:
        return redirect(url_for("links.begin", client_id=client_id, return_to=back), code=303)
    shown = _with_problem(row, form, outcome)
    return _page(session, client, shown, back, _STATUSES.get(outcome, 422))


def _link(
    portico: Provider, session: Session, row: AppRow, form: dict[str, str]
) -> Outcome | AppRow:
    """Ask the app, with nothing open; gives the row back where something is missing."""
    typed, password = form.get("account", "").strip(), Secret(form.get("password", ""))
    wanted = (
        (typed, _("Type your account in this system."), f"account-{row.number}"),
        (password, _("Type your password in this system."), f"password-{row.number}"),
    )
    missing = [Problem(sentence, name) for value, sentence, name in wanted if not value]
    if missing:
        return replace(row, typed=typed[:64], errors=missing)
    with portico.database.write(origin()) as tx:
        client = portico.clients.find(tx, row.client_id)
        if client is None or not _is_for(client, session):
            abort(404)
        begun = portico.linking.begin(tx, session, client, typed[:64])
    if not isinstance(begun, Begun):
        return begun
    heard = portico.linking.ask(begun, password)
    with portico.database.write(origin()) as tx:
        return portico.linking.settle(tx, begun, heard)


def _with_problem(row: AppRow, form: dict[str, str], outcome: Outcome) -> AppRow:
    sentence, about = LINKING[outcome]
    place = f"{about}-{row.number}" if about else ""
    typed = form.get("account", "").strip()[:64]
    return replace(row, typed=typed, errors=[Problem(sentence, place)])


def _is_for(client: Client, session: Session) -> bool:
    return offers_linking(client) and client.may_serve(session.kind)


def _rows(portico: Provider, session: Session) -> list[AppRow]:
    with portico.database.read() as tx:
        found = [one for _, one in everyone(tx) if _is_for(one, session)]
        links = store.of_account(tx, session.account_id)
    return [_row(number, one, links.get(one.client_id)) for number, one in enumerate(found, 1)]


def _one(portico: Provider, session: Session, client_id: str) -> tuple[Client, AppRow]:
    with portico.database.read() as tx:
        client = portico.clients.find(tx, client_id)
        links = store.of_account(tx, session.account_id)
    if client is None or not _is_for(client, session):
        abort(404)
    return client, _row(1, client, links.get(client_id))


def _row(number: int, client: Client, link: Link | None) -> AppRow:
    name = client.name(speaks())
    if link is None:
        return AppRow(number, client.client_id, name, "")
    account = masked(link.local_account) if link.state is State.LINKED else ""
    return AppRow(number, client.client_id, name, link.state, account, link.linked_at)


def _list(
    session: Session, rows: list[AppRow], errors: list[Problem] | None = None, status: int = 0
) -> Response:
    page = LinksPage(url_for("links.change"), rows, errors or [])
    person = who_of(session)
    shown = render_template(
        "portal/links.html", page=page, who=person, tabs=tabs("links", session.kind)
    )
    return PAGES.apply(make_response(shown, status or (422 if errors else 200)))


def _page(
    session: Session, client: Client, row: AppRow, return_to: str, status: int = 200
) -> Response:
    action = url_for("links.finish", client_id=client.client_id)
    home = return_to or client.registration.link_uri
    page = LinkPage(action, urlsplit(home).netloc, row, return_to)
    person = who_of(session)
    shown = render_template("portal/link.html", page=page, who=person)
    policy = leading_to(return_to) if return_to else PAGES
    return policy.apply(make_response(shown, status))
