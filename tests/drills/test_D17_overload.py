"""D17: far more sign-ins than the processors can do, thousands of idle sockets, few descriptors."""

import re
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest

from idp.config import PasswordSection
from tests.labs import postgres
from tests.labs.crowd import Crowd
from tests.people import PASSWORD
from tests.races.harness import Running, running
from tests.races.surfer import CALLBACK, Surfer

COST = PasswordSection()
THREADS = 8
ORDINARY = 4
"""Callers who come back at once, refused or not: enough to keep every processor busy."""
SECONDS = 3.0

pytestmark = pytest.mark.timeout(120)


@dataclass
class Buying:
    """Two apps that get tokens all the time, and how long each took."""

    surfer: Surfer
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)

    def during(self, seconds: float) -> float:
        """Buy for so long; gives the time that 99 of 100 answers were faster than."""
        callers = [threading.Thread(target=self._buy) for _ in range(2)]
        for caller in callers:
            caller.start()
        self._over.wait(seconds)
        self._over.set()
        for caller in callers:
            caller.join()
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]

    def _buy(self) -> None:
        form = {"grant_type": "client_credentials", "scope": "api"}
        with httpx2.Client(timeout=30) as http:
            while not self._over.is_set():
                began = time.monotonic()
                self.statuses[self.surfer.post(http, "/token", form).status_code] += 1
                self.seconds.append(time.monotonic() - began)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Running]:
    settings = {
        "PORTICO__PASSWORD__MEMORY_KIB": str(COST.memory_kib),
        "PORTICO__PASSWORD__TIME_COST": str(COST.time_cost),
        "PORTICO__THROTTLE__EXEMPT_NETWORKS": '["127.0.0.0/8", "::1/128"]',
    }
    with (
        postgres.cluster(durable=True) as cluster,
        running(
            tmp_path, cluster.create("drill"), workers=1, threads=THREADS, settings=settings
        ) as one,
    ):
        yield one


@pytest.fixture
def surfer(provider: Running) -> Iterator[Surfer]:
    words = ["client", "add", "--id", "drill", "--redirect-uri", CALLBACK, "--trusted"]
    grants = ["--grant", "client_credentials", "--grant", "authorization_code"]
    app = provider.command(*words, *grants, "--scope", "openid api")
    person = ["account", "add", "--username", "DRILL", "--password-stdin"]
    provider.command(*person, stdin=f"{PASSWORD}\n")
    one = Surfer(provider.url, "drill", app["client_secret"])
    yield one
    one.http.close()


def guessers(provider: Running, surfer: Surfer, many: int) -> Crowd:
    """Everybody guesses, each time at another account: a whole Argon2 each."""
    page = surfer.authorize()
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    cookie = "; ".join(f"{name}={value}" for name, value in surfer.http.cookies.items())
    head = "\r\n".join(
        (
            "POST /signin/password HTTP/1.1",
            "Host: localhost",
            f"Cookie: {cookie}",
            "Content-Type: application/x-www-form-urlencoded",
        )
    )
    body = urlencode(fields | {"password": "a wrong guess"}) + "&username=NOBODY%d"
    return Crowd(port_of(provider), many, head, body)


def port_of(provider: Running) -> int:
    return int(provider.url.rpartition(":")[2])


def memory_mb(provider: Running) -> float:
    return (
        sum(
            int(
                re.findall(
                    r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE
                )[0]
            )
            for pid in provider.workers()
        )
        / 1024
    )


def seconds_until_signed_in(surfer: Surfer) -> float:
    began = time.monotonic()
    surfer.http.cookies.clear()
    while not surfer.sign_in("DRILL", PASSWORD).headers.get("Location", "").startswith(CALLBACK):
        assert time.monotonic() - began < 30
    return time.monotonic() - began


def test_D17_more_sign_ins_than_can_be_done_leave_tokens_as_quick_as_before(
    provider: Running, surfer: Surfer
) -> None:
    seconds_until_signed_in(surfer)
    with httpx2.Client() as fresh:
        stranger = Surfer(surfer.url, surfer.client_id, surfer.client_secret, fresh)
        usual = guessers(provider, stranger, ORDINARY)
        usually = Buying(surfer).during(2)
        before = memory_mb(provider)
        usual.stop()
        crowd = guessers(provider, stranger, 10 * ORDINARY)
        rounds = [Buying(surfer) for _ in range(2)]
        p99 = min(buying.during(SECONDS) for buying in rounds)  # the machine has others to serve
        during = memory_mb(provider)
        outcome = crowd.stop()
    again = seconds_until_signed_in(surfer)

    assert {status for buying in rounds for status in buying.statuses} == {200}
    # With four guessers all processors are busy: forty that are held back must cost no more, but
    # for a machine that is kept busy by others as well.
    assert p99 <= max(0.5, 2 * usually)
    assert set(outcome.statuses) == {422, 503}, "some are checked, the rest are to come back"
    assert outcome.without_retry_after == 0
    assert outcome.broken_off == 0
    assert during <= 1.5 * before
    assert again <= 5


@contextmanager
def idle_sockets(provider: Running, many: int, begun: bytes) -> Iterator[None]:
    """Begin that many requests, and never finish one."""
    sockets: list[socket.socket] = []
    try:
        for _ in range(many):
            one = socket.create_connection(("127.0.0.1", port_of(provider)), timeout=10)
            sockets.append(one)
            one.sendall(begun)
        yield
    finally:
        for one in sockets:
            one.close()


HALF_A_HEAD = b"POST /token HTTP/1.1\r\nHost: localhost\r\n"


def test_D17_two_thousand_idle_sockets_slow_down_nobody(provider: Running, surfer: Surfer) -> None:
    with idle_sockets(provider, 2_000, HALF_A_HEAD):
        buying = Buying(surfer)
        p99 = buying.during(SECONDS)

    assert set(buying.statuses) == {200}
    assert p99 <= 0.5


def test_D17_a_worker_without_descriptors_lives_and_serves_again(
    provider: Running, surfer: Surfer
) -> None:
    workers = provider.workers()
    for pid in workers:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (256, 256))
    with idle_sockets(provider, 400, HALF_A_HEAD):
        pass

    began = time.monotonic()
    buying = Buying(surfer)
    buying.during(1)

    assert time.monotonic() - began <= 5
    assert set(buying.statuses) == {200}
    assert provider.workers() == workers
