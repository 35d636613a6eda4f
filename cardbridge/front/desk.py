"""One operation at a time: there is one person, and one card to take turns with."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cardbridge.interruption import Interruption
from cardbridge.outcomes import Code


class Busy(Exception):
    """Somebody is being served."""


class Desk:
    """Where the one operation sits. Safe with threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._origin = ""
        self._running: Interruption | None = None

    @contextmanager
    def seat(self, origin: str) -> Iterator[Interruption]:
        """Serve one origin.

        Raises:
            Busy: if an operation runs already.
        """
        with self._lock:
            if self._running is not None:
                raise Busy
            self._origin, self._running = origin, Interruption()
            mine = self._running
        try:
            yield mine
        finally:
            with self._lock:
                self._origin, self._running = "", None

    @property
    def is_taken(self) -> bool:
        """Tell whether an operation runs."""
        with self._lock:
            return self._running is not None

    def cancel(self, origin: str) -> bool:
        """Stop the operation if it runs for this origin; tell whether it did."""
        with self._lock:
            running = self._running if self._origin == origin else None
        if running is None:
            return False
        running.stop(Code.CANCELLED)
        return True

    def clear(self) -> None:
        """Stop whatever runs: the bridge ends."""
        with self._lock:
            running = self._running
        if running is not None:
            running.stop(Code.CANCELLED)
