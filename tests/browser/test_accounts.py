"""Opening an account, recovering it and looking after it: Chromium, real mail, three languages."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from idp import assembly
from idp.accounts.model import Kind, Profile
from idp.authenticators.password.captcha import Captcha
from idp.clock import system_clock
from idp.config import CaptchaSection, DatabaseSection
from idp.database.transaction import open_database
from idp.provider import Provider
from idp.secret import keychain, system_entropy
from tests.browser.conftest import violations
from tests.browser.test_second_factors import code, virtual_authenticator, without_autofill
from tests.conftest import ROOT_KEY
from tests.labs.smtp_sink import Sink, sink
from tests.people import CONFIG, Person, add, set_back
from tests.races.harness import Running, running

pytestmark = pytest.mark.timeout(180)
PASSWORD = "blue heron over quiet water"
NEW_PASSWORD = "seven quiet boats at anchor"
THIRD_PASSWORD = "nine lanterns over a wide river"
LAST_PASSWORD = "nine grey stones below the bridge"
RESET = r"http\S+/recovery/new\?token=\S+"
View = tuple[str, bool, str, int]
VIEWS: dict[str, View] = {
    # locale, whether scripts run, light or dark, width
    "zh-Hant, script, narrow": ("zh-TW", True, "light", 320),
    "zh-Hant, no script": ("zh-TW", False, "light", 1280),
    "zh-Hans, script, dark": ("zh-CN", True, "dark", 1280),
    "zh-Hans, no script, dark": ("zh-CN", False, "dark", 1280),
    "en, script, narrow, dark": ("en-US", True, "dark", 320),
    "en, no script, narrow": ("en-US", False, "light", 320),
}
SPOKEN = {"zh-TW": "zh-Hant-TW", "zh-CN": "zh-Hans", "en-US": "en"}


@dataclass(frozen=True)
class Site:
    """A provider whose mails arrive."""

    provider: Running
    mails: Sink
    records: Provider | None = None
    """The same record, without a door: what happened before a test begins is put there."""

    def mail_to(self, address: str, wanted: str, *, other_than: str = "") -> str:
        """Wait for the newest mail to an address that holds something; gives what it holds."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for letter in reversed(self.mails.letters):
                part = letter.get_body(("plain",))
                text = part.get_content() if part else ""
                found = re.search(wanted, text) if letter["To"] == address else None
                if found and found[0] != other_than:
                    return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no mail to {address} that holds {wanted}")

    def sign_in(self, page: Page, username: str, password: str) -> None:
        """Fill in the sign-in page at hand."""
        captcha = Captcha(keychain(ROOT_KEY).key("captcha"), CaptchaSection(), system_entropy)
        page.fill("#username", username)
        page.fill("#password", password)
        page.fill("#captcha", captcha.answer(page.input_value("input[name=captcha_id]")))
        page.click("#login-submit")
        page.wait_for_load_state()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("accounts")
    with sink() as mails:
        settings = {
            "PORTICO__CAPTCHA__MODE": "always",
            "PORTICO__THROTTLE__EXEMPT_NETWORKS": '["127.0.0.0/8"]',
            "PORTICO__WORKER__INSIDE_SERVE": "true",
            "PORTICO__OUTBOX__POLL_SECONDS": "1",
            "PORTICO__SMTP__HOST": "127.0.0.1",
            "PORTICO__SMTP__PORT": str(mails.port),
        }
        database = f"sqlite:///{folder / 'idp.sqlite'}"
        with running(folder, database, workers=1, settings=settings) as provider:
            opened = open_database(database, system_clock, connections=2)
            config = msgspec.structs.replace(CONFIG, database=DatabaseSection(url=database))
            yield Site(provider, mails, assembly.assemble(config, opened, keychain(ROOT_KEY)))
            opened.dispose()


class Look:
    """A window whose every stop is examined: its language, its width, and by axe if it is narrow.

    Axe costs more than all the rest, and a narrow page has everything that a wide one has.
    """

    def __init__(
        self, chromium: Browser, view: str, views: Mapping[str, View] = MappingProxyType(VIEWS)
    ) -> None:
        self.locale, self.script, scheme, self.width = views[view]
        self.context = chromium.new_context(
            locale=self.locale,
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": self.width, "height": 800},
            java_script_enabled=self.script,
            accept_downloads=True,
        )
        self.page = self.context.new_page()
        self.faults: dict[str, list[str]] = {}

    @property
    def name(self) -> str:
        """Call somebody after the way they look at the pages."""
        return f"{self.locale[-2:]}{'S' if self.script else 'N'}"

    def __call__(self, stop: str) -> None:
        expect(self.page.locator("html")).to_have_attribute("lang", SPOKEN[self.locale])
        found = violations(self.page) if self.script and self.width == 320 else []
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        self.faults[stop] = [*found, f"{wide} px wide"] if wide > self.width else found

    def found(self) -> dict[str, list[str]]:
        return {stop: faults for stop, faults in self.faults.items() if faults}


