"""The question to a directory before tokens are given: asked with no transaction open (P04)."""

import logging
from dataclasses import replace
from datetime import timedelta

from idp.audit.events import WithdrawalsHeld
from idp.database.transaction import Origin
from idp.oidc import vouching, withdrawals
from idp.oidc.vouching import Voucher, Word
from idp.provider import Provider

log = logging.getLogger(__name__)


def ask(portico: Provider, key: str, origin: Origin) -> Voucher:
    """Ask a directory whether it still vouches for somebody.

    Its no is ``NOT_NOW`` where it says no of too many: nothing is given, and nothing ends.
    """
    voucher = vouching.ask(portico.directories, key)
    if voucher.word is not Word.WITHDRAWN or _may_go(portico, key, origin):
        return voucher
    return replace(voucher, word=Word.NOT_NOW)


def _may_go(portico: Provider, key: str, origin: Origin) -> bool:
    directory = vouching.directory_of(key)
    section = next((one for one in portico.config.directories if one.id == directory), None)
    if section is None:
        return False
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    with portico.database.write(origin) as tx:
        asked = sum(one.directory == directory for one in vouching.signed_in(tx, idle))
        was_held = any(one.directory == directory for one in withdrawals.held(tx))
        may = withdrawals.may_go(tx, section, [key], asked)
        if not may and not was_held:
            portico.trail.append(tx, WithdrawalsHeld(directory=directory, waiting=1, asked=asked))
    if not may and not was_held:
        told = {"kind": directory, "error": "withdrawals_held", "why": f"of {asked} signed in"}
        log.error("a directory puts out too many at once: nobody goes", extra=told)
    return may
