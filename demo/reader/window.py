"""The question that the bridge asks at the moment, between its dialog program and the page."""

import itertools
import json
import socket
import socketserver
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MOST_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Question:
    """What the person is asked, in the words of the bridge."""

    number: str
    kind: str
    """``getpin``, ``confirm`` or ``message``."""
    title: str
    text: str
    prompt: str
    error: str
    ok: str
    cancel: str
    other: str
    """A third button; empty: there is none."""


class Window:
    """One question at a time; the next one waits for nobody and takes the place."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._shown: tuple[Question, socket.socket] | None = None

    @property
    def question(self) -> Question | None:
        """What is asked now."""
        shown = self._shown
        return shown[0] if shown else None

    def open(self, told: dict[str, str], asker: socket.socket) -> Question:
        """Show a question."""
        with self._lock:
            question = Question(
                str(next(self._numbers)),
                told.get("kind", "message"),
                told.get("title", ""),
                told.get("text", ""),
                told.get("prompt", ""),
                told.get("error", ""),
                told.get("ok", "OK"),
                told.get("cancel", "Cancel"),
                told.get("other", ""),
            )
            self._shown = (question, asker)
        return question

    def answer(self, number: str, button: str, pin: str = "") -> bool:
        """Pass on what the person said; ``False``: that question is not asked any more."""
        with self._lock:
            if self._shown is None or self._shown[0].number != number:
                return False
            _, asker = self._shown
            self._shown = None
            with suppress(OSError):  # the bridge has taken it back this moment
                asker.sendall(json.dumps({"button": button, "pin": pin}).encode() + b"\n")
        return True

    def close(self, question: Question) -> None:
        """Take a question away that nobody has answered."""
        with self._lock:
            if self._shown is not None and self._shown[0] is question:
                self._shown = None


class _Asked(socketserver.StreamRequestHandler):
    """One dialog program; it is gone when its question is answered, or the bridge has ended it."""

    server: "Listener"

    def handle(self) -> None:
        """Show its question until it goes."""
        try:
            told = json.loads(self.rfile.readline(_MOST_BYTES))
        except ValueError:
            return
        question = self.server.window.open(told, self.connection)
        with suppress(OSError):
            self.rfile.read(1)
        self.server.window.close(question)


class Listener(socketserver.ThreadingUnixStreamServer):
    """Listens for dialog programs at a path of the file system."""

    daemon_threads = True

    def __init__(self, path: Path, window: Window) -> None:
        self.window = window
        path.unlink(missing_ok=True)  # of a stack that was killed
        super().__init__(str(path), _Asked)
