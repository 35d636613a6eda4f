"""Opening an account, recovering it and looking after it: Chromium, real mail, three languages."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from idp.authenticators.password.captcha import Captcha
from idp.config import CaptchaSection
from idp.secret import keychain, system_entropy
from tests.browser.conftest import violations
from tests.conftest import ROOT_KEY
from tests.labs.smtp_sink import Sink, sink
from tests.races.harness import Running, running

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(180)]
PASSWORD = "blue heron over quiet water"
NEW_PASSWORD = "seven quiet boats at anchor"
LAST_PASSWORD = "nine grey stones below the bridge"
RESET = r"http\S+/recovery/new\?token=\S+"
LOOKS = {
    # locale, whether scripts run, light or dark, width
    "zh-Hant, script, narrow": ("zh-TW", True, "light", 320),
    "zh-Hans, no script, dark": ("zh-CN", False, "dark", 1280),
    "en, script, narrow, dark": ("en-US", True, "dark", 320),
}


@dataclass(frozen=True)
class Site:
    """A provider whose mails arrive."""

    provider: Running
    mails: Sink

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
            yield Site(provider, mails)


class Look:
    """A page whose every stop is examined: by axe where scripts run, and for its width."""

    def __init__(self, page: Page, width: int, *, script: bool) -> None:
        self.page, self.width, self.script = page, width, script
        self.faults: dict[str, list[str]] = {}

    def __call__(self, stop: str) -> None:
        if self.script:
            self.faults[stop] = violations(self.page)
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            if wide > self.width:
                self.faults[stop].append(f"{wide} px wide")

    def found(self) -> dict[str, list[str]]:
        return {stop: faults for stop, faults in self.faults.items() if faults}


@pytest.mark.parametrize("view", LOOKS)
def test_an_account_is_opened_used_and_recovered(site: Site, chromium: Browser, view: str) -> None:
    locale, script, scheme, width = LOOKS[view]
    context = chromium.new_context(
        locale=locale,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": width, "height": 800},
        java_script_enabled=script,
    )
    page = context.new_page()
    person = Newcomer(f"P{locale[-2:]}{width}{scheme[0].upper()}", site, page)
    look = Look(page, width, script=script)

    page.goto(f"{site.provider.url}/signin/password")
    register(person, look)
    activate_and_sign_in(person, look)
    look_around(person, look)
    recover(person, look)
    disown(person, look)
    context.close()

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
