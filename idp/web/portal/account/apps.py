"""The apps that have access: what each may receive, and taking it back."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from idp.audit.events.grants import AccessWithdrawn
from idp.consent import store as consents
from idp.oidc import authorizations
from idp.web.portal.account import place
from idp.web.portal.account.place import Here, Posted
from idp.web.request import origin, speaks
from idp.web.wiring import provider
from idp.web.wording.apps import Line, lines_of

pages = Blueprint("own_apps", __name__)


@dataclass(frozen=True, slots=True)
class App:
    """One app and what it has."""

    client_id: str
    name: str
    lines: list[Line]
    since: datetime
    is_remembered: bool
    """Whether it may receive this again without asking."""


@dataclass(frozen=True, slots=True)
class AppsPage:
    """What ``portal/account/apps.html`` shows."""

    action: str
    apps: list[App]


@pages.get("/account/apps")
def show() -> ResponseReturnValue:
    """List what is granted and what is remembered, an app a line."""
    found = place.here("apps")
    if not isinstance(found, Here):
        return found
    page = AppsPage(url_for("own_apps.withdraw"), _apps(found))
    return place.show("apps.html", found, "apps", page)


@pages.post("/account/apps")
def withdraw() -> ResponseReturnValue:
    """Take back what an app has: its tokens die now, and it has to ask again."""
    posted = place.posted("apps", sensitive=False)
    if not isinstance(posted, Posted):
        return posted
    found, form = posted.here, posted.form
    portico, account = provider(), found.account
    client_id = form.get("client", "")[:128]
    with portico.database.write(origin()) as tx:
        forgotten = consents.withdraw(tx, account.id, client_id)
        revoked = authorizations.revoke_of_client(tx, account.id, client_id)
        if forgotten or revoked:
            withdrawn = AccessWithdrawn(subject=account.subject, client_id=client_id)
            portico.trail.append(tx, withdrawn)
    return place.saved("own_apps.show")


def _apps(found: Here) -> list[App]:
    portico, account = provider(), found.account
    with portico.database.read() as tx:
        given = {one.client_id: one for one in consents.of_account(tx, account.id)}
        granted = authorizations.of_account(tx, account.id)
        names = {*given, *granted}
        clients = {name: portico.clients.find(tx, name) for name in sorted(names)}
    listed = []
    for name, client in clients.items():
        scopes = given[name].scopes if name in given else frozenset()
        moments = [given[name].given_at] if name in given else []
        if name in granted:
            scopes |= granted[name].scopes
            moments.append(granted[name].since)
        label = client.name(speaks()) if client else name
        listed.append(App(name, label, lines_of(scopes), min(moments), name in given))
    return listed
