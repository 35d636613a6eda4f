"""The question to a directory before tokens are given: asked with no transaction open (P04)."""

import logging
from dataclasses import replace
from datetime import timedelta

from idp.audit.events.directories import WithdrawalsHeld
from idp.database.transaction import Origin
from idp.oidc import logout, vouching, withdrawals
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.errors import AccessDenied, OAuthError, TemporarilyUnavailable
from idp.oidc.grants import vouched
from idp.oidc.response import gives_tokens
from idp.oidc.vouching import Voucher, Word
from idp.provider import Provider
from idp.sessions.store import Session

log = logging.getLogger(__name__)


def ask(portico: Provider, key: str, origin: Origin) -> Voucher:
    """Ask a directory whether it still vouches for somebody.

    Its no is ``NOT_NOW`` where it says no of too many: nothing is given, and nothing ends.
    """
    voucher = vouching.ask(portico.directories, key)
    if voucher.word is not Word.WITHDRAWN or _may_go(portico, key, origin):
        return voucher
    return replace(voucher, word=Word.NOT_NOW)


def is_due(portico: Provider, asked: AuthorizationRequest, session: Session) -> bool:
    """Tell whether an answer carries tokens itself, and what they would stand on is not new."""
    if not (portico.config.directories and gives_tokens(asked.response_type)):
        return False
    return portico.database.clock() - session.authenticated_at > vouched.JUST_ASKED


def refusal_of_tokens(
    portico: Provider, asked: AuthorizationRequest, session: Session, origin: Origin
) -> OAuthError | None:
    """Ask before an answer that carries tokens itself, as before a code is redeemed.

    What the directory has withdrawn its word for is ended. ``None``: the answer may go out.
    """
    if not is_due(portico, asked, session):
        return None
    with portico.database.read() as tx:
        key = vouching.find_key(tx, session.account_id)
    voucher = ask(portico, key, origin) if key else None
    if voucher is None or voucher.word is Word.STANDS:
        return None
    if voucher.word is Word.NOT_NOW:
        return TemporarilyUnavailable("the directory cannot be asked")
    with portico.database.write(origin) as tx:
        parts = portico.oidc.parts
        parts.vouching.withdraw(tx, session.account_id, logout.reach(tx), voucher.why)
    return AccessDenied("the account is no longer served")


def _may_go(portico: Provider, key: str, origin: Origin) -> bool:
    directory = vouching.directory_of(key)
    section = next((one for one in portico.config.directories if one.id == directory), None)
    if section is None:
        return False
    with portico.database.read() as tx:
        if withdrawals.is_held(tx, directory):  # then all its people are refused, again and again
            return False
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    with portico.database.write(origin) as tx:
        asked = sum(one.directory == directory for one in vouching.signed_in(tx, idle))
        was_held = withdrawals.is_held(tx, directory)
        may = withdrawals.may_go(tx, section, [key], asked)
        if not may and not was_held:
            portico.trail.append(tx, WithdrawalsHeld(directory=directory, waiting=1, asked=asked))
    if not may and not was_held:
        told = {"kind": directory, "error": "withdrawals_held", "why": f"of {asked} signed in"}
        log.error("a directory puts out too many at once: nobody goes", extra=told)
    return may
