"""D16: workers are replaced one after the other while people sign in, and nobody notices."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.labs import postgres
from tests.people import PASSWORD
from tests.races.harness import Running, running
from tests.races.surfer import CALLBACK, Surfer

BROWSERS = 2
RESTARTS = 2
BETWEEN = 4
"""Sign-ins from one restart to the next."""

pytestmark = pytest.mark.timeout(420)


@dataclass
class SignIns:
    """What browsers met that signed in again and again, each time as strangers."""

    surfer: Surfer
    outcomes: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def go_on(self, name: str) -> None:
        """Sign in until it is over. A connection a request: none can have been closed before."""
        alone = httpx2.Limits(max_keepalive_connections=0)
        while not self.over.is_set():
            with httpx2.Client(timeout=30, limits=alone) as http:
                one = Surfer(self.surfer.url, self.surfer.client_id, "", http)
                try:
                    answer = one.sign_in(name, PASSWORD)
                except httpx2.HTTPError as lost:
                    self.outcomes[type(lost).__name__] += 1
                    continue
            to_the_app = answer.headers.get("Location", "").startswith(CALLBACK)
            self.outcomes["signed in" if to_the_app else str(answer.status_code)] += 1

    def hear_of(self, more: int) -> None:
        """Wait for so many sign-ins more."""
        wanted, until = self.outcomes.total() + more, time.monotonic() + 60
        while self.outcomes.total() < wanted:
            assert time.monotonic() < until
            time.sleep(0.02)


@pytest.fixture(params=["sqlite", "postgresql"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    guessing = {"PORTICO__THROTTLE__EXEMPT_NETWORKS": '["127.0.0.0/8", "::1/128"]'}
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'idp.sqlite'}"
        with running(tmp_path, url, settings=guessing) as one:
            yield one
        return
    with (
        postgres.cluster(durable=True) as cluster,
        running(tmp_path, cluster.create("drill"), settings=guessing) as one,
    ):
        yield one


def replaced(provider: Running, before: set[int]) -> None:
    """Wait until none of the workers before is left."""
    until = time.monotonic() + 60
    while before & set(provider.workers()) or len(provider.workers()) < len(before):
        assert provider.process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)


def test_D16_workers_are_replaced_while_people_sign_in_and_no_sign_in_fails(
    provider: Running,
) -> None:
    words = ["client", "add", "--id", "drill", "--redirect-uri", CALLBACK, "--trusted"]
    app = provider.command(*words, "--scope", "openid offline_access")
    names = [f"DRILL{number}" for number in range(BROWSERS)]
    for name in names:
        person = ["account", "add", "--username", name, "--password-stdin"]
        provider.command(*person, stdin=f"{PASSWORD}\n")
    signing_in = SignIns(Surfer(provider.url, "drill", app["client_secret"]))
    browsers = [threading.Thread(target=signing_in.go_on, args=[name]) for name in names]

    for browser in browsers:
        browser.start()
    try:
        for _ in range(RESTARTS):
            signing_in.hear_of(BETWEEN)
            before = set(provider.workers())
            os.kill(provider.process.pid, signal.SIGHUP)
            replaced(provider, before)
        signing_in.hear_of(BETWEEN)
    finally:
        signing_in.over.set()
        for browser in browsers:
            browser.join()

    assert set(signing_in.outcomes) == {"signed in"}, signing_in.outcomes
    assert signing_in.outcomes.total() >= RESTARTS * BETWEEN
    assert provider.command("audit", "verify")["ok"]
