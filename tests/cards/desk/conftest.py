"""A person's desk: a browser with the real sign-in page, the bridge, a reader and a card.

The site is on loopback, but the browser is told that its address is a public one, or one of an
intranet: a page that is on loopback itself may call the bridge anyway, and would prove nothing.
"""

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect
from sqlalchemy import func, select
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
from idp.sessions.store import BrowserSession
from idp.web import create_app
from tests import people
from tests.bridge.cards import FileCard
from tests.bridge.conftest import listening
from tests.bridge.person import Person as AtTheDialog
from tests.clock import MovableClock
from tests.labs.card_holders import card_of, give, take
from tests.labs.cards import Made
from tests.labs.ports import free_port
from tests.labs.tls import Tls, certify
from tests.people import CONFIG, Person

CHROMIUM = "/usr/bin/chromium"
HOST = "idp.localtest"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.localtest 127.0.0.1",
]
LEAVE = "local-network-access"
"""What Chromium calls the leave to call this machine, as far as it lets a test give it."""
PATIENCE = 20_000
"""Milliseconds: for a machine that has more to do. What the page promises is measured apart."""
SIGNED_IN = re.compile(r"/$|/terms")


@dataclass(frozen=True)
class Grounds:
    """Where sites are, as the browser sees them."""

    public: int
    local: int
    tls: Tls

    def overrides(self) -> str:
        """Tell Chromium so."""
        spaces = f"127.0.0.1:{self.public}=public,127.0.0.1:{self.local}=local"
        return f"--ip-address-space-overrides={spaces}"


@dataclass
class Desk:
    """What is on it, and how to use it."""

    site: str
    port: int
    """Where the page looks for the bridge."""
    card: FileCard
    person: AtTheDialog
    context: BrowserContext
    page: Page
    provider: Provider

    def open(self, locale: str = "en") -> None:
        """Open the sign-in page."""
        self.page.goto(f"{self.site}/signin/card?ui_locales={locale}")

    def state(self, code: str) -> None:
        """Wait until the page says how things stand, and says that alone."""
        expect(self.page.locator(f'[data-state="{code}"]')).to_be_visible(timeout=PATIENCE)
        expect(self.page.locator("[data-state]:visible")).to_have_count(1)

    def press(self) -> None:
        """Press the button that asks the bridge."""
        self.page.click("#card-submit")

    def signed_in(self) -> None:
        """Wait for the page that only somebody who is signed in sees."""
        self.page.wait_for_url(SIGNED_IN, timeout=PATIENCE)
        assert self.sessions() == 1

    def sessions(self) -> int:
        """Count the sessions there are, of anybody."""
        with self.provider.database.read() as tx:
            return tx.connection.execute(
                select(func.count()).select_from(BrowserSession)
            ).scalar_one()

    def grant(self) -> None:
        """Let the site call this machine, as if the person had said yes."""
        self.context.grant_permissions([LEAVE])

    def deny(self) -> None:
        """Keep the site from calling this machine, as if the person had said no."""
        of_browser = self.page.context.browser
        assert of_browser is not None
        wire = of_browser.new_browser_cdp_session()
        wire.send(
            "Browser.setPermission",
            {
                "permission": {"name": "loopback-network"},
                "setting": "denied",
                "origin": self.site,
                "browserContextId": self._browser_context(),
            },
        )
        wire.detach()

    def _browser_context(self) -> str:
        wire = self.context.new_cdp_session(self.page)
        told = wire.send("Target.getTargetInfo")
        wire.detach()
        context: str = told["targetInfo"]["browserContextId"]
        return context

    def leave(self) -> str:
        """Ask the page's browser whether the page may call this machine."""
        asked = "() => navigator.permissions.query({name: 'loopback-network'}).then(p => p.state)"
        state: str = self.page.evaluate(asked)
        return state

    @contextlib.contextmanager
    def bridge(self, *, dialogs: int = 100, site: str = "") -> Iterator[None]:
        """Run a bridge that knows the site."""
        cards = CardProcess(5.0, self.card.worker)
        with listening(cards, self.person, Gate(dialogs), site or self.site, port=self.port):
            yield
        cards.end()


@pytest.fixture(scope="session")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Grounds:
    return Grounds(free_port(), free_port(), certify(tmp_path_factory.mktemp("tls"), HOST))


@pytest.fixture(scope="session")
def chromium(playwright: Playwright, grounds: Grounds) -> Iterator[Browser]:
    one = playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=[*ARGUMENTS, grounds.overrides()],
        # Playwright lets every window through; people's browsers do not.
        ignore_default_args=["--disable-popup-blocking"],
    )
    yield one
    one.close()


@pytest.fixture
def clock() -> MovableClock:
    """Stands at this moment: the browser and the responder have clocks of their own."""
    return MovableClock(system_clock())


@pytest.fixture
def space(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "public")


@pytest.fixture
def site(grounds: Grounds, space: str) -> str:
    return f"https://{HOST}:{getattr(grounds, space)}"


@pytest.fixture
def bridge_port() -> int:
    return free_port()


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


@pytest.fixture
def served(provider: Provider, site: str, grounds: Grounds) -> Iterator[str]:
    port, tls = int(site.rpartition(":")[2]), grounds.tls.server
    app = create_app(provider)
    server = make_server("127.0.0.1", port, app, threaded=True, ssl_context=tls)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
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
def made_card(provider: Provider, made_cards: Made, citizen: Person, tmp_path: Path) -> FileCard:
    """A card that was made once for all tests, now the citizen's; the desk has an empty file."""
    give(provider, citizen, made_cards.files["moica"])
    return FileCard(tmp_path / "card")


@pytest.fixture
def desk(
    served: str,
    bridge_port: int,
    file_card: FileCard,
    chromium: Browser,
    provider: Provider,
) -> Iterator[Desk]:
    """A desk without a bridge yet; the browser has not been asked for anything."""
    context = chromium.new_context(locale="en", ignore_https_errors=True)
    person = AtTheDialog(file_card.folder.parent / "person")
    page = context.new_page()
    yield Desk(served, bridge_port, file_card, person, context, page, provider)
    context.close()
