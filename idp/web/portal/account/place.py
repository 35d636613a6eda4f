"""What every account page needs: whose it is, whether they have just proven it, the frame."""

from dataclasses import dataclass
from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.accounts.model import Account
from idp.sessions.store import Session
from idp.web import tickets
from idp.web.current import signed_in
from idp.web.headers import PAGES
from idp.web.portal.tabs import tabs
from idp.web.recent import is_sure, make_sure
from idp.web.request import demand_csrf, single_form
from idp.web.who import who
from idp.web.wiring import provider


@dataclass(frozen=True, slots=True)
class Here:
    """Who is signed in, and their account."""

    session: Session
    account: Account


@dataclass(frozen=True, slots=True)
class Posted:
    """A form of this browser's, and what it belongs to."""

    here: Here
    form: dict[str, str]


def here(page: str, *, sensitive: bool = False) -> Here | ResponseReturnValue:
    """Find who is signed in; a sensitive page asks again who did so long ago."""
    portico = provider()
    session = signed_in(portico)
    if session is None:
        return tickets.to_sign_in(page)
    if sensitive and not is_sure(portico, session):
        return make_sure(portico, session, page)
    with portico.database.read() as tx:
        account = portico.accounts.find(tx, session.account_id)
    if account is None:
        return redirect(url_for("password.show", journey=page), code=303)
    return Here(session, account)


def posted(page: str, *, sensitive: bool = True) -> Posted | ResponseReturnValue:
    """Read an account page's form and find whose it is."""
    form = single_form()
    demand_csrf(form)
    found = here(page, sensitive=sensitive)
    return Posted(found, form) if isinstance(found, Here) else found


def show(template: str, found: Here, current: str, page: Any, status: int = 200) -> Response:
    """Render an account page beside the list of its siblings."""
    name = found.account.profile.name or found.account.account_name
    shown = render_template(
        f"portal/account/{template}",
        page=page,
        tabs=tabs(current, found.account.kind),
        who=who(name, found.account.kind),
        is_saved="saved" in request.args,
    )
    return PAGES.apply(make_response(shown, status))


def saved(endpoint: str) -> ResponseReturnValue:
    """Go back to the page, which says that it is done."""
    return redirect(url_for(endpoint, saved=1), code=303)
