"""The trace that a running stack leaves: one at a time, and nobody clears away under it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """Another stack works with the same data."""

    def __init__(self, pid: str) -> None:
        super().__init__(
            f"`make run` is running here already, as process {pid}.\n  To stop it: kill {pid}"
        )


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold ``path``, with our process id in it, while the block runs.

    It is the lock that counts, and that the kernel gives back whatever happens: a file left
    over by a stack that was killed stops nobody. ``bin/clean`` asks for the same lock.

    Raises:
        AlreadyRunning: somebody else holds it.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(path.read_text().strip()) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
