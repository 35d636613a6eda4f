"""D1: workers are killed under load; nothing that was acknowledged is lost."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.labs import postgres
from tests.people import PASSWORD
from tests.races.harness import Running, running
from tests.races.surfer import CALLBACK, Surfer

SECONDS = 13.0
PAUSE = 3.0  # the server takes a worker that dies twice in 5.5 s for a crash loop, and ends
CALLERS = 4

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(params=["sqlite", "postgresql"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    if request.param == "sqlite":
        with running(tmp_path, f"sqlite:///{tmp_path / 'idp.sqlite'}") as one:
            yield one
        return
    with (
        postgres.cluster(durable=True) as cluster,
        running(tmp_path, cluster.create("drill")) as one,
    ):
        yield one


class Ledger:
    """What the provider has acknowledged, and what it did to whom."""

    def __init__(self) -> None:
        self.refresh_tokens: list[str] = []
        self.errors: list[int] = []
        self.lock = threading.Lock()

    def note(self, response: httpx2.Response) -> None:
        with self.lock:
            if response.status_code == 200:
                self.refresh_tokens.append(response.json()["refresh_token"])
            else:
                self.errors.append(response.status_code)


def load(surfer: Surfer, ledger: Ledger, until: float) -> None:
    """Redeem codes as fast as they come; a code whose answer was lost is never tried again."""
    with httpx2.Client(timeout=10) as http:
        mine = Surfer(surfer.url, surfer.client_id, surfer.client_secret, http)
        http.cookies.update(surfer.http.cookies)
        while time.monotonic() < until:
            try:
                ledger.note(mine.redeem(http, mine.code()))
            except (httpx2.HTTPError, KeyError):
                time.sleep(0.05)  # in flight when its worker died: nothing was acknowledged


def test_D1_kill_9_of_workers_loses_nothing_that_was_acknowledged(provider: Running) -> None:
    words = ["client", "add", "--id", "drill", "--redirect-uri", CALLBACK, "--trusted"]
    app = provider.command(*words, "--scope", "openid offline_access")
    provider.command(
        "account", "add", "--username", "DRILL", "--password-stdin", stdin=f"{PASSWORD}\n"
    )
    surfer = Surfer(provider.url, "drill", app["client_secret"])
    surfer.sign_in("DRILL", PASSWORD)
    ledger, until = Ledger(), time.monotonic() + SECONDS
    callers = [threading.Thread(target=load, args=(surfer, ledger, until)) for _ in range(CALLERS)]

    for caller in callers:
        caller.start()
    killed = 0
    while time.monotonic() < until - PAUSE:
        time.sleep(PAUSE)
        os.kill(min(provider.workers()), signal.SIGKILL)  # the one that has lived longest
        killed += 1
    for caller in callers:
        caller.join()

    time.sleep(1.0)
    with httpx2.Client(timeout=10) as http:
        answers = [surfer.refresh(http, token).status_code for token in ledger.refresh_tokens]
    surfer.http.close()
    assert killed >= 3
    assert len(ledger.refresh_tokens) > 50
    assert ledger.errors == []
    assert set(answers) == {200}
    assert provider.command("audit", "verify")["ok"]
