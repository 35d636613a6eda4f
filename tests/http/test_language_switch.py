"""Switching the language of a page with a form: nothing typed is lost, nothing is done."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from flask import template_rendered
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cardbridge.lab.holders import CITIZEN
from cardbridge.lab.pki import LabPki
from idp.accounts import offices
from idp.accounts.model import Kind, Office
from idp.authenticators.card import offers
from idp.authenticators.card.candidate import Candidate
from idp.authenticators.card.challenges import Purpose
from idp.authenticators.card.evidence import Presented, package
from idp.authenticators.card.formats import Asked, Format
from idp.authenticators.card.offers import Offer
from idp.authenticators.card.reasons import Flaw, Unfit
from idp.config import CaptchaSection, CardsSection, Config, ThrottleSection
from idp.database.columns import Table
from idp.database.transaction import Transaction
from idp.mail.messages import Recovery
from idp.provider import Provider
from tests import people
from tests.conftest import Enrol
from tests.factors import SoftKey, options_on, with_app
from tests.http.test_B_registration import accept, begin, describe, send
from tests.labs import letters
from tests.labs.card_holders import take
from tests.labs.paper_directory import SECTION
from tests.labs.typist import Page
from tests.people import BASE, Browser, Person

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass
class Visit:
    """A person on their way to a page."""

    browser: Browser
    provider: Provider
    person: Person
    enrol: Enrol
    lab: Callable[[], LabPki]

    def sign_in(self, page: str = "account") -> TestResponse:
        self.browser.get("/signin/password", journey=page)
        return self.browser.sign_in(self.person)


def register_terms(visit: Visit) -> None:
    begin(visit.browser)


def register_details(visit: Visit) -> None:
    begin(visit.browser)
    accept(visit.browser)


def register_email(visit: Visit) -> None:
    register_details(visit)
    describe(visit.browser)
    send(visit.browser)


def ask_again(visit: Visit) -> None:
    people.set_back(visit.provider, visit.person)
    visit.sign_in()


def consent(visit: Visit) -> None:
    visit.browser.authorize("stranger", scope="openid profile")
    visit.browser.sign_in(visit.person)


def second_factor(visit: Visit) -> None:
    with_app(visit.provider, visit.person)
    visit.sign_in()


def new_password(visit: Visit) -> None:
    form = {"username": visit.person.account_name, "email": visit.person.email}
    visit.browser.get("/recovery")
    visit.browser.post("/recovery", visit.browser.hidden() | form)
    (mail,) = letters.messages(visit.provider, visit.person.email)
    assert isinstance(mail, Recovery)
    visit.browser.get("/recovery/new", token=mail.token)


def totp(visit: Visit) -> None:
    visit.sign_in("totp")
    visit.browser.post("/account/totp", visit.browser.hidden() | {"action": "begin"})
    visit.browser.follow()


def passkeys(visit: Visit) -> None:
    visit.sign_in("passkeys")
    made = SoftKey().make(options_on(visit.browser))
    visit.browser.post(
        "/account/passkeys", visit.browser.hidden() | {"action": "add", "credential": made}
    )
    visit.browser.get("/account/passkeys")


def first_card(visit: Visit) -> None:
    """With the offer of a card that has to come with a code."""
    portico, lab = visit.provider, visit.lab()
    take(portico, lab, "moica")
    visit.person = people.add(
        portico, Person("TYPED1", kind=Kind.UNCERTIFIED, email="typed@people.example")
    )
    account = visit.person.account
    assert account is not None
    asked = Asked("https://sso.example", "c", Purpose.ADD)
    made = lab.issue("moica", CITIZEN, key="p256").sign.certificate
    with portico.database.write() as tx:
        traced = portico.card_holders.trace(tx, made)
        assert isinstance(traced, Candidate)
        presented = Presented(Format.TWCARD, "{}", asked)
        content = package(presented, traced, Unfit(Flaw.REVOKED), tx.now)
        kept = portico.card_evidence.keep(tx, content, account.id)
        offer = offers.make(tx, Offer(account.id, kept, "added"), portico.entropy)
    visit.sign_in()
    visit.browser.get("/account/cards", offer=offer)


def linkable(visit: Visit, page: str) -> None:
    home = {"link_uri": "https://app.example/link", "jwks_uri": "https://app.example/jwks"}
    visit.enrol("older", **home)
    visit.sign_in()
    visit.browser.get(page)


def account(page: str) -> Callable[[Visit], None]:
    def go(visit: Visit) -> None:
        visit.sign_in()
        visit.browser.get(page)

    return go


def of_no_court(visit: Visit) -> None:
    with visit.provider.database.write() as tx:
        found = visit.provider.accounts.named(tx, visit.person.account_name)
        assert found is not None
        offices.put(tx, found.id, Office(SECTION.id, "wang.dm"))
    visit.sign_in()
    visit.browser.get("/account/court")


def opens(page: str) -> Callable[[Visit], None]:
    def go(visit: Visit) -> None:
        visit.browser.get(page)

    return go


STOPS: dict[str, Callable[[Visit], None]] = {
    "signin/password.html": opens("/signin/password"),
    "signin/consent.html": consent,
    "signin/second_factor.html": second_factor,
    "signin/terms.html": ask_again,
    "signin/directory.html": opens("/signin/directory"),
    "signin/hipki.html": opens("/signin/hipki"),
    "signin/recovery.html": opens("/recovery"),
    "signin/new_password.html": new_password,
    "signin/register/choose.html": opens("/register-account"),
    "signin/register/terms.html": register_terms,
    "signin/register/details.html": register_details,
    "signin/register/email.html": register_email,
    "portal/account/cards.html": first_card,
    "portal/account/court.html": of_no_court,
    "portal/account/data.html": account("/account/data"),
    "portal/account/details.html": account("/account/details"),
    "portal/account/emails.html": account("/account/emails"),
    "portal/account/password.html": account("/account/password"),
    "portal/device.html": account("/device"),
    "portal/link.html": lambda visit: linkable(visit, "/links/older"),
    "portal/links.html": lambda visit: linkable(visit, "/links"),
    "portal/passkeys.html": passkeys,
    "portal/totp.html": totp,
}
SECRETS_ALONE = {
    "signin/hipki.html",
    "signin/second_factor.html",
    "signin/new_password.html",
    "signin/register/email.html",
    "portal/account/cards.html",
    "portal/account/password.html",
    "portal/totp.html",
}
"""Where nothing may be shown again: the switch stays a link, and a script keeps what is typed."""


@pytest.fixture
def config() -> Config:
    """Every way to sign in is open: each has a page that is typed into."""
    return msgspec.structs.replace(
        people.CONFIG, cards=CardsSection(enabled=True, hipki=True), directories=[SECTION]
    )


@pytest.fixture
def visit(
    browser: Browser, provider: Provider, citizen: Person, enrol: Enrol, tmp_path: Path
) -> Visit:
    def lab() -> LabPki:
        return LabPki.create(tmp_path, base_url="http://127.0.0.1:9")

    return Visit(browser, provider, citizen, enrol, lab)


@pytest.fixture
def rendered(browser: Browser) -> list[str]:
    """The names of the templates that are rendered."""
    names: list[str] = []

    def note(sender: object, template: object, **_more: object) -> None:
        del sender
        names.append(getattr(template, "name", ""))

    template_rendered.connect(note, browser.client.application, weak=False)
    return names


@pytest.mark.parametrize("template", STOPS)
def test_what_is_typed_is_there_in_the_other_language(
    visit: Visit, rendered: list[str], template: str
) -> None:
    STOPS[template](visit)
    page = page_at(visit.browser)
    assert rendered[-1] == template
    before = counted(visit.provider)

    switched = switch(visit.browser, "zh-Hant")

    assert switched.status_code == 200
    assert '<html lang="zh-Hant-TW">' in switched.text
    assert rendered[-1] == template
    assert "error-summary" not in switched.text
    assert counted(visit.provider) == before
    carried = page.carried("zh-Hant")
    assert page_at(visit.browser).held() == page.held() | carried
    assert not any(secret in switched.text for secret in page.secrets().values())
    assert bool(carried) == (template not in SECRETS_ALONE)


def test_where_too_many_sign_in_the_language_can_be_switched_all_the_same(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit.browser.get("/signin/password")
    page = page_at(visit.browser)
    sent = page.sent("zh-Hant")
    assert sent
    monkeypatch.setattr(visit.provider.password, "is_full", lambda: True)

    switched = visit.browser.post(page.address("zh-Hant"), sent)
    held = page_at(visit.browser).held()
    refused = visit.browser.post("/signin/password", sent)

    assert (switched.status_code, refused.status_code) == (200, 503)
    assert held == page.held() | page.carried("zh-Hant")


def test_a_form_of_another_site_is_refused_as_ever(visit: Visit) -> None:
    visit.browser.get("/recovery")
    form = visit.browser.hidden() | {"username": "TRAP"}

    forged = visit.browser.post("/recovery?lang=en&typed=recovery-form", form | {"csrf_token": "x"})
    crossed = visit.browser.post(
        "/recovery?lang=en&typed=recovery-form", form, **{"Sec-Fetch-Site": "cross-site"}
    )

    assert forged.status_code == crossed.status_code == 403
    assert "TRAP" not in forged.text + crossed.text


def test_a_field_that_comes_twice_is_refused(visit: Visit) -> None:
    visit.browser.get("/recovery")
    token = visit.browser.hidden()["csrf_token"]

    twice = visit.browser.client.post(
        "/recovery?lang=en&typed=recovery-form",
        data={"csrf_token": token, "username": ["one", "two"]},
        base_url=BASE,
    )

    assert twice.status_code == 403


def test_a_get_with_the_mark_fills_in_nothing(visit: Visit) -> None:
    page = visit.browser.get("/recovery", username="TRAP", typed="recovery-form")

    assert page.status_code == 200
    assert "TRAP" not in page.text


@pytest.mark.parametrize(
    ("path", "form", "page"),
    [
        ("/account/emails/add", {"email": "nobody"}, "/account/emails"),
        ("/account/data/close", {"username": "SOMEBODY"}, "/account/data"),
        ("/account/password", {}, "/account/password"),
        ("/recovery", {"username": "A"}, "/recovery"),
        ("/signin/password", {"username": "A"}, "/signin/password"),
        ("/signin/passkey", {}, "/signin/password"),
    ],
)
def test_after_an_answer_the_switch_leads_to_the_page_it_is_on(
    visit: Visit, path: str, form: dict[str, str], page: str
) -> None:
    visit.sign_in()
    visit.browser.get("/account/emails")

    answered = visit.browser.post(path, visit.browser.hidden() | form)

    assert answered.status_code == 422
    found = re.search(r'id="lang-en"[^>]*?(?:href|formaction)="([^"?]+)', answered.text)
    assert found
    assert found[1] == page


def test_a_request_of_an_app_that_happens_to_bear_the_mark_is_one(visit: Visit) -> None:
    asked = visit.browser.post("/authorize?typed=app", people.request_of("app"))

    assert asked.headers["Location"].startswith("/authorize/continue?journey=")


def test_the_way_back_to_the_app_is_kept(visit: Visit) -> None:
    linkable(visit, "/links/older?return_to=https://app.example/link/back")

    switched = switch(visit.browser, "en")

    assert 'name="return_to" value="https://app.example/link/back"' in switched.text


def test_a_question_that_a_form_led_to_is_asked_again_in_the_other_language(
    visit: Visit,
) -> None:
    visit.sign_in()
    visit.browser.get("/logout", state="of the app", client_id="app")
    assert 'id="logout-confirm"' in visit.browser.last.text  # type: ignore[union-attr]

    switched = switch(visit.browser, "zh-Hans")

    assert '<html lang="zh-Hans">' in switched.text
    assert 'name="state" value="of the app"' in switched.text
    assert 'id="logout-confirm"' in switched.text


def test_the_enter_key_signs_in_and_switches_nothing(visit: Visit) -> None:
    visit.browser.get("/signin/password")
    signs_in = page_at(visit.browser).first_buttons["login-form"]
    consent(visit)
    allows = page_at(visit.browser).first_buttons["consent-form"]

    assert (signs_in["name"], signs_in["value"]) == ("action", "continue")
    assert (allows["name"], allows["value"]) == ("decision", "allow")


class TestWithDigits:
    @pytest.fixture
    def config(self) -> Config:
        return msgspec.structs.replace(
            people.CONFIG,
            captcha=CaptchaSection(mode="adaptive"),
            throttle=ThrottleSection(captcha_per_hour=1),
        )

    def test_the_six_digits_stay_those_that_are_being_typed(self, visit: Visit) -> None:
        visit.browser.get("/signin/password")
        for _ in range(2):
            visit.browser.sign_in(visit.person, "a wrong one")
        asked = page_at(visit.browser).hidden["login-form"]["captcha_id"]

        switch(visit.browser, "zh-Hant")

        assert page_at(visit.browser).hidden["login-form"]["captcha_id"] == asked
        answer = visit.provider.captcha.answer(asked)
        visit.browser.sign_in(visit.person, captcha=answer)
        assert visit.browser.trail[-1] == "GET /"

    def test_digits_that_are_used_up_are_replaced(self, visit: Visit) -> None:
        visit.browser.get("/signin/password")
        for _ in range(2):
            visit.browser.sign_in(visit.person, "a wrong one")
        page = page_at(visit.browser)
        asked = page.hidden["login-form"]["captcha_id"]
        visit.browser.sign_in(visit.person, "a wrong one", captcha="000000")

        visit.browser.post(page.address("en"), page.sent("en") or {})

        assert page_at(visit.browser).hidden["login-form"]["captcha_id"] != asked


def page_at(browser: Browser) -> Page:
    assert browser.last is not None
    return Page.of(browser.last.text)


def switch(browser: Browser, code: str) -> TestResponse:
    """Fill in every field of the page at hand and click a language."""
    page = page_at(browser)
    sent = page.sent(code)
    if sent is None:
        return browser.get(page.address(code))
    return browser.post(page.address(code), sent)


def counted(provider: Provider) -> dict[str, int]:
    """Count the rows of every table, but for the challenges that any page brings along."""
    with provider.database.read() as tx:
        return {
            name: rows_of(tx, name)
            for name in Table.metadata.tables
            if not name.endswith("_challenges")
        }


def rows_of(tx: Transaction, name: str) -> int:
    return int(tx.scalar(select(func.count()).select_from(Table.metadata.tables[name])))
