"""Whom of several servers to ask next, when some do not answer."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence


class Turns:
    """Remembers who did not answer, and lets one caller at a time find out whether he does again.

    A silent server costs whoever asks it the whole time-out. So it is left alone for a while;
    then one caller tries it, while the others go on past it. With all of them silent one caller
    at a time tries, and the others are refused at once. Thread-safe.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        down_seconds: float,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hosts = tuple(hosts)
        self._down_seconds = down_seconds
        self._stopwatch = stopwatch
        self._down: dict[str, float] = {}
        self._tried: set[str] = set()
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[str]:
        """Give hosts to ask, in their order. Say :meth:`answered` or :meth:`failed` of each.

        The next one is taken when its turn comes: those after a good one are not touched.
        """
        given: set[str] = set()
        for as_last_resort in (False, True):
            for host in self._hosts:
                if host not in given and self._take(host, as_last_resort=as_last_resort):
                    given.add(host)
                    try:
                        yield host
                    finally:
                        with self._lock:
                            self._tried.discard(host)

    def answered(self, host: str) -> None:
        """Take note that it is there."""
        with self._lock:
            self._down.pop(host, None)

    def failed(self, host: str) -> None:
        """Take note that it is not."""
        with self._lock:
            self._down[host] = self._stopwatch() + self._down_seconds

    def _take(self, host: str, *, as_last_resort: bool) -> bool:
        with self._lock:
            until = self._down.get(host)
            if until is None:
                return True
            if host in self._tried or (until > self._stopwatch() and not as_last_resort):
                return False
            self._tried.add(host)
            return True
