"""The front page: 登入資訊 and 系統連結 (P30) for who is signed in, a welcome for who is not."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.accounts import offices
from idp.accounts.model import Account
from idp.database.transaction import Transaction
from idp.linking import store as links
from idp.linking.rules import offers_linking
from idp.oidc import logout, pending
from idp.oidc.clients import everyone
from idp.oidc.model import Client
from idp.provider import Provider
from idp.sessions import store as sessions
from idp.signin import store
from idp.signin.store import PastAttempt
from idp.web import last_way, signed_out, tickets
from idp.web.headers import PAGES
from idp.web.portal import card_lines
from idp.web.portal.card_lines import Line
from idp.web.portal.tabs import may_have_cards
from idp.web.request import demand_csrf, origin, session_hash, single_form, speaks, take_session
from idp.web.signed_out import SignedOutPage
from idp.web.who import who
from idp.web.wiring import provider
from idp.web.wording.account import KINDS, NAME_HERE
from idp.web.wording.details import FIELDS
from idp.web.wording.history import HISTORY, METHODS

pages = Blueprint("dashboard", __name__)

_RECENT = 10
_LOOK_BACK = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the sign-in history (P06)."""

    at: datetime
    method_label: LazyString | str
    address: str
    outcome_label: LazyString | str
    ok: bool


@dataclass(frozen=True, slots=True)
class AppLink:
    """A card of 系統連結."""

    id: str
    name: str
    description: str
    url: str
    linking: LazyString | str = ""
    """The state of linking, where the app has accounts of its own (P32)."""


@dataclass(frozen=True, slots=True)
class DashboardPage:
    """What ``portal/dashboard.html`` shows."""

    now: datetime
    account_name: str
    account_label: LazyString | str
    """What that is called: nobody signs in by the name of a judge's account here."""
    kind_label: LazyString | str
    name: str
    last_success: Entry | None
    last_failure: Entry | None
    failures_since: int
    recent: list[Entry]
    apps: list[AppLink]
    waiting: int
    """How many services wait for an answer."""
    expiring: list[Line]
    """The cards that expire soon."""
    takes_cards: bool
    signout_url: str


@dataclass(frozen=True, slots=True)
class WelcomePage:
    """What ``portal/welcome.html`` shows."""

    signin_url: str
    register_url: str
    discovery_url: str
    developers_url: str = ""
    """Where flows are demonstrated; empty where that is switched off."""


@pages.get("/")
def show() -> ResponseReturnValue:
    """Show the front page; three round trips and one more for the apps."""
    portico, cookie = provider(), session_hash()
    if cookie is None:
        return _welcome()
    with portico.database.read() as tx:
        session = sessions.find(tx, cookie, _idle())
        account = portico.accounts.find(tx, session.account_id) if session else None
        if session is None or account is None:
            return _welcome()
        page = _dashboard(tx, portico, account)
    person = who(page.name, account.kind)
    shown = render_template("portal/dashboard.html", page=page, who=person)
    return PAGES.apply(make_response(shown))


@pages.post("/signout")
def sign_out() -> ResponseReturnValue:
    """Sign out here, and thereby everywhere (P05)."""
    demand_csrf(single_form())
    portico, cookie = provider(), session_hash()
    frames: list[str] = []
    with portico.database.write(origin()) as tx:
        session = sessions.find_unended(tx, cookie) if cookie else None
        if session is not None:
            frames = logout.frames(tx, portico.oidc.parts, session.id)
            reach = logout.reach(tx)
            portico.ending.end(tx, session.id, reach, subject=session.subject, why="signed_out")
    if frames:
        return take_session(signed_out.show(SignedOutPage(frames=frames)))
    return take_session(make_response(redirect(url_for("logout.done"), code=303)))


def _welcome() -> ResponseReturnValue:
    """Greet who is not signed in; a judge on the court's network is, before they see it."""
    if tickets.leads(provider()):
        return redirect(url_for("ticket.show"), code=303)
    section = provider().config.provider
    page = WelcomePage(
        url_for(last_way.endpoint(provider())),
        url_for("register.show"),
        f"{section.issuer}/.well-known/openid-configuration",
        url_for("developers.show") if section.developers_page else "",
    )
    return PAGES.apply(make_response(render_template("portal/welcome.html", page=page)))


def _dashboard(tx: Transaction, portico: Provider, account: Account) -> DashboardPage:
    past = store.history(tx, account.id, _LOOK_BACK)
    # The newest success is the sign-in that led here; what people want is the one before.
    successes = [one for one in past if one.refused_for is None]
    before = successes[1] if len(successes) > 1 else None
    failures = [one for one in past if one.refused_for is not None]
    since = [one for one in failures if before is None or one.at > before.at]
    linked = {
        client_id
        for client_id, link in links.of_account(tx, account.id).items()
        if link.state is links.State.LINKED
    }
    clients = [client for _, client in everyone(tx) if not client.disabled]
    return DashboardPage(
        now=tx.now,
        account_name=account.account_name,
        account_label=NAME_HERE if offices.is_of_directory(tx, account) else FIELDS["username"],
        kind_label=KINDS[account.kind],
        name=account.profile.name or account.account_name,
        last_success=_entry(before) if before else None,
        last_failure=_entry(failures[0]) if failures else None,
        failures_since=len(since),
        recent=[_entry(one) for one in past[:_RECENT]],
        apps=[_link(one, linked) for one in clients if _may_open(one, account)],
        waiting=len(pending.of_account(tx, account.id)),
        expiring=card_lines.expiring(tx, portico, account.id),
        takes_cards=may_have_cards(account.kind),
        signout_url=url_for("dashboard.sign_out"),
    )


def _may_open(client: Client, account: Account) -> bool:
    return bool(client.registration.home_uri) and client.may_serve(account.kind)


def _link(client: Client, linked: Container[str]) -> AppLink:
    locale = speaks()
    return AppLink(
        client.client_id,
        client.name(locale),
        client.description(locale),
        _start_of(client),
        (_("linked") if client.client_id in linked else _("not linked yet"))
        if offers_linking(client)
        else "",
    )


def _start_of(client: Client) -> str:
    """Give where the app begins: its own way into a sign-in, where it has one (OIDC Core 4)."""
    start = str(client.registration.metadata.get("initiate_login_uri", ""))
    if not start:
        return client.registration.home_uri
    joint = "&" if "?" in start else "?"
    return f"{start}{joint}{urlencode({'iss': provider().config.provider.issuer})}"


def _entry(past: PastAttempt) -> Entry:
    outcome = _("Signed in") if past.refused_for is None else HISTORY.get(past.refused_for, "")
    return Entry(
        past.at,
        METHODS.get(past.method, past.method),
        past.address,
        outcome,
        past.refused_for is None,
    )


def _idle() -> timedelta:
    return timedelta(minutes=provider().config.sessions.idle_minutes)
