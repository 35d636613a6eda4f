"""Either side of linking is killed at each of its steps; both agree again, and can go on.

Real processes and kill -9, at the step itself (``tests/labs/killable.py``). What one drill
loses is at most the try that was under way: it is linked on both sides or on neither.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx2
import msgspec
import pytest
from sqlalchemy import select

from clients.casequery import app as casequery
from clients.kit.config import (
    DatabaseSection,
    KitConfig,
    LinkingSection,
    ProviderSection,
    ServerSection,
)
from clients.kit.database import Table
from clients.kit.linking import Link, UnlinkNotice
from clients.kit.pages import App
from idp import worker
from idp.clock import Clock, system_clock
from idp.config import Config, FetchSection, OutboxSection, ThrottleSection
from idp.config import ProviderSection as IssuerSection
from idp.linking import store
from idp.outbox.store import OutboxRow
from idp.provider import Provider
from migrations import runner
from tests import people
from tests.clock import MovableClock
from tests.conftest import ROOT_KEY, Enrol
from tests.labs.linked_apps import Pair, Visitor, registration
from tests.labs.ports import free_port
from tests.people import Person

HOUSE = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0

WHILE_LINKING = {
    # steps at which a process dies: whether it is linked afterwards
    ("it has begun",): False,
    ("it has heard",): True,
    ("it is writing it down",): True,
    ("it is claiming",): False,
    ("it has claimed",): False,
    ("it has compared",): False,
    ("it is deciding",): False,
    ("it has decided",): True,
    ("it has decided", "its worker asks"): True,
    ("it has decided", "its worker has heard"): True,
    ("it has claimed", "it is asked"): False,
    ("it has claimed", "its worker has heard"): False,
}
WHILE_UNLINKING_AT_THE_PORTAL = [
    ("it is unlinking",),
    ("it is telling",),
    ("it has told",),
    ("it hears",),
    ("it has heard of an end",),
]
WHILE_UNLINKING_IN_THE_APP = [
    ("the app is unlinking",),
    ("the app is telling",),
    ("the app has told",),
    ("it hears of an end",),
    ("the app writes that it has told",),
]

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def clock() -> Clock:
    """The machine's: the processes have no other."""
    return system_clock


@pytest.fixture
def config() -> Config:
    return msgspec.structs.replace(
        people.CONFIG,
        provider=IssuerSection(issuer=f"http://localhost:{free_port()}"),
        fetch=FetchSection(allowed_networks=["127.0.0.0/8", "::1/128"]),
        throttle=ThrottleSection(exempt_networks=["127.0.0.0/8"]),
        outbox=OutboxSection(lease_seconds=1),
        clients=[],
    )


@dataclass
class Side:
    """One of the two processes."""

    words: list[str]
    url: str
    log: Path
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0

    def keep_alive(self) -> None:
        """Start it where it is not running."""
        if self.process is not None and self.process.poll() is None:
            return
        self.deaths += self.process is not None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.words,
                cwd=HOUSE,
                env=os.environ | {"PORTICO_KEK": ROOT_KEY.hex()},
                stdout=log,
                stderr=log,
            )
        wait_for(self.answers, lambda: self.log.read_text()[-3000:])

    def answers(self) -> bool:
        with contextlib.suppress(httpx2.HTTPError):
            return httpx2.get(f"{self.url}/health/live", timeout=5).status_code == 200
        return False

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass
class Both:
    """The two processes, what they have on record, and where they are to die."""

    pair: Pair
    armed: Path
    sides: list[Side]
    people: list[Person] = field(default_factory=list)

    def dies(self, steps: Sequence[str], act: Callable[[], object]) -> None:
        """Do something, of which a process dies at each of the steps, one after the other."""
        before = sum(side.deaths for side in self.sides)
        self.armed.write_text(steps[0])
        with contextlib.suppress(httpx2.HTTPError):
            act()
        for later in [*steps[1:], ""]:
            wait_for(lambda: not self.armed.exists(), lambda: f"nobody died: {steps}")
            wait_for(self._has_died, lambda: f"nobody died: {steps}")
            if later:
                self.armed.write_text(later)
            self.keep_alive()
        assert sum(side.deaths for side in self.sides) == before + len(steps)

    def _has_died(self) -> bool:
        return any(side.process and side.process.poll() is not None for side in self.sides)

    def keep_alive(self) -> None:
        for side in self.sides:
            side.keep_alive()

    def somebody(self) -> tuple[Person, Visitor, str]:
        """Open an account on each side; gives the person, signed in to the app, and the other."""
        local = f"LOCAL{len(self.people)}"
        person = people.add(self.pair.provider, Person(f"PERSON{len(self.people)}"))
        self.people.append(person)
        self.pair.open_account(local)
        visitor = Visitor.of(self.pair)
        visitor.sign_in(person)
        return person, visitor, local

    def link(self, visitor: Visitor, account: str) -> None:
        """Link as somebody does who comes to the page, whatever happened before."""
        visitor.get(f"{self.pair.issuer}/links/casequery", return_to=f"{self.pair.url}/account")
        visitor.link(account)

    def unlink_at_the_portal(self, visitor: Visitor) -> None:
        visitor.get(f"{self.pair.issuer}/links")
        visitor.submit("link-form-1", action="unlink")

    def unlink_in_the_app(self, visitor: Visitor) -> None:
        visitor.get(f"{self.pair.url}/account")
        visitor.submit("unlink-form")

    def of_provider(self, person: Person) -> tuple[str, UUID] | None:
        assert person.account is not None
        with self.pair.provider.database.read() as tx:
            link = store.of_account(tx, person.account.id).get("casequery")
        return (link.state, link.attempt_id) if link else None

    def of_app(self, person: Person) -> UUID | None:
        with self.pair.app.database.read() as tx:
            found: UUID | None = tx.execute(
                select(Link.attempt).where(Link.sub == person.sub)
            ).scalar_one_or_none()
        return found

    def owed(self) -> int:
        """How much one has still to tell the other."""
        with self.pair.provider.database.read() as tx:
            unsent = OutboxRow.sent_at.is_(None), OutboxRow.kind == "link_event"
            events = len(tx.execute(select(OutboxRow.id).where(*unsent)).all())
        with self.pair.app.database.read() as tx:
            return events + len(tx.execute(select(UnlinkNotice.attempt)).all())

    def agree(self, person: Person) -> bool:
        ours, theirs = self.of_provider(person), self.of_app(person)
        return ours == (("linked", theirs) if theirs else None) and not self.owed()

    def settle(self, person: Person) -> bool:
        """Wait until both sides agree; tells whether they are linked."""
        wait_for(
            lambda: self.agree(person),
            lambda: f"{self.of_provider(person)} {self.of_app(person)} {self.owed()}",
        )
        return self.of_app(person) is not None