@pytest.mark.parametrize("view", VIEWS)
def test_an_account_is_opened_used_and_recovered(site: Site, chromium: Browser, view: str) -> None:
    look = Look(chromium, view)
    page = look.page
    person = Newcomer(f"NEW{look.name}", site, page)

    page.goto(f"{site.provider.url}/signin/password")
    register(person, look)
    activate_and_sign_in(person, look)
    look_around(person, look)
    recover(person, look)
    disown(person, look)
    look.context.close()

    assert look.found() == {}


@dataclass(frozen=True)
class Newcomer:
    """Somebody without an account, at a page."""

    name: str
    site: Site
    page: Page

    @property
    def address(self) -> str:
        return f"{self.name.lower()}@people.example"


def register(person: Newcomer, look: Look) -> None:
    page, name, address = person.page, person.name, person.address
    page.click("#link-register")
    look("choose")
    page.click("#register-begin")
    page.click("#register-accept")
    look("terms, not accepted")
    page.check("#accept")
    page.click("#register-accept")
    page.click("#register-details")
    expect(page.locator("#error-summary")).to_be_visible()
    look("details, empty")
    for field, value in {
        "name": "陳𠮷祥", "username": name, "birth_date": "0611218", "phone": "02-2311-3456#12",
        "mobile": "0912345678", "postal_code": "100", "street": "中正區重慶南路一段124號",
        "email_1": address, "password": PASSWORD, "password_again": PASSWORD,
    }.items():  # fmt: skip
        page.fill(f"#{field}", value)
    page.select_option("#region", "臺北市")
    if look.script:
        expect(page.locator("#password-strength meter")).to_be_visible()
    page.click("#register-details")
    look("e-mail")
    page.click("#code-send")
    page.fill("#code", "000000")
    page.click("#code-submit")
    expect(page.locator("#code-error")).to_be_visible()
    look("e-mail, wrong code")
    page.fill("#code", person.site.mail_to(address, r"\b\d{6}\b"))
    page.click("#code-submit")
    look("check")
    page.click("#register-finish")
    expect(page.locator("#register-done")).to_be_visible()
    look("done")


def activate_and_sign_in(person: Newcomer, look: Look) -> None:
    page, address = person.page, person.address
    page.goto(person.site.mail_to(address, r"http\S+/activate\?token=\S+"))
    look("activate")
    page.click("#activate-submit")
    expect(page.locator("#activated")).to_be_visible()
    page.click("#activate-signin")
    person.site.sign_in(page, person.name, PASSWORD)
    expect(page.locator("#sign-out")).to_be_visible()


def look_around(person: Newcomer, look: Look) -> None:
    page = person.page
    page.click("#link-account")
    for tab in ("account", "emails", "password", "sessions", "apps", "history", "data"):
        page.click(f"#tab-{tab}")
        look(tab)
        for choice in ("changes", "signins", "all") if tab == "history" else ():
            page.click(f"#show-{choice}")
            look(f"history, {choice}")
    page.click("#tab-account")
    page.click("#details-change")
    look("details of the account")
    page.fill("#street", "中正區博愛路131號")
    page.click("#details-submit")
    expect(page.locator("#saved")).to_be_visible()
    page.goto(person.site.provider.url)
    page.click("#sign-out")


def recover(person: Newcomer, look: Look) -> None:
    page, name, address = person.page, person.name, person.address
    page.goto(f"{person.site.provider.url}/signin/password")
    page.click("#link-forgotten")
    look("recovery")
    page.fill("#username", name)
    page.fill("#email", address)
    page.click("#recovery-submit")
    expect(page.locator("#recovery-sent")).to_be_visible()
    page.goto(person.site.mail_to(address, RESET))
    page.fill("#password", "short")
    page.fill("#password_again", "short")
    page.click("#new-password-submit")
    look("new password, too short")
    page.fill("#password", NEW_PASSWORD)
    page.fill("#password_again", NEW_PASSWORD)
    page.click("#new-password-submit")
    page.click("#password-signin")
    person.site.sign_in(page, name, NEW_PASSWORD)
    expect(page.locator("#sign-out")).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
