"""D19: it runs for a long time. Days pass in seconds, and nothing grows.

Set PORTICO_SOAK_DAYS for as many days as there is time for.
"""

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests.labs import postgres
from tests.labs.wrong_clock import WrongClock, wrong_clock
from tests.people import PASSWORD
from tests.races.harness import Running, running
from tests.races.surfer import CALLBACK, Surfer

DAYS = int(os.environ.get("PORTICO_SOAK_DAYS", "5"))
WARM = 3
"""Days until everything has been used, and the first things are over."""
FLOWS = 4
"""Whole flows a day; beside them a sign-in, a wrong password, a page left open."""
MEGABYTES = 6
"""What a worker may have more at the end than when it was warm, however long that was ago."""
NEVER_SWEPT = {"audit_rows", "signin_attempts", "sqlite_sequence", "alembic_version"}

pytestmark = pytest.mark.timeout(max(300, 40 * DAYS))


@dataclass
class Figures:
    """What could grow."""

    rows: dict[str, int]
    megabytes: float
    descriptors: int
    wal_bytes: int


@dataclass
class Soak:
    """A provider by a clock that is put forward, and who uses it."""

    provider: Running
    surfer: Surfer
    clock: WrongClock
    url: str
    days: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    in_the_evening: dict[str, int] = field(default_factory=dict)
    """The rows before the last night."""

    def day(self) -> None:
        """Let people and apps do what they do in a day; then let the day pass."""
        self.surfer.http.cookies.clear()
        self.note(self.surfer.authorize())
        self.note(self.surfer.sign_in("DRILL", "not the password"))
        self.note(self.surfer.sign_in("DRILL", PASSWORD))
        for _ in range(FLOWS):
            bought = self.note(self.surfer.redeem(self.surfer.http, self.surfer.code()))
            again = self.note(self.surfer.refresh(self.surfer.http, bought.json()["refresh_token"]))
            token = {"token": again.json()["access_token"]}
            self.note(self.surfer.post(self.surfer.http, "/introspect", token))
            self.note(self.surfer.post(self.surfer.http, "/revoke", token))
        self.in_the_evening = self.rows()
        self.days += 1
        self.clock.be_off_by(self.days * 86_400)
        self.provider.rounds()

    def note(self, response: httpx2.Response) -> httpx2.Response:
        """Count an answer."""
        self.statuses[response.status_code] += 1
        return response

    def look(self) -> Figures:
        """Count what could grow."""
        workers = self.provider.workers()
        sizes = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in workers]
        kilobytes = [int(re.findall(r"^Pss:\s+(\d+)", one, re.MULTILINE)[0]) for one in sizes]
        return Figures(
            self.rows(),
            max(kilobytes) / 1024,
            max(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in workers),
            self.wal_bytes(),
        )

    def wal_bytes(self) -> int:
        """Tell how long SQLite's log is; PostgreSQL's is the server's own affair."""
        path = Path(self.url.removeprefix("sqlite:///") + "-wal")
        return path.stat().st_size if path.exists() else 0

    def rows(self) -> dict[str, int]:
        """Count the rows of each table that is swept."""
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as file:
                names = file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                return {
                    name: file.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
                    for (name,) in names.fetchall()
                    if name not in NEVER_SWEPT
                }
        with psycopg.connect(self.url.replace("+psycopg", "")) as server:
            tables = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            found: dict[str, int] = {}
            for (name,) in tables.fetchall():
                if name not in NEVER_SWEPT:
                    counted = server.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()  # noqa: S608
                    found[name] = counted[0] if counted else 0
            return found


@pytest.fixture(params=["sqlite", "postgresql"])
def soak(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Soak]:
    clock = wrong_clock(tmp_path)
    settings = clock.settings | {
        "PORTICO__TOKENS__REFRESH_IDLE_DAYS": "1",
        "PORTICO__TOKENS__REFRESH_ABSOLUTE_DAYS": "2",
        "PORTICO__KEYS__ROTATE_DAYS": "2",
    }
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'idp.sqlite'}"
        with running(tmp_path, url, workers=1, settings=settings) as provider:
            yield started(provider, clock, url)
        return
    with postgres.cluster(durable=True) as cluster:
        url = cluster.create("drill")
        with running(tmp_path, url, workers=1, settings=settings) as provider:
            yield started(provider, clock, url)


def started(provider: Running, clock: WrongClock, url: str) -> Soak:
    words = ["client", "add", "--id", "drill", "--redirect-uri", CALLBACK, "--trusted"]
    app = provider.command(*words, "--scope", "openid offline_access")
    person = ["account", "add", "--username", "DRILL", "--password-stdin"]
    provider.command(*person, stdin=f"{PASSWORD}\n")
    return Soak(provider, Surfer(provider.url, "drill", app["client_secret"]), clock, url)


def test_D19_days_of_work_leave_nothing_that_grows(soak: Soak) -> None:
    for _ in range(WARM):
        soak.day()
    warm = soak.look()
    while soak.days < DAYS:
        soak.day()
    at_the_end = soak.look()
    soak.surfer.http.close()

    assert set(soak.statuses) <= {200, 303, 422}, soak.statuses
    assert soak.in_the_evening["refresh_tokens"] >= FLOWS, "there is something to sweep"
    grown = {name: (warm.rows[name], rows) for name, rows in at_the_end.rows.items()
             if rows > warm.rows[name] + FLOWS}  # fmt: skip
    assert grown == {}
    assert at_the_end.megabytes <= warm.megabytes + MEGABYTES
    assert at_the_end.descriptors <= warm.descriptors + 2
    assert at_the_end.wal_bytes <= max(2 * warm.wal_bytes, 8 << 20)
    assert soak.provider.command("audit", "verify")["ok"]
