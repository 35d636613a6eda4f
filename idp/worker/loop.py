"""Rounds, and the loop that runs each when it is due."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from idp.clock import Clock

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Round:
    """Something to do every so often."""

    name: str
    every: timedelta
    work: Callable[[], int]
    """Does it and says how much there was to do."""
    batch: int | None = None
    """Having done this much, there may be more: it is due again at once."""
    due_at: datetime | None = None


@dataclass(slots=True)
class Loop:
    """Runs rounds when they are due. A round that fails is logged and comes again.

    Each has a thread of its own: a mail server that hangs delays no sign-out.
    """

    rounds: list[Round]
    clock: Clock
    stopping: threading.Event = field(default_factory=threading.Event)
    beat: datetime | None = None

    def run(self) -> None:
        """Run until :attr:`stopping` is set; looks for due rounds every second at least."""
        threads = [
            threading.Thread(target=self._repeat, args=[one], name=f"round-{one.name}")
            for one in self.rounds
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def run_due(self) -> None:
        """Run every round that is due now, one after the other, until none is."""
        for one in self.rounds:
            while self._is_due(one):
                self._run(one)

    def _repeat(self, one: Round) -> None:
        while not self.stopping.is_set():
            if self._is_due(one):
                self._run(one)
            else:
                self.stopping.wait(0.5)

    def _is_due(self, one: Round) -> bool:
        self.beat = self.clock()
        return one.due_at is None or one.due_at <= self.beat

    def _run(self, one: Round) -> None:
        began, done = self.clock(), 0
        try:
            done = one.work()
        except Exception:
            log.exception("round failed", extra={"round": one.name})
        more = one.batch is not None and done >= one.batch
        one.due_at = began if more else began + one.every
