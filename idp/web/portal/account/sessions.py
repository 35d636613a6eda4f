"""Where the person is signed in; one browser can be signed out, or all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from flask import Blueprint, make_response, redirect, url_for
from flask.typing import ResponseReturnValue

from idp.audit.events.sessions import BrowsersSignedOut
from idp.database.transaction import Transaction
from idp.mail.messages import known_as
from idp.oidc import logout
from idp.sessions import store
from idp.sessions.store import OpenSession
from idp.web.places import place_of
from idp.web.portal.account import place
from idp.web.portal.account.place import Here, Posted
from idp.web.request import origin, take_session
from idp.web.wiring import provider

pages = Blueprint("own_sessions", __name__)

_WHICH: Mapping[str, Literal["others", "all"]] = {"others": "others", "all": "all"}


@dataclass(frozen=True, slots=True)
class Line:
    """One browser."""

    session: OpenSession
    browser: str
    place: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """What ``portal/account/sessions.html`` shows."""

    action: str
    lines: list[Line]


@pages.get("/account/sessions")
def show() -> ResponseReturnValue:
    """List the browsers that are signed in."""
    found = place.here("sessions")
    if not isinstance(found, Here):
        return found
    portico = provider()
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    with portico.database.read() as tx:
        listed = store.live_of(tx, found.account.id, idle)
    places = portico.config.accounts.places
    lines = [
        Line(
            one,
            known_as(one.user_agent),
            place_of(one.address, places),
            one.id == found.session.id,
        )
        for one in listed
    ]
    page = SessionsPage(url_for("own_sessions.end"), lines)
    return place.show("sessions.html", found, "sessions", page)


@pages.post("/account/sessions")
def end() -> ResponseReturnValue:
    """Sign out one browser, all others, or all."""
    posted = place.posted("sessions", sensitive=False)
    if not isinstance(posted, Posted):
        return posted
    found, form = posted.here, posted.form
    portico, account = provider(), found.account
    which = form.get("session", "")
    with portico.database.write(origin()) as tx:
        reach = logout.reach(tx)
        meant = _meant(tx, found, which)
        if which == "all":
            portico.ending.end_all(
                tx, account.id, reach, subject=account.subject, why="signed_out_everywhere"
            )
        else:
            for one in meant:
                portico.ending.end(tx, one, reach, subject=account.subject, why="signed_out")
        if meant:
            done = BrowsersSignedOut(subject=account.subject, which=_WHICH.get(which, "one"))
            portico.trail.append(tx, done)
    if which in {"all", str(found.session.id)}:
        return take_session(make_response(redirect(url_for("logout.done"), code=303)))
    return place.saved("own_sessions.show")


def _meant(tx: Transaction, found: Here, which: str) -> list[UUID]:
    """List the sessions that a choice is about."""
    return [
        one
        for one in store.open_of(tx, found.account.id)
        if which in {"all", str(one)} or (which == "others" and one != found.session.id)
    ]
