"""A sensitive change asks who it is once more (ASVS 7.5.1, 7.5.3)."""

from datetime import timedelta

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from idp.provider import Provider
from idp.sessions.store import Session


def has_proven_recently(portico: Provider, session: Session) -> bool:
    """Tell whether the person has signed in within ``[sessions] recent_minutes``."""
    within = timedelta(minutes=portico.config.sessions.recent_minutes)
    return portico.database.clock() - session.authenticated_at <= within


def ask_again(page: str) -> ResponseReturnValue:
    """Send the browser to the sign-in, which leads back to ``page`` of ``idp.web.returning``."""
    return redirect(url_for("password.show", journey=page), code=303)
