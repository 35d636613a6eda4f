"""Whom their directory has disabled is signed out, also where no app refreshes its tokens."""

from datetime import timedelta

from idp.authenticators.directory.model import Standing
from idp.oidc import (
    logout,
    vouching,
)
from idp.oidc.vouching import Word
from idp.provider import Provider
from idp.worker.loop import Round
from idp.worker.origin import WORKER


def rounds(portico: Provider) -> list[Round]:
    """Ask as often as the most careful directory wants; nothing where there is none."""
    every = min((one.recheck_minutes for one in portico.config.directories), default=0)
    asking = Round("directories", timedelta(minutes=every), lambda: ask_of_those_signed_in(portico))
    return [asking] if every else []


def ask_of_those_signed_in(portico: Provider) -> int:
    """Ask the directories about everybody of theirs who is signed in; gives how many have to go.

    A directory that cannot be asked is left alone until the next round, and nobody goes for it.
    """
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    with portico.database.read() as tx:
        held = vouching.signed_in(tx, idle)
    ended, silent = 0, set[str]()
    for one in held:
        directory = one.key.partition(":")[0]
        voucher = None if directory in silent else vouching.ask(portico.directories, one.key)
        if voucher is None or voucher.word is Word.STANDS:
            continue
        if voucher.word is Word.NOT_NOW:
            if voucher.why in {Standing.UNREACHABLE, Standing.MISCONFIGURED}:
                silent.add(directory)
            continue
        with portico.database.write(WORKER) as tx:
            told = logout.reach(tx)
            portico.oidc.parts.vouching.withdraw(tx, one.account_id, told, voucher.why)
        ended += 1
    return ended
