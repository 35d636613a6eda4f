"""What the two pages of second factors share: the way in, the codes shown once, the warning."""

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.accounts.model import SecondFactor
from idp.authenticators import Identity, Proof, passkey
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.sessions import store as sessions
from idp.sessions.actions import Opened
from idp.sessions.store import Session
from idp.signin.factors import Enrolled
from idp.web import last_way, returning
from idp.web.current import signed_in
from idp.web.headers import PAGES
from idp.web.portal import recovery_codes
from idp.web.portal.tabs import tabs
from idp.web.raising import raise_session
from idp.web.request import device, give_session, speaks
from idp.web.who import who_of
from idp.web.wiring import provider


def enter(page: str, journey: str) -> Session | ResponseReturnValue:
    """Find who is signed in; the sign-in leads back to ``page``, or into the journey."""
    session = signed_in(provider())
    if session is None:
        return redirect(url_for(last_way.endpoint(provider()), journey=journey or page), code=303)
    return session


def has_factor(session: Session) -> bool:
    """Tell whether there is a second factor in use."""
    return session.second_factor is not SecondFactor.NONE


def is_last(tx: Transaction, portico: Provider, session: Session) -> bool:
    """Tell whether the account has just one factor left."""
    app = portico.totp.in_use(tx, session.account_id) is not None
    return len(passkey.of_account(tx, session.account_id)) + app == 1


def demanding(tx: Transaction, portico: Provider, session: Session) -> list[str]:
    """Name the apps a person uses that let nobody in without a second factor."""
    found = (portico.clients.find(tx, one) for one in sessions.used_by(tx, session.account_id))
    return [
        client.name(speaks())
        for client in found
        if client is not None and client.registration.require_second_factor
    ]


def raised(
    tx: Transaction, portico: Provider, session: Session, amr: tuple[str, ...], method: str
) -> Opened | None:
    """Count what was just enrolled as shown: its holder has shown it, and the password before."""
    if session.two_factors:
        return None
    proof = Proof(Identity("account", str(session.account_id)), amr)
    opened = raise_session(tx, portico, session, proof, method)
    return opened if isinstance(opened, Opened) else None


def enrolled(
    session: Session, found: Enrolled, opened: Opened | None, page: str, journey: str
) -> Response:
    """Go on from a factor that is in use; by way of the codes, where there are new ones."""
    next_url = returning.onward(journey) if journey else returning.address(page)
    if found.codes:
        response = recovery_codes.show(session, found.codes, next_url)
    else:
        response = make_response(redirect(next_url, code=303))
    return give_session(response, opened.cookie, device()) if opened else response


def shown(template: str, session: Session, page: object, status: int = 200) -> Response:
    """Render a page for who is signed in."""
    current = template.removeprefix("portal/").removesuffix(".html")
    rendered = render_template(
        template,
        page=page,
        who=who_of(session),
        tabs=tabs(current, session.kind),
        is_saved="saved" in request.args,
    )
    return PAGES.apply(make_response(rendered, status))
