"""Waiting that a signal ends: Ctrl-C, a polite kill, or the death of a child."""

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Self

_ASK_TO_STOP = frozenset({signal.SIGINT, signal.SIGTERM})


class Signals:
    """While open, signals interrupt :meth:`wait` and nothing else.

    No handler raises into the middle of somebody's work: a child that has just been
    started is always known to the one who has to stop it.
    """

    def __init__(self) -> None:
        self.stop_asked = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def __enter__(self) -> Self:
        self._former = {
            number: signal.signal(number, _wake_only) for number in (*_ASK_TO_STOP, signal.SIGCHLD)
        }
        self._former_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(self._former_fd)
        for number, handler in self._former.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float | None) -> None:
        """Sleep until a signal comes or the time is over; ``None`` waits for a signal alone."""
        if select.select([self._read], [], [], seconds)[0]:
            numbers = os.read(self._read, 4096)
            self.stop_asked |= not _ASK_TO_STOP.isdisjoint(numbers)


def _wake_only(number: int, frame: FrameType | None) -> None:
    """Do nothing: that a handler exists makes the interpreter write to the wake-up pipe."""
