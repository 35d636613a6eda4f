"""The page for an installed HiPKI component, against a double of it over SoftHSM."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from cardbridge.lab.pki import LabPki
from cardbridge.lab.tokens import PIN, Tokens
from idp.config import Config
from idp.sessions.store import BrowserSession
from idp.web.wording.component import HIPKI_STATES
from tests.bridge.cards import FileCard
from tests.cards.desk.conftest import PATIENCE, Desk
from tests.labs.cards import CardLab, loaded, slot_of
from tests.labs.hipki import LOGIN_FAILED, Hipki, hipki

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def config(config: Config, bridge_port: int) -> Config:
    origin = f"http://localhost:{bridge_port}"
    section = msgspec.structs.replace(config.cards, hipki=True, hipki_origin=origin)
    return msgspec.structs.replace(config, cards=section)


@pytest.fixture
def lab(card_lab: CardLab) -> LabPki:
    """The authorities whose cards were made once for all tests."""
    return card_lab.pki


@pytest.fixture
def file_card(made_card: FileCard) -> FileCard:
    """The citizen's card, of which the desk has a file; the double uses the soft one."""
    return made_card


@dataclass
class Component:
    """The page, and the double behind it."""

    desk: Desk
    double: Hipki

    @property
    def page(self) -> Page:
        return self.desk.page

    def open(self, locale: str = "en") -> None:
        self.page.goto(f"{self.desk.site}/signin/hipki?ui_locales={locale}")
        self.state("ready")

    def state(self, code: str) -> None:
        self.desk.state(code)

    def type(self, pin: str) -> None:
        self.page.fill("#hipki-pin", pin)
        self.page.click("#hipki-submit")


@pytest.fixture
def component(desk: Desk, soft_cards: Tokens) -> Iterator[Component]:
    with loaded(soft_cards) as module:
        slot = slot_of(module, soft_cards.card("moica-1"))
        with hipki(module, slot, desk.port) as double:
            yield Component(desk, double)


def test_P03_the_component_signs_in_and_the_sign_in_says_so(component: Component) -> None:
    posted: list[str] = []
    component.page.on("request", lambda one: posted.append(one.post_data or ""))
    component.open()
    component.type(PIN)
    component.desk.signed_in()

    [asked] = component.double.asked
    assert asked["tbs"].startswith(f"card-login v1 | {component.desk.site} | ")
    assert (asked["signatureType"], asked["hashAlgorithm"]) == ("PKCS7", "SHA256")
    assert not [body for body in posted if re.search(rf"(=|\b){PIN}\b", body)]
    with component.desk.provider.database.read() as tx:
        session = tx.connection.execute(select(BrowserSession.acr, BrowserSession.amr)).one()
    assert session.acr == "urn:portico:acr:card-hipki"
    assert "hipki" in session.amr
    assert "mfa" not in session.amr


def test_P03_a_wrong_pin_is_told_cleared_and_may_be_typed_again(component: Component) -> None:
    component.open()
    component.type("999999")
    component.state("pin_incorrect")
    expect(component.page.locator("#hipki-pin")).to_have_value("")
    expect(component.page.locator("#hipki-pin")).to_be_focused()

    component.type(PIN)

    component.desk.signed_in()


def signed(code: int) -> int:
    """Write a code as two's complement, as some components do."""
    return code - 2**32


CODES: dict[str, tuple[int, int, str]] = {
    "no card": (0x76000006, 0, "no_card"),
    "helper late": (0x7600000D, 0, "timeout"),
    "method": (0x7600000E, 0, "unsupported"),
    "domain": (0x7600000F, 0, "origin_denied"),
    "white list": (0x76000031, 0, "origin_denied"),
    "no PIN": (0x76000998, 0, "pin_length"),
    "cancelled": (0x76000999, 0, "cancelled"),
    "library": (0x76100001, 0, "no_module"),
    "reader": (0x76100003, 0, "no_reader"),
    "key": (0x76100008, 0, "no_credential"),
    "certificate": (0x7610000C, 0, "no_credential"),
    "expired": (0x76500002, 0, "cert_expired"),
    "another card, negative": (signed(0x83000102), 0, "wrong_card"),
    "signature": (0x76300001, 0, "module_error"),
    "unknown": (0x12345678, 0, "module_error"),
    "PIN wrong": (LOGIN_FAILED, 0xA0, "pin_incorrect"),
    "PIN length": (LOGIN_FAILED, 0xA2, "pin_length"),
    "PIN locked": (LOGIN_FAILED, 0xA4, "pin_locked"),
    "PIN wrong, one left": (LOGIN_FAILED, -2147483647, "pin_incorrect_last"),
    "PIN wrong, two left": (LOGIN_FAILED, -2147483646, "pin_incorrect"),
    "card failed": (LOGIN_FAILED, 0x06, "module_error"),
}


