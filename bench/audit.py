"""What the audit log costs: durable appends a second, and rows verified a second.

``python -m bench.audit sqlite:////tmp/scratch.sqlite [postgresql+psycopg://...]``: each URL
names an empty database, which is migrated and filled. Appends are alone in their
transaction, as the token endpoint's is with the row it mints. The figure to compare with
stands beside it: as many transactions with one plain insert instead.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import insert

from idp.audit import checkpoint
from idp.audit.events.grants import TokenIssued
from idp.audit.store import Trail
from idp.clock import system_clock
from idp.database.columns import Table
from idp.database.transaction import Database, Origin, Transaction, open_database
from idp.oidc.client_authentication import UsedAssertion
from idp.secret import system_entropy
from migrations import runner

KEY = bytes(32)
SECONDS = 4.0
ROWS = 100_000
ROWS_A_TRANSACTION = 1_000
ORIGIN = Origin("203.0.113.7", "0123456789abcdef")
HAPPENED = TokenIssued(
    subject="s_8c1f40d2a9b7",
    client_id="casequery",
    grant_type="authorization_code",
    scope="openid profile",
    family="01932d3c-7f00-7000-8000-000000000000",
)


@dataclass(slots=True)
class Tally:
    """How many transactions each thread committed until the time was over."""

    until: float
    done: list[int] = field(default_factory=list)

    def repeat(self, database: Database, act: Callable[[Transaction], object]) -> None:
        """Commit one transaction after the other."""
        count = 0
        while time.perf_counter() < self.until:
            with database.write(ORIGIN) as tx:
                act(tx)
            count += 1
        self.done.append(count)


def rate(database: Database, threads: int, act: Callable[[Transaction], object]) -> float:
    """Measure how many transactions a second ``threads`` at once commit."""
    began = time.perf_counter()
    tally = Tally(began + SECONDS)
    running = [threading.Thread(target=tally.repeat, args=(database, act)) for _ in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    return sum(tally.done) / (time.perf_counter() - began)


def plain_insert(tx: Transaction) -> None:
    """Write a row that no chain holds."""
    row = {"jti_hash": os.urandom(32), "client_id": HAPPENED.client_id, "expires_at": tx.now}
    tx.execute(_PLAIN, row)


def fill(database: Database, trail: Trail) -> None:
    """Put ``ROWS`` rows on record, and a checkpoint over them."""
    for _ in range(ROWS // ROWS_A_TRANSACTION):
        with database.write(ORIGIN) as tx:
            for _ in range(ROWS_A_TRANSACTION):
                trail.append(tx, HAPPENED)
    with database.write(ORIGIN) as tx:
        checkpoint.write(tx, trail)


def measure(url: str) -> None:
    """Measure one database and print its lines."""
    database = open_database(url, system_clock, connections=18)
    with database.write() as tx:
        runner.upgrade(tx.connection, "idp", Table.metadata)
    trail = Trail(KEY, system_entropy)
    print(url.split(":", 1)[0])
    for threads in (1, 16):
        appends = rate(database, threads, lambda tx: trail.append(tx, HAPPENED))
        commits = rate(database, threads, plain_insert)
        print(f"  {threads:2} threads: {appends:6.0f} appends/s, {commits:6.0f} plain inserts/s")
    fill(database, trail)
    began = time.perf_counter()
    with database.read() as tx:
        verdict = checkpoint.verify(tx, KEY)
    seconds = time.perf_counter() - began
    print(f"  verified {verdict.rows} rows of {verdict.chains} chains, ", end="")
    print(f"ok={verdict.ok}: {verdict.rows / seconds:.0f} rows/s")
    database.dispose()


_PLAIN = insert(UsedAssertion)

if __name__ == "__main__":
    for each in sys.argv[1:]:
        measure(each)
