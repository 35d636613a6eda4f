"""Whom their directory has disabled is signed out, also where no app refreshes its tokens."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from idp.audit.events.directories import WithdrawalsHeld
from idp.authenticators.directory.model import Standing
from idp.oidc import (
    logout,
    vouching,
    withdrawals,
)
from idp.oidc.vouching import Held, Voucher, Word
from idp.provider import Provider
from idp.worker.loop import Round
from idp.worker.origin import WORKER

_SILENT = {Standing.UNREACHABLE, Standing.MISCONFIGURED}

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Answers:
    """What one directory has said of its people in a round."""

    is_silent: bool = False
    standing: int = 0
    withdrawn: list[tuple[Held, Voucher]] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """Of how many it has said anything."""
        return self.standing + len(self.withdrawn)


def rounds(portico: Provider) -> list[Round]:
    """Ask as often as the most careful directory wants; nothing where there is none."""
    every = min((one.recheck_minutes for one in portico.config.directories), default=0)
    asking = Round("directories", timedelta(minutes=every), lambda: ask_of_those_signed_in(portico))
    return [asking] if every else []


def ask_of_those_signed_in(portico: Provider) -> int:
    """Ask the directories about everybody of theirs who is signed in; gives how many have to go.

    A directory that cannot be asked is left alone until the next round, and nobody goes for it;
    nor does anybody where it would put out too many at once.
    """
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    with portico.database.read() as tx:
        held = vouching.signed_in(tx, idle)
    answers = _ask(portico, held)
    return sum(_put_out(portico, directory, said) for directory, said in answers.items())


def _ask(portico: Provider, held: Sequence[Held]) -> dict[str, _Answers]:
    found = {one.id: _Answers() for one in portico.config.directories}
    for one in held:
        said = found.setdefault(one.directory, _Answers())
        if said.is_silent:
            continue
        voucher = vouching.ask(portico.directories, one.key)
        if voucher.word is Word.STANDS:
            said.standing += 1
        elif voucher.word is Word.WITHDRAWN:
            said.withdrawn.append((one, voucher))
        elif voucher.why in _SILENT:
            said.is_silent = True
    return found


def _put_out(portico: Provider, directory: str, said: _Answers) -> int:
    """End what stood on the word of a directory, of all whom it has withdrawn it for or of none."""
    if not _may_put_out(portico, directory, said):
        return 0
    for one, voucher in said.withdrawn:
        with portico.database.write(WORKER) as tx:
            told = logout.reach(tx)
            portico.oidc.parts.vouching.withdraw(tx, one.account_id, told, voucher.why)
    return len(said.withdrawn)


def _may_put_out(portico: Provider, directory: str, said: _Answers) -> bool:
    section = next((one for one in portico.config.directories if one.id == directory), None)
    if section is None or (said.is_silent and not said.withdrawn):
        return False  # what it was asked last stands, also that it puts out too many
    keys = [one.key for one, _ in said.withdrawn]
    with portico.database.write(WORKER) as tx:
        was_held = withdrawals.is_held(tx, directory)
        if not keys and not was_held:
            return True
        may = withdrawals.may_go(tx, section, keys, said.asked, by_round=not said.is_silent)
        if not may and not was_held:
            event = WithdrawalsHeld(directory=directory, waiting=len(keys), asked=said.asked)
            portico.trail.append(tx, event)
    if not may:
        told = {"kind": directory, "error": "withdrawals_held", "why": _reasons(said)}
        log.error("a directory puts out too many at once: nobody goes", extra=told)
    return may


def _reasons(said: _Answers) -> str:
    """Say of how many it says what: the same of all of them is hardly of them."""
    why = [voucher.why for _, voucher in said.withdrawn]
    counted = (f"{why.count(one)} {one}" for one in sorted(set(why)))
    return f"{', '.join(counted)}, of {said.asked} signed in"
