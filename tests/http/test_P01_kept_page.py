"""P01: the sign-in page is drawn once for an app in a language, and filled in for each browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from flask import template_rendered
from werkzeug.test import TestResponse

from idp.config import CaptchaSection
from idp.oidc import clients
from idp.provider import Provider
from tests.clock import MovableClock
from tests.people import APP, CONFIG, Browser, Person

ADAPTIVE, ALWAYS = (
    msgspec.structs.replace(CONFIG, captcha=CaptchaSection(mode=mode))
    for mode in ("adaptive", "always")
)


@contextmanager
def drawing() -> Iterator[list[str]]:
    """List the templates that are drawn."""
    drawn: list[str] = []

    def heard(_: Any, template: Any, **__: Any) -> None:
        drawn.append(template.name)

    with template_rendered.connected_to(heard):
        yield drawn


def another(browser: Browser, language: str = "en") -> Browser:
    """Open another browser on the same application."""
    other = Browser.of(browser.client.application)
    other.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    return other


def own_words(page: TestResponse) -> list[str]:
    words = re.findall(r"pjy_[\w-]+|pcc_[\w-]+", page.text)
    words += re.findall(r'name="csrf_token" value="([^"]+)"', page.text)
    return words + re.findall(r"challenge&#34;:&#34;([\w-]+)", page.text)


def without_own_words(page: TestResponse) -> str:
    text = page.text
    for word in set(own_words(page)):
        text = text.replace(word, "…")
    return text


@pytest.mark.parametrize("config", [CONFIG, ADAPTIVE, ALWAYS], ids=["off", "adaptive", "always"])
def test_the_second_browser_gets_the_page_of_the_first_with_words_of_its_own(
    browser: Browser,
) -> None:
    first = browser.authorize()
    with drawing() as drawn:
        second = another(browser).authorize()

    assert drawn == []
    assert without_own_words(second) == without_own_words(first)
    assert not set(own_words(second)) & set(own_words(first))
    assert len(own_words(second)) == len(own_words(first))


def test_the_page_and_its_headers_are_what_the_template_gives(browser: Browser) -> None:
    browser.authorize()
    path = browser.trail[-1].removeprefix("GET ")
    kept = browser.get(path)
    with drawing() as drawn:
        # What is not known makes no difference but that the page is no longer bare.
        template = browser.get(path + "&nothing=1")

    assert drawn
    assert without_own_words(kept) == without_own_words(template)
    of_a_request = {"X-Request-Id", "Content-Length"}
    assert {name: value for name, value in kept.headers if name not in of_a_request} == {
        name: value for name, value in template.headers if name not in of_a_request
    }
    assert {name for name, _ in kept.headers} == {name for name, _ in template.headers}


def test_who_is_filled_in_signs_in(browser: Browser, citizen: Person) -> None:
    browser.authorize()
    other = another(browser)

    with drawing() as drawn:
        assert other.code(citizen)

    assert drawn == []


def test_a_form_of_one_browser_is_refused_from_another(browser: Browser, citizen: Person) -> None:
    browser.authorize()
    mine, yours = another(browser), another(browser)
    mine.authorize()
    yours.authorize()

    fields = yours.hidden() | {"csrf_token": mine.hidden()["csrf_token"]}
    typed = {"username": citizen.account_name, "password": citizen.password}

    assert yours.post("/signin/password", fields | typed).status_code == 403


def test_another_app_and_another_language_have_pages_of_their_own(browser: Browser) -> None:
    browser.authorize()

    stranger = another(browser).authorize("stranger").text
    chinese = another(browser, "zh-TW").authorize().text
    asked_for = another(browser).authorize(ui_locales="zh-CN").text

    assert "App stranger" in stranger
    assert 'lang="zh-Hant-TW"' in chinese
    assert 'lang="zh-Hans"' in asked_for
    assert 'lang="en"' in another(browser).authorize().text


def test_who_clicked_a_language_on_this_journey_goes_on_in_it(browser: Browser) -> None:
    for language in ("en", "zh-Hant"):
        another(browser).authorize(ui_locales=language)
    browser.authorize(ui_locales="en")
    path = browser.trail[-1].removeprefix("GET ")

    browser.get(path + "&lang=zh-Hant")
    with drawing() as drawn:
        again = browser.get(path)
        other_journey = browser.authorize(ui_locales="en")

    assert drawn == []
    assert 'lang="zh-Hant-TW"' in again.text
    assert '<html lang="en">' in other_journey.text


def test_what_an_app_hints_at_and_who_is_there_already_are_on_no_kept_page(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.authorize()
    hinted = another(browser).authorize(login_hint="<b>somebody").text
    known = another(browser)
    known.code(citizen)
    clock.advance(timedelta(minutes=1))
    known.authorize(prompt="login")
    again = another(browser).authorize().text

    assert "&lt;b&gt;somebody" in hinted
    assert known.last is not None
    assert "signed-in-as" in known.last.text
    assert "signed-in-as" not in again
    assert "somebody" not in again


def test_a_page_is_given_to_no_browser_but_the_one_whose_journey_it_is(browser: Browser) -> None:
    browser.authorize()
    path = browser.trail[-1].removeprefix("GET ")

    assert another(browser).get(path).status_code == 400


def test_an_app_that_is_called_otherwise_now_is_shown_so(
    browser: Browser, provider: Provider, clock: MovableClock
) -> None:
    browser.authorize()
    with provider.database.write() as tx:
        clients.change(tx, msgspec.structs.replace(APP, names={"en": "Called otherwise"}))
    clock.advance(timedelta(seconds=2))

    assert "Called otherwise" in another(browser).authorize().text