def test_P31_an_account_is_looked_after_and_closed(
    site: Site, chromium: Browser, view: str
) -> None:
    look = Look(chromium, view)
    page, name = look.page, f"OLD{look.name}"
    profile = Profile(name="林美玲")
    known = Person(name, Kind.UNCERTIFIED, profile, f"{name.lower()}@people.example", PASSWORD)
    assert site.records is not None
    set_back(site.records, add(site.records, known))
    person = Newcomer(name, site, page)

    page.goto(f"{site.provider.url}/signin/password?journey=account")
    agree_again(person, look)
    change_the_password(person, look)
    change_the_addresses(person, look)
    end_other_sessions(person, look)
    take_the_data_along(person)
    secret, codes = set_an_app_up(person, look)
    sign_in_with(person, secret, codes)
    if look.script:
        add_and_use_a_passkey(person, look)
    close_the_account(person, look)
    look.context.close()

    assert look.found() == {}


def agree_again(person: Newcomer, look: Look) -> None:
    page = person.page
    person.site.sign_in(page, person.name, PASSWORD)
    look("terms have changed")
    page.click("#terms-accept")
    expect(page.locator("#accept-error")).to_be_visible()
    page.check("#accept")
    page.click("#terms-accept")
    expect(page.locator("#tab-account")).to_be_visible()


def change_the_password(person: Newcomer, look: Look) -> None:
    page = person.page
    page.click("#tab-password")
    for typed, new in (("not mine", THIRD_PASSWORD), (PASSWORD, THIRD_PASSWORD)):
        page.fill("#current", typed)
        page.fill("#password", new)
        page.fill("#password_again", new)
        page.click("#password-submit")
        if typed != PASSWORD:
            expect(page.locator("#current-error")).to_be_visible()
            look("password, wrong")
    person.site.sign_in(page, person.name, THIRD_PASSWORD)
    expect(page.locator("#tab-account")).to_be_visible()


def change_the_addresses(person: Newcomer, look: Look) -> None:
    page, second = person.page, f"second.{person.address}"
    page.click("#tab-emails")
    page.fill("#email", "nobody")
    page.click("#email-add")
    expect(page.locator("#email")).to_have_value("nobody")
    page.fill("#email", second)
    page.click("#email-add")
    page.fill("#code", person.site.mail_to(second, r"\b\d{6}\b"))
    look("e-mail, code is waited for")
    page.click("#code-submit")
    page.click("#email-first-2")
    expect(page.locator(".p-list li").first).to_contain_text(second)
    page.click("#email-remove-2")
    expect(page.locator("#email-first-2")).to_have_count(0)


def end_other_sessions(person: Newcomer, look: Look) -> None:
    page = person.page
    elsewhere = look.page.context.browser.new_context(java_script_enabled=look.script)  # type: ignore[union-attr]
    other = elsewhere.new_page()
    other.goto(f"{person.site.provider.url}/signin/password?journey=sessions")
    person.site.sign_in(other, person.name, THIRD_PASSWORD)
    page.click("#tab-sessions")
    look("two sessions")
    page.click("#end-others")
    expect(page.locator("#end-others")).to_have_count(0)
    other.reload()
    expect(other.locator("#login-form")).to_be_visible()
    elsewhere.close()


def take_the_data_along(person: Newcomer) -> None:
    page = person.page
    page.click("#tab-data")
    with page.expect_download() as taken:
        page.click("#data-export")
    told = json.loads(taken.value.path().read_text("utf-8"))
    assert told["document"]["account"]["username"] == person.name
    expect(page.locator("#data-export")).to_be_enabled()


def set_an_app_up(person: Newcomer, look: Look) -> tuple[str, list[str]]:
    page = person.page
    page.click("#tab-totp")
    page.click("#totp-begin")
    secret = page.inner_text("#totp-secret")
    page.fill("#code", code(secret, away=-1))
    page.click("#totp-confirm-submit")
    shown = page.locator("#recovery-codes code")
    expect(shown).to_have_count(10)
    codes = shown.all_inner_texts()
    look("recovery codes")
    with page.expect_download() as taken:
        page.click("#codes-file")
    kept = taken.value.path().read_text("utf-8")
    assert all(one in kept for one in codes)
    page.click("#lang-en" if look.locale != "en-US" else "#lang-zh-Hant")
    expect(page.locator("html")).not_to_have_attribute("lang", look.locale)
    expect(shown).to_have_text(codes)
    page.click(f"#lang-{'en' if look.locale == 'en-US' else SPOKEN[look.locale][:7]}")
    page.click("#codes-kept")
    expect(page.locator("#totp-remove")).to_be_visible()
    return secret, codes


