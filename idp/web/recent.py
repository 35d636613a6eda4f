"""A sensitive change asks who it is once more (ASVS 7.5.1, 7.5.3)."""

from datetime import timedelta

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from idp.accounts.model import Kind, SecondFactor
from idp.oidc.model import Client
from idp.provider import Provider
from idp.sessions.store import Session
from idp.web import last_way
from idp.web.wiring import provider


def has_proven_recently(portico: Provider, session: Session) -> bool:
    """Tell whether the person has signed in within ``[sessions] recent_minutes``.

    By a ticket it is their browser that has: whoever sits in front of it.
    """
    if session.is_of_ticket:
        return False
    within = timedelta(minutes=portico.config.sessions.recent_minutes)
    return portico.database.clock() - session.authenticated_at <= within


def is_sure(portico: Provider, session: Session) -> bool:
    """Tell whether nothing more has to be proven before a change of the factors themselves.

    Where there is a second factor it has to have been shown: a password alone must not be
    enough to take it away.
    """
    shown = session.two_factors or session.second_factor is SecondFactor.NONE
    return shown and has_proven_recently(portico, session)


def make_sure(portico: Provider, session: Session, page: str) -> ResponseReturnValue:
    """Ask for what :func:`is_sure` misses; leads back to ``page``, or into a journey."""
    if not has_proven_recently(portico, session):
        return ask_again(page, session.kind)
    return redirect(url_for("second_factor.show", journey=page), code=303)


def is_strong_enough(session: Session, client: Client) -> bool:
    """Tell whether an app may be answered where no journey of its own has asked for more."""
    return session.two_factors or not client.registration.require_second_factor


def make_stronger(session: Session, page: str) -> ResponseReturnValue:
    """Ask for the second factor, or lead to where one is set up; both lead back to ``page``."""
    has_one = session.second_factor is not SecondFactor.NONE
    endpoint = "second_factor.show" if has_one else "totp.show"
    return redirect(url_for(endpoint, journey=page), code=303)


def ask_again(page: str, kind: str) -> ResponseReturnValue:
    """Send the browser to the sign-in, which leads back to ``page`` of ``idp.web.returning``."""
    kinds = set(Kind) - {Kind.JUDGE}
    endpoint = "directory.show" if kind == Kind.JUDGE else last_way.endpoint(provider(), kinds)
    return redirect(url_for(endpoint, journey=page), code=303)
