"""Judges at their page, and through the registration of their first sign-in: in three languages."""

from collections.abc import Iterator

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Stack
from tests.browser.test_accounts import Look, Site, View
from tests.labs.samba_ad import COURTS, PASSWORD, Domain
from tests.labs.smtp_sink import sink
from tests.races.harness import running

pytestmark = pytest.mark.timeout(180)

VIEWS: dict[str, View] = {
    "zh-Hant": ("zh-TW", True, "light", 320),
    "zh-Hans, dark": ("zh-CN", True, "dark", 320),
    "en, no script": ("en-US", False, "light", 320),
    "en": ("en-US", True, "light", 320),
}
WHO = {
    "zh-Hant": "COURT\\wang.dm",
    "zh-Hans, dark": "elsewhere",
    "en, no script": "weird",
    "en": "lee.ys@judicial.test",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, samba_ad: Domain) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("judges")
    database = f"sqlite:///{folder / 'idp.sqlite'}"
    with sink() as mails:
        settings = {
            "PORTICO__CAPTCHA__MODE": "always",
            "PORTICO__DIRECTORIES": msgspec.json.encode([samba_ad.section()]).decode(),
            "PORTICO__THROTTLE__EXEMPT_NETWORKS": '["127.0.0.0/8"]',
            "PORTICO__WORKER__INSIDE_SERVE": "true",
            "PORTICO__OUTBOX__POLL_SECONDS": "1",
            "PORTICO__SMTP__HOST": "127.0.0.1",
            "PORTICO__SMTP__PORT": str(mails.port),
        }
        with running(folder, database, workers=1, settings=settings) as provider:
            yield Site(provider, mails)


@pytest.mark.parametrize("view", VIEWS)
def test_P04_P20_a_judge_comes_in_for_the_first_time(
    site: Site, chromium: Browser, view: str
) -> None:
    look = Look(chromium, view, VIEWS)
    page, mailbox = look.page, f"judge{list(VIEWS).index(view)}@people.example"

    page.goto(f"{site.provider.url}/signin/password")
    look("the ways")
    page.click("#way-directory")
    look("the form")
    expect(page.locator("#captcha")).to_have_count(0)
    page.click("#login-submit")
    expect(page.locator("#error-summary")).to_be_visible()
    look("the form, empty")
    page.fill("#username", WHO[view])
    page.fill("#password", PASSWORD)
    page.click("#login-submit")
    expect(page.locator("#judge-led")).to_be_visible()
    look("terms")
    page.check("#accept")
    page.click("#register-accept")
    expect(page.locator("#fact-ad_account")).to_be_visible()
    look("details")
    if page.locator("#court").count():
        page.click("#register-details")
        expect(page.locator("#court-error")).to_be_visible()
        look("details, no court")
        page.select_option("#court", "KSD")
    page.fill("#email_list", f"{mailbox}; {mailbox}")
    page.click("#register-details")
    expect(page.locator("#email_list-error")).to_be_visible()
    look("details, twice the same")
    page.fill("#email_list", f"{mailbox}; other.{mailbox}")
    page.click("#register-details")
    page.click("#code-send")
    look("e-mail")
    page.fill("#code", site.mail_to(mailbox, r"\b\d{6}\b"))
    page.click("#code-submit")
    look("check")
    page.click("#register-finish")
    expect(page.locator("#sign-out")).to_be_visible()
    look("the front page, signed in")
    page.click("#link-account")
    expect(page.locator("#office")).to_be_visible()
    look("account")
    assert space_below_the_office(look) >= 8
    choose_another_court(look)
    page.click("#tab-password")
    expect(page.locator("#password-elsewhere")).to_be_visible()
    look("password")
    look.context.close()

    assert look.found() == {}


def space_below_the_office(look: Look) -> float:
    """Measure, on a wide page, how far the note stands below the last thing it is about."""
    look.page.set_viewport_size({"width": 1280, "height": 800})
    gap: float = look.page.evaluate(
        """() => {
          const office = document.getElementById("office");
          const note = office.nextElementSibling.getBoundingClientRect();
          return note.top - office.getBoundingClientRect().bottom;
        }"""
    )
    look.page.set_viewport_size({"width": look.width, "height": 800})
    return gap


def choose_another_court(look: Look) -> None:
    """Where the directory has named none, on the account page."""
    if not look.page.locator("#court-change").count():
        return
    look.page.click("#court-change")
    look("another court")
    look.page.select_option("#court", "TPD")
    look.page.click("#court-submit")
    expect(look.page.locator("main")).to_contain_text(COURTS["TPD"])
    look("account, another court")


@pytest.mark.parametrize("view", ["zh-Hant", "zh-Hans, dark", "en"])
def test_P04_without_a_directory_the_tab_says_so(
    stack: Stack, chromium: Browser, view: str
) -> None:
    look = Look(chromium, view, VIEWS)

    look.page.goto(f"{stack.provider.url}/signin/directory")

    expect(look.page.locator("#directory-none")).to_be_visible()
    look("no directory")
    look.context.close()
    assert look.found() == {}
