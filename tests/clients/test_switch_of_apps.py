"""Switching the language of an app's page with a form: what is typed comes along."""

import pytest
from flask.testing import FlaskClient

from tests.clients.test_Q07_accounts import browser, config, database, sign_in
from tests.labs.typist import Page

__all__ = ["browser", "config", "database"]  # the fixtures of this module

STOPS = {
    "casequery/account_signin.html": "/account/signin",
    "casequery/account_password.html": "/account/password",
    "casequery/cases.html": "/cases",
}


@pytest.mark.parametrize("template", STOPS)
def test_what_is_typed_is_there_in_the_other_language(browser: FlaskClient, template: str) -> None:
    if "signin" not in template:
        sign_in(browser)
    page = Page.of(browser.get(STOPS[template]).text)
    sent, address = page.sent("zh-Hant"), page.address("zh-Hant")

    if page.is_asked_for:
        switched = browser.get(STOPS[template], query_string=sent)
    else:
        switched = browser.post(address, data=sent) if sent else browser.get(address)

    assert switched.status_code == 200
    assert '<html lang="zh-Hant-TW">' in switched.text
    after = Page.of(switched.text)
    assert after.held() == page.held() | page.carried("zh-Hant")
    assert not any(secret in switched.text for secret in page.secrets().values())


def test_a_form_of_another_site_is_refused_as_ever(browser: FlaskClient) -> None:
    page = Page.of(browser.get("/account/signin").text)
    sent = (page.sent("en") or {}) | {"account": "TRAP"}
    stranger = browser.application.test_client()

    forged = browser.post(page.address("en"), data=sent | {"csrf_token": "x"})
    elsewhere = stranger.post(page.address("en"), data=sent)
    nobodys = stranger.post(page.address("en"), data=sent | {"csrf_token": ""})

    assert forged.status_code == elsewhere.status_code == nobodys.status_code == 403
    assert "TRAP" not in forged.text + elsewhere.text


def test_switching_signs_nobody_in(browser: FlaskClient) -> None:
    page = Page.of(browser.get("/account/signin").text)

    browser.post(page.address("en"), data=page.sent("en"))

    assert browser.get("/account").status_code == 303
