"""Tickets: a page first fetches one and then asks, so that nothing happens blindly.

Each is bound to the origin that fetched it, lives two minutes and buys one operation.
"""

import os
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable

LIFETIME_SECONDS = 120
BYTES = 16
MOST_ALIVE = 128
"""More are only asked for by a page gone wild; the oldest go first."""


class Tickets:
    """The tickets that are good now. Safe with threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._alive: dict[str, tuple[str, float]] = {}

    def issue(self, origin: str) -> str:
        """Make a ticket for an origin: 128 random bits in base64url."""
        ticket = urlsafe_b64encode(os.urandom(BYTES)).decode("ascii").rstrip("=")
        with self._lock:
            self._forget_old()
            while len(self._alive) >= MOST_ALIVE:
                del self._alive[next(iter(self._alive))]
            self._alive[ticket] = (origin, self._clock() + LIFETIME_SECONDS)
        return ticket

    def is_good(self, ticket: str, origin: str) -> bool:
        """Tell whether a ticket is good for an origin; it stays so."""
        with self._lock:
            return self._belongs(ticket, origin)

    def take(self, ticket: str, origin: str) -> bool:
        """Use a ticket up; of any number of callers exactly one is told yes."""
        with self._lock:
            if not self._belongs(ticket, origin):
                return False
            del self._alive[ticket]
            return True

    def _belongs(self, ticket: str, origin: str) -> bool:
        holder, until = self._alive.get(ticket, ("", 0.0))
        return holder == origin and self._clock() < until

    def _forget_old(self) -> None:
        now = self._clock()
        for key in [key for key, (_, until) in self._alive.items() if until <= now]:
            del self._alive[key]
