"""D2 and D3: the whole server is killed, then the database; what was acknowledged is there."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.labs import postgres
from tests.people import PASSWORD
from tests.races.harness import HOUSE, Running, running
from tests.races.surfer import CALLBACK, Surfer

CALLERS = 4
CRASHES = 3
BETWEEN = 10
"""Flows from one crash to the next."""

pytestmark = pytest.mark.timeout(120)


@dataclass
class Ledger:
    """What was acknowledged, and what else was said; nothing lost on the way is tried again."""

    refresh_tokens: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    not_told_when: int = 0
    """Answers 503 without ``Retry-After``."""
    lost: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def note(self, response: httpx2.Response) -> httpx2.Response:
        self.statuses[response.status_code] += 1
        self.not_told_when += response.status_code == 503 and "Retry-After" not in response.headers
        return response

    def load(self, surfer: Surfer) -> None:
        """Get codes and redeem them until it is over."""
        with httpx2.Client(timeout=15, cookies=surfer.http.cookies) as http:
            mine = Surfer(surfer.url, surfer.client_id, surfer.client_secret, http)
            while not self.over.is_set():
                try:
                    self._go_once(mine)
                except httpx2.HTTPError:
                    self.lost += 1
                    self.over.wait(0.05)

    def _go_once(self, mine: Surfer) -> None:
        location = self.note(mine.authorize()).headers.get("Location", "")
        code = parse_qs(urlsplit(location).query).get("code")
        if code is None:
            self.over.wait(0.05)
            return
        bought = self.note(mine.redeem(mine.http, code[0]))
        if bought.status_code == 200:
            self.refresh_tokens.append(bought.json()["refresh_token"])

    def hear_of(self, more: int) -> float:
        """Wait for so many flows more; gives how long they took."""
        began, wanted = time.monotonic(), len(self.refresh_tokens) + more
        while len(self.refresh_tokens) < wanted:
            assert time.monotonic() - began < 30
            time.sleep(0.02)
        return time.monotonic() - began

    def all_good(self, surfer: Surfer) -> bool:
        """Use every refresh token that was acknowledged."""
        answers = {surfer.refresh(surfer.http, token).status_code for token in self.refresh_tokens}
        return answers == {200}


def enrol(provider: Running) -> Surfer:
    words = ["client", "add", "--id", "drill", "--redirect-uri", CALLBACK, "--trusted"]
    app = provider.command(*words, "--scope", "openid offline_access")
    person = ["account", "add", "--username", "DRILL", "--password-stdin"]
    provider.command(*person, stdin=f"{PASSWORD}\n")
    surfer = Surfer(provider.url, "drill", app["client_secret"])
    surfer.sign_in("DRILL", PASSWORD)
    return surfer


def callers(ledger: Ledger, surfer: Surfer) -> list[threading.Thread]:
    started = [threading.Thread(target=ledger.load, args=[surfer]) for _ in range(CALLERS)]
    for one in started:
        one.start()
    return started


@pytest.fixture(params=["sqlite", "postgresql"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    if request.param == "sqlite":
        with running(tmp_path, f"sqlite:///{tmp_path / 'idp.sqlite'}") as one:
            yield one
        return
    with postgres.cluster(durable=True) as cluster, running(tmp_path, cluster.create("d")) as one:
        yield one


def is_ready(url: str) -> bool:
    with suppress(httpx2.HTTPError):
        return httpx2.get(f"{url}/health/ready", timeout=1).status_code == 200
    return False


def test_D2_kill_9_of_the_whole_server_loses_neither_tokens_nor_sessions(
    provider: Running,
) -> None:
    surfer, ledger = enrol(provider), Ledger()
    at_work = callers(ledger, surfer)
    ledger.hear_of(BETWEEN)
    os.killpg(provider.process.pid, signal.SIGKILL)
    provider.process.wait()
    ledger.over.set()
    for one in at_work:
        one.join()

    words = [sys.executable, "-m", "idp", "serve"]
    began = time.monotonic()
    again = subprocess.Popen(words, cwd=HOUSE, env=provider.environment, start_new_session=True)
    try:
        while not is_ready(provider.url):
            assert again.poll() is None
            assert time.monotonic() - began < 30
            time.sleep(0.05)
        assert set(ledger.statuses) <= {200, 303}
        assert ledger.all_good(surfer)
        assert surfer.authorize().headers["Location"].startswith(CALLBACK), "the session is there"
        assert provider.command("audit", "verify")["ok"]
    finally:
        again.send_signal(signal.SIGTERM)
        again.wait(20)
        surfer.http.close()


def test_D3_a_database_that_crashes_loses_nothing_and_is_found_again(tmp_path: Path) -> None:
    with (
        postgres.cluster(durable=True) as cluster,
        running(tmp_path, cluster.create("drill")) as provider,
    ):
        surfer, ledger = enrol(provider), Ledger()
        at_work = callers(ledger, surfer)
        healed: list[float] = []
        for _ in range(CRASHES):
            ledger.hear_of(BETWEEN)
            cluster.crash()
            healed.append(ledger.hear_of(1))
        ledger.over.set()
        for one in at_work:
            one.join()

        assert set(ledger.statuses) <= {200, 303, 503}, ledger.statuses
        assert ledger.not_told_when == 0
        assert ledger.lost == 0
        assert max(healed) <= 5
        assert ledger.all_good(surfer)
        assert provider.command("audit", "verify")["ok"]
        surfer.http.close()
