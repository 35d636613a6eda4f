"""Who is signed in at the browser of this request."""

from collections.abc import Callable
from datetime import timedelta

from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.sessions import store as sessions
from idp.sessions.store import Session
from idp.web.request import session_hash


def signed_in(portico: Provider) -> Session | None:
    """Find the live session of this browser; one round trip with a cookie, none without."""
    return _found(portico, sessions.find)


def half_signed_in(portico: Provider) -> Session | None:
    """Find the session even where its second factor is missing: for the page that asks for it."""
    return _found(portico, sessions.present)


def _found(
    portico: Provider, find: Callable[[Transaction, bytes, timedelta], Session | None]
) -> Session | None:
    cookie = session_hash()
    if cookie is None:
        return None
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    with portico.database.read() as tx:
        return find(tx, cookie, idle)
