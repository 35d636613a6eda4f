"""Stopping an operation from outside: the person, the page or the card has gone away."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cardbridge.outcomes import Code


class Interruption:
    """At most one reason to stop, and the window to close when it comes. Safe with threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: Code | None = None
        self._close: Callable[[], None] | None = None

    @property
    def reason(self) -> Code | None:
        """Why to stop, or nothing."""
        return self._reason

    def stop(self, reason: Code) -> None:
        """Stop for a reason; the first one counts."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
                if self._close is not None:
                    self._close()

    @contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        """Have ``close`` called if the stop comes within, or has come already."""
        with self._lock:
            self._close = close
            if self._reason is not None:
                close()
        try:
            yield
        finally:
            with self._lock:
                self._close = None
