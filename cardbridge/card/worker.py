"""The worker process: a few commands over a pipe, each answered once.

Nothing arrives here but what the front has checked, and still there is no command that signs
bytes: ``sign`` takes an origin, a nonce and a purpose.
"""

from __future__ import annotations

import base64
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from cardbridge.card.libraries import Libraries, Load
from cardbridge.card.module import CardFault, CardModule
from cardbridge.card.pipe import Ended, receive_message, receive_pin, send_message, wipe
from cardbridge.hardening import keep_memory_private
from cardbridge.outcomes import Code, Failed, Failure

if TYPE_CHECKING:
    from cardbridge.card.cards import Cards, Found


def main() -> None:
    """Serve the process that started this one, until it ends."""
    keep_memory_private()
    commands, answers = _take_the_pipes()
    serve(commands, answers, _load_pykcs11)


def serve(commands: IO[bytes], answers: IO[bytes], load: Load) -> None:
    """Answer commands until the pipe closes."""
    worker = Worker(load)
    while True:
        try:
            command = receive_message(commands)
            pin = receive_pin(commands) if command["do"] == "sign" else bytearray()
        except Ended:
            return
        try:
            send_message(answers, worker.answer(command, pin))
        finally:
            wipe(pin)


class Worker:
    """The cards that were shown last, and the commands on them."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._libraries = Libraries((), load)
        self._cards: Cards | None = None

    def answer(self, command: dict[str, Any], pin: bytearray) -> dict[str, Any]:
        """Do what a command says; whatever happens there is one answer."""
        try:
            return self._do(command, pin)
        except Failed as failed:
            return failed.failure.message()
        except CardFault:
            return Failure(Code.MODULE_ERROR).message()

    def _do(self, command: dict[str, Any], pin: bytearray) -> dict[str, Any]:
        match command["do"]:
            case "status":
                return asdict(self._fresh(command["modules"]).status())
            case "look":
                found = self._cards_of(command["modules"]).look(command["kinds"])
                return {"cards": [_described(one) for one in found]}
            case "prepare":
                return self._prepare()
            case "present" if self._cards is not None:
                return {"present": self._cards.is_there(command["card"])}
            case "sign" if self._cards is not None:
                return self._sign(self._cards, command, pin)
            case _:
                self._release()
                return {}

    @staticmethod
    def _prepare() -> dict[str, Any]:
        """Load what a look at certificates needs, before its time is counted."""
        import cardbridge.card.cards
        import cardbridge.card.pykcs11  # noqa: F401

        return {}

    def _fresh(self, modules: list[str]) -> Libraries:
        """Open the libraries anew: they remember cards that are gone and miss new ones."""
        self._release()
        self._libraries = Libraries([Path(one) for one in modules], self._load)
        return self._libraries

    def _cards_of(self, modules: list[str]) -> Cards:
        from cardbridge.card.cards import Cards  # an idle worker is small

        self._cards = Cards(self._fresh(modules))
        return self._cards

    def _release(self) -> None:
        self._libraries.close()
        self._cards = None

    def _sign(self, cards: Cards, command: dict[str, Any], pin: bytearray) -> dict[str, Any]:
        signature = cards.sign(
            command["card"],
            pin or None,
            origin=command["origin"],
            nonce=command["nonce"],
            purpose=command["purpose"],
        )
        return {"signature": base64.b64encode(signature).decode("ascii")}


def _described(found: Found) -> dict[str, Any]:
    return {
        "kind": found.credential.kind,
        "holder": found.credential.holder,
        "alg": found.credential.alg,
        "certificate": base64.b64encode(found.credential.der).decode("ascii"),
        "pin_pad": found.token.pin_pad,
        "last_try": found.token.last_try,
        "locked": found.token.locked,
        "shortest_pin": found.token.shortest_pin,
        "longest_pin": found.token.longest_pin,
    }


def _load_pykcs11(path: Path) -> CardModule:
    from cardbridge.card.pykcs11 import PyKCS11Module  # an idle worker is small

    return PyKCS11Module(path)


def _take_the_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Move the pipes away from where a card library prints its messages."""
    commands = os.fdopen(os.dup(0), "rb", buffering=0)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    sys.stdin = sys.stdout = sys.stderr = open(os.devnull, "r+", encoding="utf-8")  # noqa: SIM115, PTH123
    return commands, answers
