"""The sign-in history, and what to do about a line that was not oneself (P06)."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.database.transaction import Transaction
from idp.mail.messages import known_as
from idp.oidc import logout
from idp.signin import store
from idp.web.headers import PAGES
from idp.web.places import place_of
from idp.web.portal.account import place
from idp.web.portal.account.place import Here, Posted
from idp.web.request import origin, speaks, take_session
from idp.web.wiring import provider
from idp.web.wording import HISTORY, METHODS

pages = Blueprint("own_history", __name__)

_SHOWN = 100
_MAILED = "mailed"


@dataclass(frozen=True, slots=True)
class Line:
    """One attempt."""

    at: datetime
    outcome: LazyString | str
    ok: bool
    method: LazyString | str
    address: str
    place: str
    browser: str
    app: str


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """What ``portal/account/history.html`` shows."""

    action: str
    lines: list[Line]
    shown: int


@dataclass(frozen=True, slots=True)
class DisownedPage:
    """What ``portal/account/disowned.html`` shows."""

    is_mailed: bool
    """Whether there was a proven address to send the link to."""
    help_desk: str


@pages.get("/account/history")
def show() -> ResponseReturnValue:
    """List the attempts of two years, the newest hundred."""
    found = place.here("history")
    if not isinstance(found, Here):
        return found
    portico = provider()
    with portico.database.read() as tx:
        past = store.history(tx, found.account.id, _SHOWN)
        apps = {one.client_id: _name_of(tx, one.client_id) for one in past}
    places = portico.config.accounts.places
    lines = [
        Line(
            one.at,
            _("Signed in") if one.refused_for is None else HISTORY.get(one.refused_for, ""),
            one.refused_for is None,
            METHODS.get(one.method, one.method),
            one.address,
            place_of(one.address, places),
            known_as(one.user_agent),
            apps[one.client_id],
        )
        for one in past
    ]
    page = HistoryPage(url_for("own_history.disown"), lines, _SHOWN)
    return place.show("history.html", found, "history", page)


def _name_of(tx: Transaction, client_id: str | None) -> str:
    """Give the name of an app; its id, if it is no longer registered."""
    client = provider().clients.find(tx, client_id) if client_id else None
    return client.name(speaks()) if client else client_id or ""


@pages.post("/account/history/not-me")
def disown() -> ResponseReturnValue:
    """這不是我: end everything, switch the password off, send the owner a link for a new one."""
    posted = place.posted("history", sensitive=False)
    if not isinstance(posted, Posted):
        return posted
    found = posted.here
    portico = provider()
    with portico.database.write(origin()) as tx:
        portico.recovery.disown(tx, found.account, logout.reach(tx))
    first = found.account.email
    outcome = _MAILED if first and first.verified else None
    onward = redirect(url_for("own_history.disowned", outcome=outcome), code=303)
    return take_session(make_response(onward))


@pages.get("/account/disowned")
def disowned() -> ResponseReturnValue:
    """Say what was done; nobody is signed in here any more."""
    page = DisownedPage(
        request.args.get("outcome") == _MAILED, provider().config.provider.help_desk
    )
    return PAGES.apply(make_response(render_template("portal/account/disowned.html", page=page)))
