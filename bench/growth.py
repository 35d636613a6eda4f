"""``make bench BENCH=growth``: what a large, old database costs, beside a fresh one.

Two providers on one cluster, one database furnished as new, the other filled with millions of
expired codes and tokens and as many accounts as a country has litigants. Each work of
``bench.flows`` is measured on both in turn. Then the worker's sweeper runs until nothing is
left to sweep, while the works go on, and says how long it took and what the tables weigh.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import create_engine, text

from bench.filling import Filling, fill
from bench.flows import WORKS, furnished, processor_seconds
from bench.load import Figures, User, measure
from idp import assembly, worker
from idp.clock import system_clock
from idp.config import Config
from idp.database.sweeping import BATCH
from idp.database.transaction import open_database
from idp.secret import keychain
from tests.conftest import ROOT_KEY
from tests.labs import plans, postgres
from tests.races.harness import Running, running

_SIZES = """SELECT c.relname, greatest(c.reltuples, 0)::bigint,
    pg_total_relation_size(c.oid) / 1048576
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname = 'public' AND pg_total_relation_size(c.oid) > 4194304
    ORDER BY 3 DESC"""

_LARGE = "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > 10000"


@dataclass(frozen=True, slots=True)
class Side:
    """A provider, and users who are signed in to it."""

    name: str
    provider: Running
    users: list[User]

    def measure(self, work: str, seconds: float) -> Figures:
        """Let the users do one work."""
        for user in self.users:
            user.rest()
        return measure(self.users, WORKS[work], seconds, lambda: processor_seconds(self.provider))


def main() -> None:
    """Fill, measure, sweep, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=1_000_000, help="expired codes and tokens")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each work and round")
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres.cluster(durable=True) as cluster:
        _settle(cluster)
        with _sides(Path(folder), cluster, given.users) as (fresh, old):
            amount = Filling(given.tokens, given.accounts)
            began = time.monotonic()
            fill(_direct(cluster, "old"), amount)
            print(f"filled in {time.monotonic() - began:.0f} s")
            _print_sizes(cluster, "before the sweep")
            _print_ratios(fresh, old, given.rounds, given.seconds)
            _print_plans(cluster)
            _sweep(cluster, old, given.seconds)


def _settle(cluster: postgres.Cluster) -> None:
    """Filling writes as much at once as years do: no checkpoint every few seconds for it."""
    with psycopg.connect(_direct(cluster, "postgres"), autocommit=True) as administrator:
        for setting in ("max_wal_size = '16GB'", "maintenance_work_mem = '1GB'"):
            administrator.execute(f"ALTER SYSTEM SET {setting}".encode())
        administrator.execute("SELECT pg_reload_conf()")


def _direct(cluster: postgres.Cluster, name: str) -> str:
    return cluster.url(name).replace("+psycopg", "")


@contextmanager
def _sides(folder: Path, cluster: postgres.Cluster, users: int) -> Iterator[tuple[Side, Side]]:
    places = [folder / name for name in ("fresh", "old")]
    for place in places:
        place.mkdir()
    urls = [cluster.create(place.name) for place in places]
    with (
        running(places[0], urls[0], workers=1, threads=8) as one,
        running(places[1], urls[1], workers=1, threads=8) as other,
    ):
        yield (
            Side("fresh", one, furnished(one, users)),
            Side("old", other, furnished(other, users)),
        )


def _print_ratios(fresh: Side, old: Side, rounds: int, seconds: float) -> None:
    """Measure each work on both, in turn: a machine that grows slower favours neither."""
    print(f"{'work':20}{'p95 fresh':>10}{'p95 old':>10}{'ratio':>8}{'CPU fresh':>11}{'ratio':>8}")
    for work in WORKS:
        found: dict[str, list[Figures]] = {"fresh": [], "old": []}
        for number in range(rounds):
            for side in (fresh, old) if number % 2 else (old, fresh):
                found[side.name].append(side.measure(work, seconds))
        p95 = {name: statistics.median(one.p95_ms for one in all_) for name, all_ in found.items()}
        cpu = {name: statistics.median(one.cpu_ms for one in all_) for name, all_ in found.items()}
        print(
            f"{work:20}{p95['fresh']:10.1f}{p95['old']:10.1f}{p95['old'] / p95['fresh']:8.2f}"
            f"{cpu['fresh']:11.2f}{cpu['old'] / cpu['fresh']:8.2f}",
            flush=True,
        )


def _sweep(cluster: postgres.Cluster, old: Side, seconds: float) -> None:
    """Sweep as the worker does, and ask meanwhile what the sweep costs who asks."""
    before = old.measure("flow", seconds)
    database = open_database(cluster.url("old"), system_clock, connections=4)
    portico = assembly.assemble(Config(), database, keychain(ROOT_KEY))
    began, rounds, swept, beside = time.monotonic(), 0, BATCH, list[Figures]()
    meanwhile = threading.Thread(target=lambda: beside.append(old.measure("flow", 20.0)))
    meanwhile.start()
    while swept >= BATCH:
        started = time.monotonic()
        swept = worker.sweep(portico)
        rounds += 1
        if rounds % 100 == 1:
            print(f"  round {rounds}: {time.monotonic() - started:.2f} s", flush=True)
    took = time.monotonic() - began
    meanwhile.join()
    print(f"swept in {took:.0f} s, {rounds} rounds of up to {BATCH} rows a table")
    print(
        f"p95 of a flow: {before.p95_ms:.1f} ms before, {beside[0].p95_ms:.1f} ms during, ", end=""
    )
    print(f"{old.measure('flow', seconds).p95_ms:.1f} ms after")
    _print_sizes(cluster, "after the sweep")
    began = time.monotonic()
    worker.sweep(portico)
    print(f"a round with nothing to sweep: {(time.monotonic() - began) * 1000:.0f} ms")
    database.dispose()


def _print_plans(cluster: postgres.Cluster) -> None:
    """Name what would be read from end to end, of the tables that have grown."""
    engine = create_engine(cluster.url("old"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        large = set(connection.execute(text(_LARGE)).scalars())
        looked_at = list(plans.statements())
        for found in looked_at:
            whole = plans.whole_tables(connection, found) & large
            if whole:
                print(f"  reads all of {', '.join(sorted(whole))}: {found.name}")
    engine.dispose()
    print(f"{len(looked_at)} statements looked at")


def _print_sizes(cluster: postgres.Cluster, when: str) -> None:
    with psycopg.connect(_direct(cluster, "old"), autocommit=True) as administrator:
        administrator.execute("ANALYZE")
        print(f"tables {when}:")
        for name, rows, megabytes in administrator.execute(_SIZES):
            print(f"  {name:24}{rows:12,} rows {megabytes:8,} MB")


if __name__ == "__main__":
    main()
