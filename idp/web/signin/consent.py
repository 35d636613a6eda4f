"""The consent page: which app receives which data (OIDC Core section 3.1.2.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.audit.events.grants import ConsentGiven, ConsentRefused
from idp.consent import store as consents
from idp.consent.model import Permission
from idp.provider import Provider
from idp.secret import base64url, digest
from idp.sessions import store as sessions
from idp.sessions.store import Session
from idp.signin import store
from idp.web import errors
from idp.web.request import demand_csrf, origin, session_hash, single_form
from idp.web.signin.journeys import App, Underway, underway
from idp.web.who import who_of
from idp.web.wiring import provider
from idp.web.wording.apps import RESOURCE, Line, lines_of

pages = Blueprint("consent", __name__)


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """What ``signin/consent.html`` shows."""

    action: str
    journey: str
    app: App | None
    account_name: str
    lines: list[Line]
    shown: str
    """Stands for what the lines say: only that is allowed."""


@pages.get("/signin/consent")
def show() -> ResponseReturnValue:
    """Show what the app would receive."""
    found = _found(request.args.get("journey", ""))
    if found is None:
        return errors.journey_lost()
    journey, session = found
    page = ConsentPage(
        url_for("consent.decide"),
        journey.id,
        journey.app,
        session.account_name,
        _lines(journey),
        _mark(journey.permission),
    )
    person = who_of(session)
    shown = render_template("signin/consent.html", page=page, who=person)
    return journey.protect(make_response(shown))


@pages.post("/signin/consent")
def decide() -> ResponseReturnValue:
    """Note the decision and go on; anything but ``allow`` is a no.

    An app may change its registration while the page is open: whoever would allow something
    else than they saw is shown the page once more.
    """
    form = single_form()
    demand_csrf(form)
    found = _found(form.get("journey", ""))
    if found is None:
        return errors.journey_lost()
    journey, session = found
    allowed = form.get("decision") == "allow"
    if allowed and form.get("shown") != _mark(journey.permission):
        return redirect(url_for("consent.show", journey=journey.id), code=303)
    _record(provider(), journey, session, allowed=allowed, remembered="remember" in form)
    return redirect(journey.next_url, code=303)


def _record(
    portico: Provider, journey: Underway, session: Session, *, allowed: bool, remembered: bool
) -> None:
    client_id = journey.client.client_id if journey.client else ""
    with portico.database.write(origin()) as tx:
        if not allowed:
            store.deny_journey(tx, journey.id_hash)
            refused = ConsentRefused(subject=session.subject, client_id=client_id)
            portico.trail.append(tx, refused)
            return
        store.note_consent(tx, journey.id_hash, session.account_id, journey.permission)
        if remembered:
            consents.remember(tx, session.account_id, client_id, journey.permission)
        given = ConsentGiven(
            subject=session.subject,
            client_id=client_id,
            scope=" ".join(sorted(journey.permission.scopes)),
            resource=" ".join(sorted(journey.permission.resources)),
            remembered=remembered,
        )
        portico.trail.append(tx, given)


def _found(journey_id: str) -> tuple[Underway, Session] | None:
    portico, cookie = provider(), session_hash()
    journey = underway(portico, journey_id) if journey_id else None
    if journey is None or cookie is None:
        return None
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    with portico.database.read() as tx:
        session = sessions.find(tx, cookie, idle)
    return (journey, session) if session else None


def _mark(permission: Permission) -> str:
    return base64url(digest(msgspec.json.encode(permission.kept()).decode()))


def _lines(journey: Underway) -> list[Line]:
    allowed = journey.permission
    resources = [Line("", one, RESOURCE) for one in sorted(allowed.resources)]
    return [*lines_of(allowed.scopes), *resources, *(_of_details(one) for one in journey.details)]


def _of_details(details: Mapping[str, Any]) -> Line:
    """Write authorization details as they were sent: only the app knows better words."""
    told = [f"{name}: {_plain(value)}" for name, value in details.items() if name != "type"]
    return Line("", str(details["type"]), "; ".join(told))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
