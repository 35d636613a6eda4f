"""How near signing in with a password comes to Argon2id alone, under the same load.

The server's processes are held on one processor; the load, and with it PostgreSQL, on another.
In turns there are sign-ins, and comparisons of a password by a program that does nothing else, on
the server's processor, while the other is kept as busy as it was by the sign-ins: alone on an idle
machine Argon2 is faster than anybody who has a neighbour.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from argon2 import PasswordHasher

from bench.load import Figures, User, measure
from idp import memory
from idp.config import PasswordSection
from tests.people import PASSWORD

COST = PasswordSection()
_BEAT_SECONDS = 0.01
_PROCESSORS = sorted(os.sched_getaffinity(0))


@dataclass
class Share:
    """Slices of both, one after the other."""

    sign_ins: list[Figures] = field(default_factory=list)
    comparisons: list[Figures] = field(default_factory=list)

    def of(self, figure: Callable[[Figures], float]) -> tuple[float, float]:
        """Give the medians of a figure: of the sign-ins, and of the comparisons."""
        sides = (self.sign_ins, self.comparisons)
        signing, comparing = (statistics.median(map(figure, side)) for side in sides)
        return signing, comparing

    def __str__(self) -> str:
        """Say it in two lines."""
        per_second, cpu_ms = self.of(lambda one: one.per_second), self.of(lambda one: one.cpu_ms)
        return (
            f"{per_second[0]:.1f} sign-ins to {per_second[1]:.1f} comparisons a second: "
            f"{per_second[0] / per_second[1]:.0%}\n"
            f"{cpu_ms[1]:.1f} of {cpu_ms[0]:.1f} ms CPU are Argon2: {cpu_ms[1] / cpu_ms[0]:.0%}"
        )


@contextmanager
def on_the_processor(number: int) -> Generator[None]:
    """Start processes on one processor alone; where there is but one, on that."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {_PROCESSORS[number % len(_PROCESSORS)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def compare(users: list[User], seconds: float, slices: int, cpu: Callable[[], float]) -> Share:
    """Let both take turns; called on the load's processor, the server is on the first."""
    found = Share()
    for _ in range(slices):
        began, before = time.monotonic(), time.process_time()
        found.sign_ins.append(measure(users, User.sign_in_anew, seconds, cpu))
        busy = (time.process_time() - before) / (time.monotonic() - began)
        found.comparisons.append(_comparisons(len(users), seconds, busy))
    return found


def _comparisons(threads: int, seconds: float, busy: float) -> Figures:
    """Have a program of its own compare, and be a neighbour who is as busy as the load was."""
    words = [sys.executable, "-m", "bench.share", str(threads), str(seconds)]
    with on_the_processor(0):
        program = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    while program.poll() is None:
        until = time.monotonic() + _BEAT_SECONDS * busy
        while time.monotonic() < until:
            pass
        time.sleep(_BEAT_SECONDS * (1 - min(busy, 1)))
    said, _ = program.communicate()
    return Figures(**json.loads(said))


def main() -> None:
    """Compare a password with its hash as often as so many threads can in so many seconds."""
    threads, seconds = int(sys.argv[1]), float(sys.argv[2])
    memory.keep_together()  # as the server does
    hasher = PasswordHasher(COST.time_cost, COST.memory_kib, COST.parallelism)
    phc_hash, until = hasher.hash(PASSWORD), time.monotonic() + seconds
    at_once = threading.BoundedSemaphore(os.cpu_count() or 1)  # as the server does
    laps: list[float] = []

    def toil() -> None:
        while time.monotonic() < until:
            began = time.perf_counter()
            with at_once:
                hasher.verify(phc_hash, PASSWORD)
            laps.append(time.perf_counter() - began)

    toilers = [threading.Thread(target=toil) for _ in range(threads)]
    began, before = time.perf_counter(), time.process_time()
    for one in toilers:
        one.start()
    for one in toilers:
        one.join()
    took, spent = time.perf_counter() - began, time.process_time() - before
    p95 = sorted(laps)[int(len(laps) * 0.95)]
    print(
        json.dumps(
            {
                "per_second": len(laps) / took,
                "p95_ms": p95 * 1000,
                "cpu_ms": spent / len(laps) * 1000,
            }
        )
    )


if __name__ == "__main__":
    main()
