"""Who is signed in at the browser of this request."""

from datetime import timedelta

from idp.provider import Provider
from idp.sessions import store as sessions
from idp.sessions.store import Session
from idp.web.request import session_hash


def signed_in(portico: Provider) -> Session | None:
    """Find the live session of this browser; one round trip with a cookie, none without."""
    cookie = session_hash()
    if cookie is None:
        return None
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    with portico.database.read() as tx:
        return sessions.find(tx, cookie, idle)
