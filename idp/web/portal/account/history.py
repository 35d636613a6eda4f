"""What happened in an account: sign-ins and changes; and what to do if it was not oneself (P06)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.accounts import offices
from idp.accounts.model import Account
from idp.audit import history
from idp.audit.history import Change
from idp.database import paging
from idp.database.paging import NEWEST, Mark
from idp.database.transaction import Transaction
from idp.mail.messages import known_as
from idp.oidc import logout
from idp.signin import store
from idp.signin.recovery import Aftermath
from idp.signin.store import PastAttempt
from idp.web.changes import fields_of, sentence
from idp.web.headers import PAGES
from idp.web.places import place_of
from idp.web.portal.account import place
from idp.web.portal.account.place import Here, Posted
from idp.web.request import origin, speaks, take_session
from idp.web.wiring import provider
from idp.web.wording.history import HISTORY, METHODS

pages = Blueprint("own_history", __name__)

_A_PAGE = 50
_CHOICES = {"": _("Everything"), "signins": _("Sign-ins"), "changes": _("Changes")}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    mark: Mark
    sentence: LazyString | str
    tone: str
    """``good``, ``bad``, or empty for what is neither."""
    details: list[LazyString | str]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the three lists."""

    name: str
    label: LazyString
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """What ``portal/account/history.html`` shows."""

    action: str
    choices: list[Choice]
    lines: list[Line]
    older: str
    """Where the list goes on; empty at its end."""
    newest: str
    """Where it begins; empty there."""
    is_of_directory: bool
    """Whether the account has no password of ours."""


@dataclass(frozen=True, slots=True)
class DisownedPage:
    """What ``portal/account/disowned.html`` shows."""

    is_mailed: bool
    """Whether there was a proven address to send the link to."""
    is_of_directory: bool
    help_desk: str


@pages.get("/account/history")
def show() -> ResponseReturnValue:
    """List what happened within two years, a page at a time."""
    found = place.here("history")
    if not isinstance(found, Here):
        return found
    asked = request.args.get("show", "")
    chosen = asked if asked in _CHOICES else ""
    mark = paging.read(request.args.get("before", "")) or NEWEST
    with provider().database.read() as tx:
        lines = _lines(tx, found.account, chosen, mark)
        is_of_directory = offices.is_of_directory(tx, found.account)
    shown = lines[:_A_PAGE]
    page = HistoryPage(
        url_for("own_history.disown"),
        [Choice(name, label, _url(name), name == chosen) for name, label in _CHOICES.items()],
        shown,
        _url(chosen, shown[-1].mark) if len(lines) > _A_PAGE else "",
        _url(chosen) if mark is not NEWEST else "",
        is_of_directory,
    )
    return place.show("history.html", found, "history", page)


def _lines(tx: Transaction, account: Account, chosen: str, mark: Mark) -> list[Line]:
    """Merge what happened before a mark, newest first; one line more than a page tells of more."""
    signins = [] if chosen == "changes" else store.history(tx, account.id, _A_PAGE + 1, mark)
    changes = [] if chosen == "signins" else history.of(tx, account.subject, _A_PAGE + 1, mark)
    app = _names(tx, {one.client_id for one in signins} | {one.client_id for one in changes})
    lines = [*(_signin(one, app) for one in signins), *(_change(one, app) for one in changes)]
    return sorted(lines, key=lambda line: line.mark, reverse=True)[: _A_PAGE + 1]


def _names(tx: Transaction, client_ids: set[str | None]) -> Callable[[str], str]:
    """Look the names of apps up, each once; one that is gone is called by its id."""
    portico, locale = provider(), speaks()
    found = {one: portico.clients.find(tx, one) for one in client_ids if one}
    names: Mapping[str, str] = {one: client.name(locale) for one, client in found.items() if client}
    return lambda client_id: names.get(client_id, client_id)


def _signin(one: PastAttempt, app: Callable[[str], str]) -> Line:
    is_in = one.refused_for is None
    return Line(
        Mark(one.at, one.id),
        _("Signed in") if is_in else HISTORY.get(one.refused_for or "", ""),
        "good" if is_in else "bad",
        _told(
            METHODS.get(one.method, one.method),
            *_where(one.address, one.user_agent),
            app(one.client_id or ""),
        ),
    )


def _change(one: Change, app: Callable[[str], str]) -> Line:
    details = _told(
        one.about,
        *fields_of(one.data),
        app(one.client_id),
        *_where(one.address, one.user_agent),
    )
    return Line(one.mark, sentence(one.event, one.data), "", details)


def _where(address: str, user_agent: str) -> tuple[str, ...]:
    """Say from where, and with which browser; nothing for what no browser did."""
    places = provider().config.accounts.places
    return (address, place_of(address, places), known_as(user_agent)) if address else ()


def _told(*details: LazyString | str) -> list[LazyString | str]:
    return [one for one in details if one]


def _url(chosen: str, mark: Mark | None = None) -> str:
    before = paging.written(mark) if mark else None
    return url_for("own_history.show", show=chosen or None, before=before)


@pages.post("/account/history/not-me")
def disown() -> ResponseReturnValue:
    """這不是我: end everything, switch the password off, send the owner a link for a new one."""
    posted = place.posted("history", sensitive=False)
    if not isinstance(posted, Posted):
        return posted
    found = posted.here
    portico = provider()
    with portico.database.write(origin()) as tx:
        outcome = portico.recovery.disown(tx, found.account, logout.reach(tx))
    onward = redirect(url_for("own_history.disowned", outcome=outcome), code=303)
    return take_session(make_response(onward))


@pages.get("/account/disowned")
def disowned() -> ResponseReturnValue:
    """Say what was done; nobody is signed in here any more."""
    outcome, help_desk = request.args.get("outcome"), provider().config.provider.help_desk
    page = DisownedPage(outcome == Aftermath.MAILED, outcome == Aftermath.DIRECTORY, help_desk)
    return PAGES.apply(make_response(render_template("portal/account/disowned.html", page=page)))
