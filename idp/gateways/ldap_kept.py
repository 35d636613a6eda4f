"""Conversations that are bound as the service account, between two questions.

A look-up on one of them costs neither a handshake nor a bind. Who comes to sign in never gets one:
a password is tried on a connection of its own (:meth:`idp.gateways.ldap.Ldap.bind`).
"""

import os
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from idp.gateways.ldap_wire import Conversation

LONGEST_SECONDS = 60.0
"""How old one may be: until then a directory may go by what the account was when it bound."""
IDLE_SECONDS = 20.0
"""How long one may wait; what stands between may forget it without a word."""


@dataclass(slots=True)
class Held:
    """A conversation in one thread's hands."""

    conversation: Conversation
    host: str
    password: bytes = field(repr=False)
    """What it was bound with."""
    began: float
    process: int
    rested: float = 0.0


class Kept:
    """Holds at most so many of them; each is with one thread, or here. Thread-safe, no locks.

    A process that was forked from this one begins with none.
    """

    def __init__(self, most: int, stopwatch: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._stopwatch = stopwatch
        self._resting: deque[Held] = deque()  # the one that rests longest stands on the left
        weakref.finalize(self, _close_all, self._resting)

    def hold(self, conversation: Conversation, host: str, password: bytes) -> Held:
        """Begin to hold one that has just been bound."""
        return Held(conversation, host, password, self._stopwatch(), os.getpid())

    def take(self, password: bytes) -> Held | None:
        """Take one, if there is any that was bound with what the password is now."""
        while (held := _popped(self._resting.pop)) is not None:
            if self._is_good(held) and held.password == password:
                return held
            _close(held)
        return None

    def give_back(self, held: Held) -> None:
        """Let it rest: its last question was answered to the end."""
        held.rested = self._stopwatch()
        self._sweep()
        if self._is_good(held) and len(self._resting) < self._most:
            self._resting.append(held)
        else:
            _close(held)

    def forget(self, host: str) -> None:
        """Close what rests of a controller that has failed."""
        for _ in range(len(self._resting)):
            if (held := _popped(self._resting.popleft)) is None:
                return
            if held.host == host:
                _close(held)
            else:
                self._resting.append(held)

    def _sweep(self) -> None:
        """Close those on the left that nobody may take any more."""
        while (held := _popped(self._resting.popleft)) is not None:
            if self._is_good(held):
                self._resting.appendleft(held)
                return
            _close(held)

    def _is_good(self, held: Held) -> bool:
        now = self._stopwatch()
        return (
            now - held.began < LONGEST_SECONDS
            and now - held.rested < IDLE_SECONDS
            and held.process == os.getpid()
        )


def _popped(pop: Callable[[], Held]) -> Held | None:
    """Take one before another thread does."""
    try:
        return pop()
    except IndexError:
        return None


def _close_all(resting: deque[Held]) -> None:
    while resting:
        _close(resting.pop())


def _close(held: Held) -> None:
    if held.process == os.getpid():
        held.conversation.close()
    else:
        held.conversation.abandon()