def sign_in_with(person: Newcomer, secret: str, codes: list[str]) -> None:
    page, url = person.page, person.site.provider.url
    for field, typed, button in (
        ("#code", code(secret), "#totp-submit"),
        ("#recovery_code", codes[0], "#recovery-submit"),
    ):
        page.goto(url)
        page.click("#sign-out")
        page.goto(f"{url}/signin/password")
        person.site.sign_in(page, person.name, THIRD_PASSWORD)
        if field == "#recovery_code":
            page.click("#recovery summary")
        page.fill(field, typed)
        page.click(button)
        expect(page.locator("#sign-out")).to_be_visible()


def add_and_use_a_passkey(person: Newcomer, look: Look) -> None:
    page, url = person.page, person.site.provider.url
    without_autofill(page)
    with virtual_authenticator(page):
        page.goto(f"{url}/account/passkeys")
        page.fill("#name", "我的手機")
        page.click("#passkey-create")
        expect(page.locator("#passkey-1")).to_have_text("我的手機")
        look("passkeys")
        page.goto(url)
        page.click("#sign-out")
        page.goto(f"{url}/signin/password")
        page.click("#passkey-submit")
        expect(page.locator("#sign-out")).to_be_visible()


def close_the_account(person: Newcomer, look: Look) -> None:
    page = person.page
    page.goto(f"{person.site.provider.url}/account/data")
    expect(page.locator("#lost-app")).to_be_visible()
    look("what goes with the account")
    page.fill("#username", "SOMEBODY")
    page.click("#account-close")
    expect(page.locator("#username-error")).to_be_visible()
    page.fill("#username", person.name)
    page.click("#account-close")
    expect(page.locator("#account-closed")).to_be_visible()
    page.goto(f"{person.site.provider.url}/signin/password")
    person.site.sign_in(page, person.name, THIRD_PASSWORD)
    expect(page.locator("#error-summary")).to_be_visible()


def disown(person: Newcomer, look: Look) -> None:
    """Say by the link of a mail that it was somebody else, and set another password."""
    page, name, address = person.page, person.name, person.address
    before = person.site.mail_to(address, RESET)
    link = person.site.mail_to(address, r"http\S+/not-me\?token=\S+")
    page.goto(link)
    look("not me")
    page.click("#not-me")
    expect(page.locator("#disowned")).to_be_visible()
    look("disowned")
    page.click("#to-front-page")
    expect(page.locator("#sign-out")).to_have_count(0)
    page.goto(link)
    page.click("#not-me")
    expect(page.locator("#not-me-lost")).to_be_visible()
    look("not me, used")
    page.goto(person.site.mail_to(address, RESET, other_than=before))
    page.fill("#password", LAST_PASSWORD)
    page.fill("#password_again", LAST_PASSWORD)
    page.click("#new-password-submit")
    page.click("#password-signin")
    person.site.sign_in(page, name, LAST_PASSWORD)
    expect(page.locator("#sign-out")).to_be_visible()
    page.click("#link-history")
    page.click("#show-changes")
    # Set anew, disowned, set anew by the forgotten one: and what was before.
    assert page.locator("#happened > li").count() >= 4


def test_back_and_two_tabs_lead_to_no_dead_end(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(locale="en-US")
    one, two = context.new_page(), context.new_page()
    one.goto(f"{site.provider.url}/register-account")
    one.click("#register-begin")
    one.check("#accept")
    one.click("#register-accept")
    two.goto(one.url)
    for page, name in ((one, "TABONE"), (two, "TABTWO")):
        for field, value in {
            "name": "Two Tabs", "username": name, "phone": "02-2311-3456",
            "email_1": "tabs@people.example", "password": PASSWORD, "password_again": PASSWORD,
        }.items():  # fmt: skip
            page.fill(f"#{field}", value)
        page.click("#register-details")
    one.go_back()
    expect(one.locator("#details-form")).to_be_visible()
    one.go_forward()

    two.click("#code-send")
    two.fill("#code", site.mail_to("tabs@people.example", r"\b\d{6}\b"))
    two.click("#code-submit")
    expect(two.locator("#username")).to_have_text("TABTWO")
    one.goto(two.url)
    two.click("#register-finish")
    one.click("#register-finish")

    expect(one.locator("#register-done")).to_be_visible()
    expect(two.locator("#register-done")).to_be_visible()
    context.close()
