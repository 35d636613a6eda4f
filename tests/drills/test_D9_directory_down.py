"""D9: the directory refuses, hangs, crawls or is not who it says; everybody else signs in."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import msgspec
import pytest

from demo.samba.authority import Authority
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.config import Config
from idp.provider import Provider
from idp.web import create_app
from tests import people
from tests.labs.false_controller import false_controller
from tests.labs.ports import free_port
from tests.labs.proxy import proxy
from tests.labs.samba_ad import PASSWORD, Domain
from tests.people import Browser, Person

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

ANSWER_SECONDS = 5.0
LOCAL_FACTOR, LOCAL_SLACK_SECONDS = 1.2, 0.010
HARDLY_A_WAIT_SECONDS = 0.25
_SIGN_INS = 15


def refusing(_domain: Domain, _closing: ExitStack) -> list[str]:
    return [f"127.0.0.1:{free_port()}"]


def hung(domain: Domain, closing: ExitStack) -> list[str]:
    between = closing.enter_context(proxy(636, domain.host))
    between.swallows = True
    return [f"127.0.0.1:{between.port}"]


def crawling(domain: Domain, closing: ExitStack) -> list[str]:
    """Whatever is said takes half a minute."""
    between = closing.enter_context(proxy(636, domain.host))
    between.delay = 30.0
    return [f"127.0.0.1:{between.port}"]


def slow_to_answer(domain: Domain, closing: ExitStack) -> list[str]:
    """Slow enough for no step to be too late, and for all of them to be."""
    between = closing.enter_context(proxy(636, domain.host))
    between.delay = 0.45
    return [f"127.0.0.1:{between.port}"]


def somebody_else(domain: Domain, closing: ExitStack) -> list[str]:
    leaf = Authority(domain.folder / "others").issue("localhost", "127.0.0.1")
    other = closing.enter_context(false_controller(leaf, (0, "")))
    return [f"127.0.0.1:{other.port}"]


def two_that_hang(domain: Domain, closing: ExitStack) -> list[str]:
    return hung(domain, closing) + hung(domain, closing)


FAULTS = [refusing, hung, crawling, slow_to_answer, somebody_else, two_that_hang]
Fault = Callable[[Domain, ExitStack], list[str]]


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.__name__)
def hosts(request: pytest.FixtureRequest, samba_ad: Domain) -> Iterator[list[str]]:
    fault: Fault = request.param
    with ExitStack() as closing:
        yield fault(samba_ad, closing)


@pytest.fixture
def config(samba_ad: Domain, hosts: list[str]) -> Config:
    return msgspec.structs.replace(people.CONFIG, directories=[samba_ad.section(hosts=hosts)])


@dataclass
class Judges:
    """Four of them, who try again and again."""

    provider: Provider
    answers: list[tuple[DirectoryPerson | Standing, float]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def try_on(self) -> None:
        while not self.done.is_set():
            began = time.monotonic()
            answer = self.provider.directories.sign_in("wang.dm", PASSWORD)
            self.answers.append((answer, time.monotonic() - began))
            self.done.wait(0.2)  # who is refused at once types it all again


@dataclass
class Taken:
    """What sign-ins took, in seconds: of this thread's processor time, and of the clock."""

    work: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)


def local_sign_ins(provider: Provider, citizen: Person) -> Taken:
    """Sign in by a password of ours."""
    taken, app = Taken(), create_app(provider)
    for _ in range(_SIGN_INS):
        browser = Browser.of(app)
        browser.get("/signin/password")
        fields = browser.hidden() | {"username": citizen.account_name, "password": people.PASSWORD}
        busy, began = time.thread_time(), time.monotonic()
        assert browser.post("/signin/password", fields).status_code == 303
        taken.work.append(time.thread_time() - busy)
        taken.clock.append(time.monotonic() - began)
    return taken


def test_D9_nobody_comes_in_everybody_is_answered_and_others_do_not_notice(
    provider: Provider, citizen: Person
) -> None:
    local_sign_ins(provider, citizen)
    alone = local_sign_ins(provider, citizen)

    judges = Judges(provider)
    with ThreadPoolExecutor(4) as pool:
        trying = [pool.submit(judges.try_on) for _ in range(4)]
        try:
            beside = local_sign_ins(provider, citizen)
        finally:
            judges.done.set()
        for one in trying:
            one.result()

    refused = {Standing.UNREACHABLE, Standing.UNANSWERED, Standing.BUSY}
    assert len(judges.answers) >= 4
    assert {answer for answer, _ in judges.answers} <= refused
    assert max(seconds for _, seconds in judges.answers) <= ANSWER_SECONDS
    assert quarter(beside.work) <= LOCAL_FACTOR * quarter(alone.work) + LOCAL_SLACK_SECONDS
    # Whoever waited for a directory would wait for a second at least; a busy machine is not it.
    assert quarter(beside.clock) <= quarter(alone.clock) + HARDLY_A_WAIT_SECONDS


def quarter(taken: list[float]) -> float:
    """Give what the quickest quarter took at most: whatever else the machine does only adds."""
    return statistics.quantiles(taken, n=4)[0]