def wait_for(is_so: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError(otherwise())


def toml(config: msgspec.Struct) -> str:
    """Write the sections of a configuration, as far as they are flat."""
    lines = []
    for name, section in msgspec.to_builtins(config).items():
        if isinstance(section, dict):
            flat = [(key, one) for key, one in section.items() if not isinstance(one, dict)]
            lines += [
                f"[{name}]",
                *(f"{key} = {msgspec.json.encode(one).decode()}" for key, one in flat),
            ]
    return "\n".join(lines)


@pytest.fixture
def app(config: Config, app_url: str, tmp_path: Path) -> Iterator[App]:
    """The case query as this process sees it: what it has on record."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    built = casequery.build(
        KitConfig(
            server=ServerSection(port=port, base_url=url),
            provider=ProviderSection(issuer=config.provider.issuer, client_secret=people.SECRET),
            database=DatabaseSection(url=app_url),
            linking=LinkingSection(required=True, key_file=str(tmp_path / "link-key.json")),
        )
    )
    with built.database.write() as tx:
        runner.upgrade(tx.connection, "casequery", Table.metadata)
    yield built
    built.database.engine.dispose()


@pytest.fixture
def both(
    provider: Provider, app: App, database_url: str, enrol: Enrol, tmp_path: Path
) -> Iterator[Both]:
    worker.rotate_keys(provider)
    enrol("casequery", **registration(app.config.server.port))
    database = msgspec.structs.replace(provider.config.database, url=database_url)
    configs = {
        "provider": msgspec.structs.replace(provider.config, database=database),
        "casequery": app.config,
    }
    issuer, url, armed = (
        provider.config.provider.issuer,
        app.config.server.base_url,
        tmp_path / "armed",
    )
    sides = []
    for name, address in (("provider", issuer), ("casequery", url)):
        path = tmp_path / f"{name}.toml"
        path.write_text(toml(configs[name]))
        words = [sys.executable, "-m", "tests.labs.killable", name, str(path)]
        words += [address.rpartition(":")[2], str(armed)]
        sides.append(Side(words, address, tmp_path / f"{name}.log"))
    two = Both(Pair(provider, issuer, app, url, MovableClock()), armed, sides)
    try:
        two.keep_alive()
        yield two
    finally:
        for side in sides:
            side.end()


# What a kill leaves behind is the engines' own affair, and drilled for both elsewhere: here each
# kind of drill has one of them.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_killed_while_linking_both_sides_agree_and_it_can_be_linked(both: Both) -> None:
    for steps, linked in WHILE_LINKING.items():
        person, visitor, local = both.somebody()

        both.dies(steps, partial(both.link, visitor, local))
        assert both.settle(person) is linked, steps
        if not linked:
            both.link(visitor, local)

        assert both.settle(person), steps


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("act", "drills"),
    [
        (Both.unlink_at_the_portal, WHILE_UNLINKING_AT_THE_PORTAL),
        (Both.unlink_in_the_app, WHILE_UNLINKING_IN_THE_APP),
    ],
    ids=["at the portal", "in the app"],
)
def test_killed_while_unlinking_both_sides_agree_and_it_can_be_linked_anew(
    both: Both, act: Callable[[Both, Visitor], None], drills: list[tuple[str, ...]]
) -> None:
    for steps in drills:
        person, visitor, local = both.somebody()
        both.link(visitor, local)
        assert both.settle(person), "before anything is killed"

        both.dies(steps, partial(act, both, visitor))
        if both.settle(person):
            assert steps[0].endswith("unlinking"), steps
            act(both, visitor)
        assert not both.settle(person), steps
        both.link(visitor, local)

        assert both.settle(person), steps
