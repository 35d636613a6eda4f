"""How often a site may open a dialog: a person clicks the fiftieth one away without reading."""

import threading
import time
from collections import deque
from collections.abc import Callable

MINUTE_SECONDS = 60.0


class Gate:
    """Counts the dialogs of each site over the last minute. Safe with threads."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._opened: dict[str, deque[float]] = {}

    def is_open(self, origin: str) -> bool:
        """Tell whether a site may open one more dialog now."""
        with self._lock:
            return len(self._recent(origin)) < self._most

    def count(self, origin: str) -> None:
        """Count a dialog that opens."""
        with self._lock:
            self._recent(origin).append(self._clock())

    def _recent(self, origin: str) -> deque[float]:
        opened = self._opened.setdefault(origin, deque(maxlen=self._most))
        while opened and opened[0] <= self._clock() - MINUTE_SECONDS:
            opened.popleft()
        return opened
