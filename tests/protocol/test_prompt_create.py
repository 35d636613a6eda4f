"""``prompt=create``: an app sends people to open an account (Initiating User Registration 1.0)."""

from datetime import timedelta
from typing import Any

from idp.mail.messages import Activation
from idp.provider import Provider
from tests.clock import MovableClock
from tests.http.test_B_registration import (
    SECRET_WORDS,
    accept,
    confirm,
    describe,
    finish,
    last_code,
    send,
)
from tests.labs import letters
from tests.people import Browser, Person, answer

NEWCOMER = Person("CHEN2026", password=SECRET_WORDS)


def register(browser: Browser, provider: Provider) -> None:
    """Go from the first page of a registration to its end, and activate the account."""
    browser.post("/register-account", browser.hidden() | {"kind": "uncertified"})
    browser.follow()
    accept(browser)
    describe(browser)
    send(browser)
    confirm(browser, last_code(provider))
    finish(browser)
    (mail,) = [
        one
        for one in letters.messages(provider, "chen@people.example")
        if isinstance(one, Activation)
    ]
    other = Browser.on(provider)  # the mail is read on a telephone
    other.get("/activate", token=mail.token)
    other.post("/activate", other.hidden())


def test_discovery_says_that_accounts_can_be_asked_for(browser: Browser) -> None:
    metadata: Any = browser.get("/.well-known/openid-configuration").json

    assert "create" in metadata["prompt_values_supported"]


def test_a_newcomer_opens_an_account_and_comes_back_to_the_app(
    browser: Browser, provider: Provider
) -> None:
    browser.authorize(prompt="create")
    assert browser.trail[-1].startswith("GET /register-account")

    register(browser, provider)
    assert browser.last is not None
    onward = browser.last.text.partition('id="register-signin" href="')[2].partition('"')[0]
    browser.get(onward.replace("&amp;", "&"))
    browser.sign_in(NEWCOMER)

    tokens: Any = browser.redeem(answer(browser.last)["code"]).json
    userinfo: Any = browser.userinfo(tokens["access_token"]).json
    assert userinfo["sub"].startswith("s_")


def test_who_has_an_account_already_signs_in_instead(browser: Browser, citizen: Person) -> None:
    page = browser.authorize(prompt="create")
    link = page.text.partition('id="register-signin" href="')[2].partition('"')[0]

    browser.get(link.replace("&amp;", "&"))
    browser.sign_in(citizen)

    assert "code" in answer(browser.last)


def test_who_is_signed_in_already_is_asked_all_the_same(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    clock.advance(timedelta(seconds=1))

    browser.authorize(prompt="create")

    assert browser.trail[-1].startswith("GET /register-account")


def test_it_does_not_go_together_with_none(browser: Browser) -> None:
    browser.authorize(prompt="none create")

    assert answer(browser.last)["error"] == "invalid_request"
