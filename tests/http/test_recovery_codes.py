"""New recovery codes are shown once; the page that shows them can be printed, kept and read."""

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from idp.provider import Provider
from tests.clock import MovableClock
from tests.factors import App, codes_on, set_up_app
from tests.labs.typist import Page
from tests.people import LAWYER, Browser, Person, add

PAGE = "/account/recovery-codes"


@pytest.fixture
def app(browser: Browser, provider: Provider, citizen: Person) -> App:
    """Somebody at the page of their codes."""
    browser.get("/signin/password", journey="totp")
    browser.sign_in(citizen)
    return set_up_app(browser, provider)


def again(browser: Browser, **fields: str) -> TestResponse:
    return browser.post(PAGE, browser.hidden() | fields)


def test_in_another_language_they_are_the_same(browser: Browser, app: App) -> None:
    assert browser.last is not None
    page = Page.of(browser.last.text)

    switched = browser.post(page.address("zh-Hant"), page.sent("zh-Hant") or {})

    assert '<html lang="zh-Hant-TW">' in switched.text
    assert codes_on(switched.text) == app.recovery_codes
    assert 'id="codes-kept" href="/account/totp"' in switched.text
    assert codes_on(page.address("zh-Hant")) == []


def test_they_are_taken_along_as_a_file_that_nothing_keeps(browser: Browser, app: App) -> None:
    taken = again(browser, action="file")

    assert taken.content_type == "text/plain; charset=utf-8"
    assert taken.headers["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert taken.headers["Cache-Control"] == "no-store"
    assert codes_on(taken.text) == app.recovery_codes
    assert "CITIZEN1" in taken.text
    assert "2026-11-20 Fri" in taken.text
    assert "<" not in taken.text
    assert "&" not in taken.text


@pytest.mark.usefixtures("app")
def test_they_work_afterwards(browser: Browser, citizen: Person) -> None:
    code = codes_on(again(browser, action="file").text)[9]
    browser.get("/")
    browser.post("/signout", browser.hidden())
    browser.get("/signin/password")
    browser.sign_in(citizen)

    browser.post(
        "/signin/second-factor",
        browser.hidden() | {"action": "recovery_code", "recovery_code": code},
    )

    assert 'id="sign-out"' in browser.follow().text


def lost(answer: TestResponse, app: App) -> bool:
    return (
        answer.status_code == 410
        and 'id="error-code">codes_lost' in answer.text
        and not set(codes_on(answer.text)) & set(app.recovery_codes)
    )


def test_after_a_quarter_of_an_hour_they_are_shown_no_longer(
    browser: Browser, app: App, clock: MovableClock
) -> None:
    clock.advance(timedelta(minutes=15))
    assert codes_on(again(browser).text) == app.recovery_codes
    clock.advance(timedelta(seconds=1))

    assert lost(again(browser), app)


def test_once_there_are_newer_ones_the_old_are_not_shown(browser: Browser, app: App) -> None:
    before = browser.hidden()
    browser.get("/account/totp")
    renewed = browser.post("/account/totp", browser.hidden() | {"action": "renew"})
    assert len(codes_on(renewed.text)) == 10

    assert lost(browser.post(PAGE, before), app)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("sealed", ["", "x", "AAAA", "A" * 400, "%%%", "é", "\x00"])
def test_what_was_not_sealed_here_opens_nothing(browser: Browser, sealed: str) -> None:
    refused = again(browser, sealed=sealed)

    assert refused.status_code == (400 if sealed == "\x00" else 410)
    assert codes_on(refused.text) == []


def test_a_changed_seal_opens_nothing(browser: Browser, app: App) -> None:
    sealed = browser.hidden()["sealed"]
    changed = sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:]

    assert lost(again(browser, sealed=changed), app)


def test_another_person_in_this_browser_does_not_see_them(
    browser: Browser, app: App, provider: Provider
) -> None:
    sealed = browser.hidden()["sealed"]
    browser.get("/")
    browser.post("/signout", browser.hidden())
    browser.get("/signin/password", journey="totp")
    nobody = browser.post(PAGE, browser.hidden() | {"sealed": sealed})
    assert "/signin/password" in nobody.headers["Location"]

    browser.get("/signin/password", journey="totp")
    browser.sign_in(add(provider, LAWYER))
    assert lost(again(browser, sealed=sealed), app)


def test_another_browser_of_the_same_person_does_not_see_them(
    browser: Browser, app: App, provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    sealed = browser.hidden()["sealed"]
    clock.advance(timedelta(minutes=1))
    other = Browser.on(provider)
    other.get("/signin/password", journey="totp")
    other.sign_in(citizen)
    typed = app.code(clock.now)
    other.post("/signin/second-factor", other.hidden() | {"action": "totp", "code": typed})
    other.follow()

    assert lost(again(other, sealed=sealed), app)
