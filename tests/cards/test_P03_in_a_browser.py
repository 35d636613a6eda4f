"""A card signs in from a real page: Chromium, the bridge, its card worker, and the provider."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from cardbridge.card.process import CardProcess
from cardbridge.front.gate import Gate
from cardbridge.lab.pki import LabPki
from idp import assembly
from idp.clock import system_clock
from idp.config import CardsSection, Config
from idp.database.transaction import Database
from idp.provider import Provider
from idp.secret import Keychain
from idp.web import create_app
from tests import people
from tests.bridge.cards import FileCard
from tests.bridge.conftest import listening
from tests.bridge.person import Person as AtTheDialog
from tests.clock import MovableClock
from tests.labs.card_holders import card_of, take
from tests.labs.ports import free_port
from tests.people import CONFIG, Person

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.usefixtures("responder"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@dataclass(frozen=True)
class Desk:
    """A person's desk: the site, the card in the reader, and who types into the dialog."""

    site: str
    card: FileCard
    person: AtTheDialog
    page: Page

    def open(self, locale: str = "en") -> None:
        self.page.goto(f"{self.site}/signin/card?ui_locales={locale}")

    def state(self, code: str) -> None:
        expect(self.page.locator(f'[data-state="{code}"]')).to_be_visible(timeout=20_000)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(system_clock())


@pytest.fixture
def bridge_port() -> int:
    return free_port()


@pytest.fixture
def site() -> str:
    return f"http://localhost:{free_port()}"


@pytest.fixture
def config(site: str, bridge_port: int) -> Config:
    cards = CardsSection(enabled=True, hosts_also=["127.0.0.1"], bridge_ports=[bridge_port])
    named = msgspec.structs.replace(CONFIG.provider, issuer=site)
    return msgspec.structs.replace(CONFIG, cards=cards, provider=named)


@pytest.fixture
def provider(config: Config, database: Database, keys: Keychain, lab: LabPki) -> Provider:
    portico = assembly.assemble(config, database, keys)
    take(portico, lab, "moica")
    return portico


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield one
        one.close()


@pytest.fixture
def served(provider: Provider, site: str) -> Iterator[str]:
    port = int(site.rpartition(":")[2])
    server = make_server("localhost", port, create_app(provider), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def citizen(provider: Provider) -> Person:
    return people.add(provider, people.CITIZEN)


@pytest.fixture
def file_card(provider: Provider, lab: LabPki, citizen: Person, tmp_path: Path) -> FileCard:
    """The citizen's card: the lab's certificate and key, read by the bridge's own worker."""
    issued = card_of(provider, lab, citizen)
    key = issued.sign.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    card = FileCard(tmp_path / "card", key)
    card.put(certificates=[issued.sign.certificate])
    return card


@pytest.fixture
def desk(served: str, file_card: FileCard, chromium: Browser, tmp_path: Path) -> Iterator[Desk]:
    context = chromium.new_context(locale="en")
    person = AtTheDialog(tmp_path / "person")
    yield Desk(served, file_card, person, context.new_page())
    context.close()


@pytest.fixture
def bridge(desk: Desk, bridge_port: int) -> Iterator[None]:
    cards = CardProcess(5.0, desk.card.worker)
    with listening(cards, desk.person, Gate(100), desk.site, port=bridge_port):
        yield
    cards.end()


@pytest.mark.usefixtures("bridge")
def test_P03_a_card_and_its_pin_open_the_front_page(desk: Desk) -> None:
    desk.open()
    desk.state("ready")
    code = desk.page.inner_text("#card-code")

    desk.page.click("#card-submit")
    desk.page.wait_for_url(re.compile(r"/$|/terms"))

    assert code in " ".join(desk.person.was_told())
    assert desk.site.removeprefix("http://") in " ".join(desk.person.was_told())


@pytest.mark.usefixtures("bridge")
def test_P03_a_wrong_pin_is_told_and_may_be_tried_again(desk: Desk) -> None:
    desk.person.answers("111111", *["246810"] * 3)
    desk.open()
    desk.state("ready")

    desk.page.click("#card-submit")
    desk.state("pin_incorrect")
    assert desk.person.questions().count("GETPIN") == 1

    desk.page.click("#card-submit")
    desk.page.wait_for_url(re.compile(r"/$|/terms"))


@pytest.mark.usefixtures("bridge")
def test_P03_a_cancelled_dialog_signs_nothing(desk: Desk) -> None:
    desk.person.answers("ERR 99")
    desk.open()
    desk.state("ready")

    desk.page.click("#card-submit")

    desk.state("cancelled")
    expect(desk.page.locator("#card-submit")).to_be_enabled()


def test_P03_without_a_bridge_the_page_says_so(desk: Desk) -> None:
    desk.open()

    desk.state("not_reached")
    expect(desk.page.locator("#card-submit")).to_be_disabled()


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
def test_the_page_has_no_fault_that_axe_finds(desk: Desk, locale: str) -> None:
    desk.open(locale)
    desk.state("ready")

    found = Axe().run(desk.page)

    assert found.violations_count == 0, found.generate_report()