def test_P03_every_code_of_the_component_has_its_sentence(component: Component) -> None:
    component.open()
    for major, minor, said in CODES.values():
        component.double.instead = {"func": "sign", "ret_code": major, "last_error": minor}
        component.type(PIN)
        component.state(said)
        expect(component.page.locator("#hipki-submit")).to_be_enabled()
    assert component.desk.sessions() == 0
    assert {said for _, _, said in CODES.values()} <= set(HIPKI_STATES)


@pytest.mark.parametrize(
    "answer",
    [
        {"ret_code": 0},
        {"ret_code": 0, "signature": 7},
        {"ret_code": "0", "signature": "x"},
        {"ret_code": None},
        {},
        {"ret_code": 0, "signature": "x" * 70_000},
    ],
)
def test_an_answer_that_is_none_ends_the_try(component: Component, answer: dict[str, Any]) -> None:
    component.open()
    component.double.instead = answer
    component.type(PIN)
    component.state("module_error")


def test_T60_what_signs_another_text_is_refused(component: Component) -> None:
    component.open()
    text = "card-login v1 | https://evil.example | " + "N" * 43
    form = "document.forms['hipki-form']"
    component.page.evaluate(f"text => {form}.setAttribute('data-text', text)", text)

    component.type(PIN)

    expect(component.page.locator("#error-summary")).to_be_visible(timeout=PATIENCE)
    assert component.desk.sessions() == 0


def test_T56_a_window_that_is_not_the_components_gets_no_pin(component: Component) -> None:
    """Somebody else's page in the window, and another window, both say what the component says."""
    component.double.popup = b"""<!doctype html><script>
        location.href = location.href.replace("localhost", "127.0.0.1").replace("popupForm", "x");
        if (location.hostname === "127.0.0.1")
            opener.postMessage('{"func":"getTbs"}', "*");
        addEventListener("message", (event) => { fetch("/sign", {method: "POST",
            body: "tbsPackage=" + encodeURIComponent(event.data)}); });
        </script>"""
    component.open()
    component.page.evaluate(
        """() => { for (const origin of ["x", "http://localhost"])
            dispatchEvent(new MessageEvent("message", {data: '{"func":"getTbs"}', origin})); }"""
    )
    component.type(PIN)

    component.state("not_installed")
    assert component.double.asked == []
    expect(component.page.locator("#hipki-pin")).to_have_value("")


def test_P03_without_the_component_the_page_says_so(desk: Desk) -> None:
    desk.page.goto(f"{desk.site}/signin/hipki?ui_locales=en")
    desk.page.fill("#hipki-pin", PIN)
    desk.page.click("#hipki-submit")
    desk.state("not_installed")
    expect(desk.page.locator("#hipki-install")).to_be_visible()
    expect(desk.page.locator("#hipki-pin")).to_have_value("")


def test_P03_a_site_the_component_does_not_know_is_led_to_its_page(component: Component) -> None:
    component.open()
    component.double.instead = {"func": "sign", "ret_code": 0x76000031, "last_error": 0}
    component.type(PIN)
    component.state("origin_denied")

    link = component.page.locator("#hipki-allow")
    expect(link).to_be_visible()
    assert link.get_attribute("href") == (
        f"http://localhost:{component.desk.port}/addDomain?domain="
        + component.desk.site.removeprefix("https://").replace(":", "%3A")
    )


def test_P03_the_page_calls_it_off_and_sees_its_window_closed(component: Component) -> None:
    component.double.popup = b"<!doctype html><title>says nothing</title>"
    component.open()
    with component.desk.context.expect_page() as opened:
        component.type(PIN)
    component.page.click("#hipki-cancel")
    component.state("cancelled")
    with component.desk.context.expect_page() as opened:
        component.type(PIN)
    opened.value.close()
    component.state("window_closed")


def test_the_page_trusts_no_script_but_ours_and_no_connection(component: Component) -> None:
    answer = component.page.goto(f"{component.desk.site}/signin/hipki")
    assert answer is not None
    policy = answer.headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert answer.headers["cross-origin-opener-policy"] == "same-origin-allow-popups"
    assert component.page.locator("#hipki-pin").get_attribute("name") is None
    assert component.page.locator("script:not([src]), [style], [onclick], iframe").count() == 0


@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
def test_every_sentence_fits_a_small_screen_and_axe_finds_no_fault(desk: Desk, locale: str) -> None:
    desk.page.set_viewport_size({"width": 320, "height": 800})
    desk.page.goto(f"{desk.site}/signin/hipki?ui_locales={locale}")
    desk.state("ready")
    desk.page.evaluate(
        "() => document.querySelectorAll('form [hidden]').forEach(e => e.hidden = 0)"
    )

    found = Axe().run(desk.page)

    assert found.violations_count == 0, found.generate_report()
    assert desk.page.evaluate("() => document.documentElement.scrollWidth") <= 320
