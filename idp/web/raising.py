"""One browser, one session: the new one takes the place of what was open here."""

from datetime import timedelta
from uuid import UUID

from flask import request

from idp.authenticators import Proof, Reason, Refusal
from idp.database.transaction import Transaction
from idp.oidc import logout
from idp.oidc.vocabulary import ACR_MFA
from idp.provider import Provider
from idp.sessions import store as sessions
from idp.sessions.actions import Opened
from idp.sessions.store import Session
from idp.web.request import session_hash


def supersede(tx: Transaction, portico: Provider, opened: Opened, account_id: UUID) -> None:
    """Nobody is signed in twice in one browser: what was open here makes way."""
    supersede_named(tx, portico, session_hash(), opened, account_id)


def supersede_named(
    tx: Transaction, portico: Provider, cookie: bytes | None, opened: Opened, account_id: UUID
) -> None:
    """Do the same for a session by the hash of its cookie, without Flask."""
    # Also one whose time is over: its apps have not been told yet.
    earlier = sessions.find_unended(tx, cookie) if cookie else None
    if earlier is not None:
        portico.ending.supersede(tx, earlier, opened, account_id, logout.reach(tx))


def raise_session(
    tx: Transaction, portico: Provider, session: Session, proof: Proof, method: str
) -> Opened | Refusal:
    """Put a session of two factors, under an id of its own, in the place of this browser's.

    One that was signed out while its factor was on the way stays signed out.
    """
    cookie = session_hash()
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    if cookie is None or sessions.present(tx, cookie, idle) is None:
        return Refusal(Reason.WRONG_CREDENTIALS)
    opened = portico.second_factor.raise_session(
        tx, session, proof.amr, method=method, acr=ACR_MFA, user_agent=user_agent()
    )
    if isinstance(opened, Opened):
        supersede(tx, portico, opened, session.account_id)
    return opened


def user_agent() -> str:
    """Give what the browser calls itself, as much as is kept of it."""
    return request.headers.get("User-Agent", "")[:255]
