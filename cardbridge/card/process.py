"""The front's side of the card worker: started when needed, killed when it takes too long.

A card library may hang for ever or take its process down. Neither reaches the front: it waits
with a deadline, kills, and starts another worker for the next operation.
"""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardbridge.card.pipe import (
    Ended,
    Garbled,
    receive_message,
    send_message,
    send_pin,
)
from cardbridge.outcomes import Code, Failed, Failure
from cardbridge.programs import environment, own_program

IDLE_SECONDS = 60.0
"""After this long without a command a worker ends; the next starts in a tenth of a second."""
GLANCE_SECONDS = 2.0
START_SECONDS = 20.0
"""How long a worker may take to start. A busy computer is no fault of the card either."""
PIN_PAD_SECONDS = 90.0
"""How long a person may take at the reader's pad. It is no fault of the card."""


class Late(Exception):
    """The worker did not answer in time, and was killed."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card that can sign somebody in, as the dialog shows it."""

    number: int
    kind: str
    holder: str
    alg: str
    certificate: str
    """DER in base64."""
    pin_pad: bool
    last_try: bool
    locked: bool
    shortest_pin: int
    longest_pin: int


class CardProcess:
    """The card worker. One command at a time; safe with threads."""

    def __init__(
        self, seconds: float, argv: Sequence[str] | None = None, idle: float = IDLE_SECONDS
    ) -> None:
        self._seconds = seconds
        self._argv = argv or own_program("worker")
        self._idle = idle
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._retirement: threading.Timer | None = None

    @property
    def pid(self) -> int | None:
        """The worker's process, if one runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def status(self, modules: Sequence[Path]) -> dict[str, Any]:
        """Ask for readers and cards."""
        return self._call({"do": "status", "modules": [str(one) for one in modules]})

    def has_no_card(self, modules: Sequence[Path]) -> bool:
        """Tell whether it is plain that there is no card; one that hangs is there."""
        command = {"do": "status", "modules": [str(one) for one in modules]}
        try:
            return bool(self._call(command, seconds=GLANCE_SECONDS)["card"] == "absent")
        except Failed:
            return False

    def look(self, modules: Sequence[Path], kinds: Sequence[str]) -> list[Card]:
        """Find the cards of some kinds.

        Raises:
            Failed: if there is none.
        """
        self._call({"do": "prepare"}, seconds=START_SECONDS)
        paths = [str(one) for one in modules]
        answer = self._call({"do": "look", "modules": paths, "kinds": list(kinds)})
        return [Card(number, **one) for number, one in enumerate(answer["cards"])]

    def is_there(self, card: Card) -> bool:
        """Tell whether a card is still in its reader.

        Raises:
            Failed: if the worker that found it is no more.
        """
        return bool(_told(self._call({"do": "present", "card": card.number}), "present"))

    def sign(self, card: Card, pin: bytearray, *, origin: str, nonce: str, purpose: str) -> bytes:
        """Have a card sign one sign-in. An empty PIN has the reader's pad ask for it.

        Raises:
            Failed: if it does not come to that.
        """
        command = {
            "do": "sign",
            "card": card.number,
            "origin": origin,
            "nonce": nonce,
            "purpose": purpose,
        }
        seconds = self._seconds + (PIN_PAD_SECONDS if card.pin_pad else 0.0)
        return base64.b64decode(_told(self._call(command, pin, seconds), "signature"))

    def release(self) -> None:
        """Have the worker close the card libraries."""
        with self._lock:
            if self.pid is not None:
                self._call({"do": "release"})

    def abandon(self) -> None:
        """Kill the worker under a command that will not come back; the command then fails."""
        process = self._process
        if process is not None:
            process.kill()

    def end(self) -> None:
        """End the worker."""
        with self._lock:
            process, self._process = self._process, None
            if self._retirement is not None:
                self._retirement.cancel()
        if process is not None:
            _put_down(process)

    def _call(
        self, command: dict[str, Any], pin: bytearray | None = None, seconds: float = 0.0
    ) -> dict[str, Any]:
        with self._lock:
            if self._retirement is not None:
                self._retirement.cancel()
            process = self._running()
            try:
                with _deadline(process, seconds or self._seconds):
                    answer = _exchange(process, command, pin)
            except Late:
                raise self._lost(process, Code.TIMEOUT) from None
            except (Ended, Garbled, ValueError):
                raise self._lost(process, Code.MODULE_ERROR) from None
            finally:
                self._retire_later()
        if "error" in answer:
            raise Failed(Failure(Code(answer["error"]), answer["tries_left"]))
        return answer

    def _lost(self, process: "subprocess.Popen[bytes]", code: Code) -> Failed:
        self._process = None
        _put_down(process)
        return Failed(Failure(code))

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and self._process.poll() is not None:
            _put_down(self._process)
            self._process = None
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603  # fixed arguments
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd=os.path.abspath(os.sep),  # noqa: PTH100
                env=environment(),
            )
            self._await_start(self._process)
        return self._process

    def _await_start(self, process: "subprocess.Popen[bytes]") -> None:
        try:
            with _deadline(process, START_SECONDS):
                _exchange(process, {"do": "start"}, None)
        except (Late, Ended, Garbled, ValueError):
            raise self._lost(process, Code.MODULE_ERROR) from None

    def _retire_later(self) -> None:
        self._retirement = threading.Timer(self._idle, self.end)
        self._retirement.daemon = True
        self._retirement.start()


def _told(answer: dict[str, Any], name: str) -> Any:
    """Take a member of an answer; a worker that was just started knows of no card."""
    if name not in answer:
        raise Failed(Failure(Code.MODULE_ERROR))
    return answer[name]


def _exchange(
    process: "subprocess.Popen[bytes]", command: dict[str, Any], pin: bytearray | None
) -> dict[str, Any]:
    commands, answers = process.stdin, process.stdout
    if commands is None or answers is None:
        raise Ended
    send_message(commands, command)
    if pin is not None:
        send_pin(commands, pin)
    return receive_message(answers)


@contextmanager
def _deadline(process: "subprocess.Popen[bytes]", seconds: float) -> Iterator[None]:
    """Kill a process that has not answered in time; its pipe then ends the waiting.

    Raises:
        Late: if that happened.
    """
    late = threading.Event()

    def kill() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (Ended, Garbled):
        if late.is_set():
            raise Late from None
        raise
    finally:
        timer.cancel()


def _put_down(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.wait()
