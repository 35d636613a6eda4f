"""A card is added on the account page, signs in and is removed, in a real browser (P41)."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Page, expect

from cardbridge.lab.holders import CITIZEN
from cardbridge.lab.pki import LabPki
from idp.accounts.model import Profile
from idp.provider import Provider
from tests import people
from tests.bridge.cards import FileCard
from tests.cards.desk.conftest import PATIENCE, SIGNED_IN, Desk
from tests.labs.card_holders import card_of
from tests.people import PASSWORD, Person

pytestmark = [
    pytest.mark.usefixtures("responder"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def citizen(provider: Provider) -> Person:
    """Whom the lab's card is made for, with an account that no card opens yet."""
    return people.add(provider, Person("LIN1", profile=Profile(name=CITIZEN.name)))


@pytest.fixture
def file_card(provider: Provider, lab: LabPki, tmp_path: Path) -> FileCard:
    issued = card_of(provider, lab, None)
    key = issued.sign.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    card = FileCard(tmp_path / "card", key)
    card.put(certificates=[issued.sign.certificate])
    return card


def by_password(desk: Desk, person: Person) -> Page:
    """Sign in by password and stop at the account's cards."""
    desk.page.goto(f"{desk.site}/signin/password?journey=cards&ui_locales=en")
    desk.page.fill("#username", person.account_name)
    desk.page.fill("#password", PASSWORD)
    desk.page.click("#login-submit")
    expect(desk.page.locator("#no-cards")).to_be_visible(timeout=PATIENCE)
    return desk.page


def test_P41_a_card_is_added_signs_in_and_is_removed(desk: Desk, citizen: Person) -> None:
    desk.grant()
    with desk.bridge():
        page = by_password(desk, citizen)
        desk.state("ready")
        desk.press()
        expect(page.locator("#offer-holder")).to_have_text(CITIZEN.name, timeout=PATIENCE)
        page.click("#card-follow")
        expect(page.locator("#saved")).to_be_visible(timeout=PATIENCE)
        expect(page.locator("#card-1")).to_have_text("Citizen certificate")
        assert Axe().run(page).violations_count == 0
        added = " ".join(desk.person.was_told())

        page.goto(f"{desk.site}/")
        page.click("#sign-out")
        page.wait_for_url(re.compile(r"/logout/done"))
        desk.open()
        desk.state("ready")
        desk.press()
        page.wait_for_url(SIGNED_IN, timeout=PATIENCE)

        page.goto(f"{desk.site}/account/cards")
        page.click("#remove-1")
        expect(page.locator("#only-card")).to_be_visible()
        assert Axe().run(page).violations_count == 0
        page.click("#card-remove")
        page.wait_for_url(re.compile("saved=1"))

    expect(page.locator("#no-cards")).to_be_visible()
    expect(page.locator("#saved")).to_contain_text("Citizen certificate")
    assert "asks to add your card to your account" in added


def test_P41_without_javascript_the_page_says_what_is_missing(desk: Desk, citizen: Person) -> None:
    browser = desk.context.browser
    assert browser is not None
    context = browser.new_context(locale="en", ignore_https_errors=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{desk.site}/signin/password?journey=cards")
    page.fill("#username", citizen.account_name)
    page.fill("#password", PASSWORD)
    page.click("#login-submit")

    expect(page.locator("noscript .p-notice, .p-notice")).to_contain_text("JavaScript")
    expect(page.locator("#card-form")).to_be_hidden()
    context.close()
