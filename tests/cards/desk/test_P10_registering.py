"""A person and a company open accounts with their cards, and sign in with them (P10, P11, B07)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import expect

from cardbridge.lab.pki import LabPki
from idp.provider import Provider
from tests.bridge.cards import FileCard
from tests.cards.desk.conftest import PATIENCE, Desk
from tests.cards.test_P10_registration import CITIZEN, COMPANY
from tests.http.test_B_registration import last_code
from tests.labs.card_holders import made, take

pytestmark = [
    pytest.mark.usefixtures("responder"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def file_card(provider: Provider, lab: LabPki, kind: str, tmp_path: Path) -> FileCard:
    """A card of somebody who has no account."""
    if kind != "moica":
        take(provider, lab, kind)
    issued = made(lab, kind)
    key = issued.sign.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    card = FileCard(tmp_path / "card", key)
    card.put(certificates=[issued.sign.certificate])
    return card


@pytest.fixture
def ready(desk: Desk) -> Iterator[Desk]:
    desk.grant()
    with desk.bridge():
        yield desk


def show_the_card(desk: Desk) -> None:
    desk.state("ready")
    desk.press()


def accept(desk: Desk) -> None:
    desk.page.check("#accept")
    desk.page.click("#register-accept")


def fill_in(desk: Desk, typed: dict[str, str]) -> None:
    for name, value in typed.items():
        if name == "region":
            desk.page.select_option("#region", value)
        else:
            desk.page.fill(f"#{name}", value)
    desk.page.click("#register-details")


def confirm(desk: Desk, address: str) -> None:
    desk.page.click("#code-send")
    desk.page.wait_for_selector("#code")
    desk.page.fill("#code", last_code(desk.provider, address))
    desk.page.click("#code-submit")
    desk.page.wait_for_selector("#check-form")
    has_no_fault(desk)
    desk.page.click("#register-finish")
    desk.page.wait_for_selector("#register-done")


def has_no_fault(desk: Desk) -> None:
    found = Axe().run(desk.page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("kind", ["moica"], indirect=True)
def test_P10_a_person_registers_and_signs_in_with_the_same_card(ready: Desk) -> None:
    ready.page.goto(f"{ready.site}/register-account?kind=citizen&lang=zh-Hant")
    ready.page.click("#register-begin-citizen")
    accept(ready)
    ready.state("ready")
    has_no_fault(ready)

    show_the_card(ready)
    expect(ready.page.locator("#fact-name")).to_have_text("林美玲", timeout=PATIENCE)
    has_no_fault(ready)
    fill_in(ready, CITIZEN)
    confirm(ready, CITIZEN["email_1"])
    ready.page.click("#register-signin")
    show_the_card(ready)

    ready.signed_in()
    assert ready.person.questions().count("GETPIN") == 2


@pytest.mark.parametrize("kind", ["moeaca"], indirect=True)
def test_B07_a_company_without_an_account_types_its_pin_once(ready: Desk) -> None:
    ready.open("zh-Hans")
    show_the_card(ready)
    expect(ready.page.locator("#card-led")).to_be_visible(timeout=PATIENCE)
    has_no_fault(ready)

    accept(ready)
    expect(ready.page.locator("#fact-uniform_number")).to_have_text("12345675")
    has_no_fault(ready)
    fill_in(ready, COMPANY)
    confirm(ready, COMPANY["email_1"])

    assert ready.person.questions().count("GETPIN") == 1
    ready.page.click("#register-signin")
    show_the_card(ready)
    ready.signed_in()
