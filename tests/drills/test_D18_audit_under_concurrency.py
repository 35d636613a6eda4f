"""Many threads, many processes, one of them killed: no gap, no fork, nothing lost."""

import itertools
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Barrier

from sqlalchemy import text

from idp.audit import checkpoint
from idp.audit.events.sessions import SessionEnded
from idp.audit.store import Trail
from idp.database.transaction import Database, open_database
from idp.secret import Keychain, keychain, system_entropy
from tests.clock import MovableClock
from tests.conftest import ROOT_KEY

EACH = 100
THREADS = 8
WORKERS = 3
FIRST_REPORTS = 40
_PATIENCE_SECONDS = 60.0

_processes = multiprocessing.get_context("spawn")


def trail_of(keys: Keychain) -> Trail:
    return Trail(keys.key("audit"), system_entropy)


def write(database: Database, trail: Trail, who: str, times: int) -> None:
    for number in range(times):
        with database.write() as tx:
            trail.append(tx, SessionEnded(subject=who, session=str(number), why="logout"))


def work(url: str, everybody: Barrier) -> None:
    """Be a worker process that does its share and leaves."""
    database = open_database(url, MovableClock(), connections=2)
    everybody.wait(_PATIENCE_SECONDS)
    write(database, trail_of(keychain(ROOT_KEY)), "s_worker", EACH)


def work_until_killed(url: str, boss: Connection) -> None:
    """Be a worker process that reports each commit, and never ends by itself."""
    database = open_database(url, MovableClock(), connections=2)
    trail = trail_of(keychain(ROOT_KEY))
    for number in itertools.count(1):
        write(database, trail, "s_victim", 1)
        boss.send(number)


def stop_half_way(url: str, boss: Connection) -> None:
    """Be a worker process that has written a row and does not come to commit it."""
    database = open_database(url, MovableClock(), connections=2)
    trail = trail_of(keychain(ROOT_KEY))
    write(database, trail, "s_victim", EACH)
    boss.send(EACH)
    with database.write() as tx:
        trail.append(tx, SessionEnded(subject="s_victim", session="half", why="logout"))
        boss.send(EACH)
        boss.recv()


@contextmanager
def crowd(database: Database, keys: Keychain, url: str) -> Iterator[None]:
    """Let threads and processes write, and two workers tie the chains, all at once."""
    trail = trail_of(keys)
    threads = [
        threading.Thread(target=write, args=(database, trail, "s_thread", EACH))
        for _ in range(THREADS)
    ]
    threads += [threading.Thread(target=tie, args=(database, keys, 5)) for _ in range(2)]
    everybody = _processes.Barrier(WORKERS + 1)
    workers = [process(work, url, everybody) for _ in range(WORKERS)]
    everybody.wait(_PATIENCE_SECONDS)
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join(_PATIENCE_SECONDS)
        for worker in workers:
            worker.join(_PATIENCE_SECONDS)
    assert [worker.exitcode for worker in workers] == [0] * WORKERS


def process(target: Callable[..., None], *args: object) -> SpawnProcess:
    """Start a process that does not outlive the test run."""
    started = _processes.Process(target=target, args=args, daemon=True)
    started.start()
    return started


def tie(database: Database, keys: Keychain, times: int) -> None:
    trail = trail_of(keys)
    for _ in range(times):
        with database.write() as tx:
            checkpoint.write(tx, trail)


def kill(victim: SpawnProcess) -> None:
    """End it as a power cut would."""
    victim.kill()
    victim.join(_PATIENCE_SECONDS)
    assert victim.exitcode == -signal.SIGKILL


def hear(reports: Connection) -> int:
    assert reports.poll(_PATIENCE_SECONDS), "no report from the worker"
    number: int = reports.recv()
    return number


def last_heard(reports: Connection) -> int:
    """Read what a killed worker had still said."""
    number = 0
    try:
        while True:
            number = hear(reports)
    except EOFError:
        return number


def count(database: Database, question: str) -> int:
    with database.read() as tx:
        return int(tx.scalar(text(question)) or 0)


GAPS = """SELECT count(*) FROM (SELECT chain_id FROM audit_rows GROUP BY chain_id
          HAVING min(seq) <> 1 OR max(seq) <> count(*)) AS broken"""
CHAINS_OF_THREADS = "SELECT count(DISTINCT chain_id) FROM audit_rows WHERE subject = 's_thread'"
FORKS = "SELECT count(*) - count(DISTINCT prev_hash) FROM audit_rows"


def rows_of(database: Database, who: str) -> int:
    return count(database, f"SELECT count(*) FROM audit_rows WHERE subject = '{who}'")  # noqa: S608


def assert_whole(database: Database, keys: Keychain) -> None:
    with database.write() as tx:
        anchor = checkpoint.write(tx, trail_of(keys))
    with database.read() as tx:
        verdict = checkpoint.verify(tx, keys.key("audit"), anchor=anchor)
    assert verdict.problem == ""
    assert verdict.checkpoints >= 11
    assert verdict.since_checkpoint == 1  # the last checkpoint itself: the anchor holds it
    assert count(database, GAPS) == 0
    assert count(database, FORKS) == 0
    assert count(database, CHAINS_OF_THREADS) == THREADS
    assert rows_of(database, "s_thread") == THREADS * EACH
    assert rows_of(database, "s_worker") == WORKERS * EACH


def test_D18_a_worker_killed_at_work_leaves_a_whole_log(
    database: Database, database_url: str, keys: Keychain
) -> None:
    reports, boss = _processes.Pipe(duplex=False)
    victim = process(work_until_killed, database_url, boss)
    boss.close()
    hear(reports)

    with crowd(database, keys, database_url):
        while (told := hear(reports)) < FIRST_REPORTS:
            pass
        kill(victim)

    told = max(told, last_heard(reports))
    assert_whole(database, keys)
    assert rows_of(database, "s_victim") in {told, told + 1}  # killed between commit and report


def test_D18_a_worker_killed_inside_a_transaction_leaves_no_half_row(
    database: Database, database_url: str, keys: Keychain
) -> None:
    ours, theirs = _processes.Pipe()
    victim = process(stop_half_way, database_url, theirs)
    hear(ours)

    with crowd(database, keys, database_url):
        hear(ours)
        kill(victim)

    assert_whole(database, keys)
    assert rows_of(database, "s_victim") == EACH
