"""``make bench``: whole flows on SQLite and PostgreSQL, durable, as ratios in one run.

Each database in turn, twice, so that a machine that grows slower favours nobody. Rates of
this program are of this machine and this load generator; the ratios are what to compare.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench import share
from bench.load import CALLBACK, Figures, User, measure
from tests.labs import postgres
from tests.people import PASSWORD
from tests.races.harness import Running, running

WORKS: dict[str, Callable[[User], None]] = {
    "flow": User.flow,
    "pushed_and_bound": User.pushed_and_bound_flow,
    "refresh": User.refresh,
    "client_credentials": User.client_credentials,
    "introspect": User.introspect,
    "userinfo": User.userinfo,
    "discovery": User.discovery,
    "password_sign_in": User.sign_in_anew,
}
_TICK = os.sysconf("SC_CLK_TCK")
_AS_SHIPPED = {
    "PORTICO__PASSWORD__MEMORY_KIB": str(share.COST.memory_kib),
    "PORTICO__PASSWORD__TIME_COST": str(share.COST.time_cost),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each work and round")
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    found: dict[str, dict[str, list[Figures]]] = {"sqlite": {}, "postgresql": {}}
    memory: list[float] = []
    start: list[float] = []
    with tempfile.TemporaryDirectory() as folder, postgres.cluster(durable=True) as cluster:
        for number in range(given.rounds):
            for kind, works in found.items():
                place = Path(folder) / f"{kind}{number}"
                place.mkdir()
                url = f"sqlite:///{place / 'idp.sqlite'}"
                if kind == "postgresql":
                    url = cluster.create(f"bench{number}")
                began = time.monotonic()
                with running(place, url, workers=1, threads=8, settings=_AS_SHIPPED) as provider:
                    start.append(time.monotonic() - began)
                    _work(provider, works, given.users, given.seconds)
                    memory.append(_memory_mb(provider))
    of_argon2 = _share_of_argon2(given.users, given.seconds, slices=2 * given.rounds + 1)
    _print(found)
    print(f"\npassword sign-in, postgresql, beside Argon2id under the same load:\n{of_argon2}")
    print(f"\nmemory of the worker after load: {max(memory):.0f} MB")
    print(f"start to first answer, migration included: {min(start):.1f} s")


def furnished(provider: Running, count: int) -> list[User]:
    """Register an app and so many people; gives them, signed in."""
    app = provider.command(
        "client", "add", "--id", "bench", "--redirect-uri", CALLBACK, "--trusted",
        "--scope", "openid profile email api",
        "--grant", "authorization_code", "--grant", "refresh_token",
        "--grant", "client_credentials",
    )  # fmt: skip
    names = [f"BENCH{number}" for number in range(count)]
    for name in names:
        provider.command(
            "account", "add", "--username", name, "--password-stdin", stdin=f"{PASSWORD}\n"
        )
    port = int(provider.url.rpartition(":")[2])
    users = [User(port, "bench", app["client_secret"], name) for name in names]
    for user in users:
        user.sign_in()
        user.flow()
    return users


def _work(provider: Running, found: dict[str, list[Figures]], count: int, seconds: float) -> None:
    users = furnished(provider, count)
    for name, work in WORKS.items():
        figures = measure(users, work, seconds, lambda: processor_seconds(provider))
        found.setdefault(name, []).append(figures)


def processor_seconds(provider: Running) -> float:
    """Give what the workers of a provider have used so far."""
    ticks = 0
    for pid in provider.workers():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICK


def _memory_mb(provider: Running) -> float:
    (pid,) = provider.workers()
    smaps = Path(f"/proc/{pid}/smaps_rollup").read_text()
    proportional = next(line for line in smaps.splitlines() if line.startswith("Pss:"))
    return int(proportional.split()[1]) / 1024


def _print(found: dict[str, dict[str, list[Figures]]]) -> None:
    print(f"{'work':20}{'database':12}{'per s':>9}{'p95 ms':>9}{'CPU ms':>9}{'of flow':>9}")
    for name in WORKS:
        for kind, works in found.items():
            rate, p95, cpu = (
                statistics.median(getattr(one, field) for one in works[name])
                for field in ("per_second", "p95_ms", "cpu_ms")
            )
            of_flow = rate / statistics.median(one.per_second for one in works["flow"])
            print(f"{name:20}{kind:12}{rate:9.0f}{p95:9.1f}{cpu:9.2f}{of_flow:9.1f}")
    for name in WORKS:
        rates = [
            statistics.median(one.per_second for one in works[name]) for works in found.values()
        ]
        print(f"{name}: PostgreSQL {rates[1] / rates[0]:.2f} times SQLite")


def _share_of_argon2(count: int, seconds: float, slices: int) -> share.Share:
    """Say how much of a password sign-in is the password: what is left is all of ours."""
    with ExitStack() as stack:
        stack.enter_context(share.on_the_processor(1))
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(postgres.cluster(durable=True)).create("share")
        with share.on_the_processor(0):
            provider = stack.enter_context(
                running(place, url, workers=1, threads=8, settings=_AS_SHIPPED)
            )
        users = furnished(provider, count)
        return share.compare(users, seconds, slices, lambda: processor_seconds(provider))


if __name__ == "__main__":
    main()
