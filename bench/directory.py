"""What a judge's sign-in costs: asked of a real domain, with and without a controller that hangs.

``python -m bench.directory [--seconds 5] [--threads 5]``. A sign-in is a search and the groups on
a connection that is bound as the service account already, and a bind as the judge on a new one
over TLS. Sign-ins a second are of that many threads in one process; the hung controller stands
first in the list. On one machine Samba and the provider share the processors: the processor time
of ours says what is ours. Times are medians; goals stand beside them.
"""

import argparse
import logging
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.clock import system_clock
from tests.labs.proxy import proxy
from tests.labs.samba_ad import PASSWORD, Domain, domain

GOAL_MILLISECONDS, GOAL_A_SECOND = 40, 40
GOAL_TOLD_MILLISECONDS = 1
_JUDGES = ("wang.dm", "lee.ys@judicial.test", "COURT\\weird", "林法官", "zaozi")
_SINGLE = 40


def one_after_the_other(court: Directories) -> tuple[float, float]:
    """Sign judges in and give the median, in ms: of the clock, and of our processor time."""
    clock, processor = [], []
    for number in range(_SINGLE):
        began, busy = time.perf_counter(), time.process_time()
        sign_in(court, number)
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - busy)
    return statistics.median(clock) * 1000, statistics.median(processor) * 1000


def at_once(court: Directories, threads: int, seconds: float) -> tuple[float, float]:
    """Sign judges in with that many threads; give sign-ins a second, and the slowest in ms."""
    done = threading.Event()
    taken: list[float] = []

    def keep_on() -> None:
        while not done.is_set():
            began = time.perf_counter()
            sign_in(court, len(taken))
            taken.append(time.perf_counter() - began)

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(keep_on) for _ in range(threads)]
        time.sleep(seconds)
        done.set()
        for one in running:
            one.result()
    return len(taken) / seconds, max(taken) * 1000


def refused(court: Directories) -> float:
    """Ask a directory that is known to be down; give the median in ms of being told."""
    assert court.sign_in("wang.dm", PASSWORD) is Standing.UNREACHABLE
    taken = []
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(court.sign_in, "wang.dm", PASSWORD)  # the one who finds out
        time.sleep(0.05)
        for _ in range(20):
            began = time.perf_counter()
            assert court.sign_in("wang.dm", PASSWORD) is Standing.UNREACHABLE
            taken.append(time.perf_counter() - began)
        first.result()
    return statistics.median(taken) * 1000


def sign_in(court: Directories, number: int) -> None:
    """Sign somebody in."""
    found = court.sign_in(_JUDGES[number % len(_JUDGES)], PASSWORD)
    assert isinstance(found, DirectoryPerson), found


def measure(court: Domain, threads: int, seconds: float) -> None:
    """Print the figures."""
    with proxy(636, court.host) as silent:
        silent.swallows = True
        hung = f"127.0.0.1:{silent.port}"
        for name, hosts in (("one controller", [court.host]), ("one hangs", [hung, court.host])):
            section = court.section(hosts=hosts)
            asked = Directories([section], system_clock, at_once=threads)
            began = time.perf_counter()
            sign_in(asked, 0)
            first = (time.perf_counter() - began) * 1000
            clock, processor = one_after_the_other(asked)
            rate, slowest = at_once(asked, threads, seconds)
            print(f"{name}: the first sign-in takes {first:.0f} ms")
            print(
                f"  then {clock:.1f} ms each (goal {GOAL_MILLISECONDS}), {processor:.1f} of our CPU"
            )
            print(f"  {rate:.0f} a second by {threads} threads (goal {GOAL_A_SECOND})", end="")
            print(f", the slowest {slowest:.0f} ms")
        down = Directories([court.section(hosts=[hung])], system_clock, at_once=threads)
        told = f"{refused(down):.2f} ms (goal {GOAL_TOLD_MILLISECONDS})"
        print(f"all hang: who is not the one to find out is told in {told}")


def main() -> None:
    """Measure."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=5.0)
    asked.add_argument("--threads", type=int, default=5)
    words = asked.parse_args()
    logging.disable(logging.WARNING)  # who is silent is no news here
    with tempfile.TemporaryDirectory() as cache, domain(Path(cache)) as court:
        measure(court, words.threads, words.seconds)


if __name__ == "__main__":
    main()
