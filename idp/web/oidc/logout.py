"""The end session endpoint (OIDC RP-Initiated Logout 1.0), and our own sign-out."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.oidc import logout
from idp.oidc.logout import Checked, LogoutRequest
from idp.provider import Provider
from idp.sessions import store as sessions
from idp.sessions.store import Session
from idp.web.headers import PAGES, leading_to
from idp.web.oidc.bridge import exchange_of
from idp.web.request import (
    demand_csrf,
    hear_locales,
    origin,
    session_hash,
    single_form,
    speaks,
    take_session,
)
from idp.web.signed_out import SignedOutPage, show
from idp.web.who import Who, who_of
from idp.web.wiring import provider

endpoint = Blueprint("logout", __name__)


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """What ``signin/logout_confirm.html`` shows."""

    action: str
    request: dict[str, Any]


@endpoint.route("/logout", methods=["GET", "POST"])
def ask() -> ResponseReturnValue:
    """Sign out at an app's request; without proof that it is one, ask the person first."""
    portico = provider()
    exchange = exchange_of(portico, request.environ, request.get_data())
    sent = exchange.form() if exchange.method == "POST" else exchange.query_parameters()
    asked = logout.request_of(sent)
    hear_locales(asked.ui_locales)
    checked, session, proven = _check(portico, asked)
    if session is not None and not proven:
        page = ConfirmPage(url_for("logout.confirm"), msgspec.to_builtins(asked))
        person = who_of(session)
        return _page("signin/logout_confirm.html", page, checked.return_to, person)
    return _sign_out(portico, checked, asked)


@endpoint.post("/logout/confirm")
def confirm() -> ResponseReturnValue:
    """Sign out after the person has confirmed it here."""
    form = single_form()
    demand_csrf(form)
    portico = provider()
    asked = logout.request_of(form)
    hear_locales(asked.ui_locales)
    checked, *_ = _check(portico, asked)
    return _sign_out(portico, checked, asked)


@endpoint.get("/logout/done")
def done() -> ResponseReturnValue:
    """Say that nobody is signed in here any more."""
    return show(SignedOutPage())


def _check(portico: Provider, asked: LogoutRequest) -> tuple[Checked, Session | None, bool]:
    """Check the request; tell who is signed in here, and whether the hint is of that session."""
    cookie = session_hash()
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    with portico.database.read() as tx:
        checked = logout.check(tx, portico.oidc.parts, asked)
        session = sessions.present(tx, cookie, idle) if cookie else None
        proven = session is not None and logout.is_of(tx, portico.oidc.parts, checked, session)
        return checked, session, proven


def _sign_out(portico: Provider, checked: Checked, asked: LogoutRequest) -> ResponseReturnValue:
    """End the session of this browser, also one that is too old to be used: apps stand on it."""
    parts, cookie = portico.oidc.parts, session_hash()
    with portico.database.write(origin()) as tx:
        session = sessions.find_unended(tx, cookie) if cookie else None
        if session is None:
            return _done(checked, asked, SignedOutPage())
        frames = logout.frames(tx, parts, session.id)
        told = portico.ending.end(
            tx, session.id, logout.reach(tx), subject=session.subject, why="logout"
        )
        clients = [portico.clients.find(tx, client_id) for client_id in told]
    names = [client.name(speaks()) for client in clients if client]
    return take_session(_done(checked, asked, SignedOutPage(names, frames)))


def _done(checked: Checked, asked: LogoutRequest, page: SignedOutPage) -> Response:
    """Lead back to the app, through the page where there are frames to be opened first."""
    if not checked.return_to:
        return show(page)
    joint = "&" if "?" in checked.return_to else "?"
    state = f"{joint}{urlencode({'state': asked.state})}" if asked.state else ""
    back = f"{checked.return_to}{state}"
    if page.frames:
        return show(replace(page, go_on=back))
    return make_response(redirect(back, code=303))


def _page(template: str, page: object, return_to: str, person: Who | None = None) -> Response:
    response = make_response(render_template(template, page=page, who=person))
    return (leading_to(return_to) if return_to else PAGES).apply(response)
