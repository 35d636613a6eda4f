"""Logo, policy, terms and its own way in: what the pages show of a registration (A6, A7)."""

import html
from typing import Any

import pytest

from idp.config import Config
from tests.conftest import Enrol
from tests.people import Browser, Person
from tests.protocol.test_dynamic_registration import configured, manage, register

SAID = {
    "logo_uri": "https://cdn.app.example/logo.png",
    "policy_uri": "https://app.example/policy",
    "tos_uri": "https://app.example/terms",
}


@pytest.fixture
def config() -> Config:
    return configured(mode="open", profiles=["oidc"])


def test_the_page_may_load_that_logo_and_no_other_picture(browser: Browser) -> None:
    client = register(browser, response_types=["code"], **SAID)

    policy = browser.authorize(client["client_id"]).headers["Content-Security-Policy"]

    assert "img-src 'self' data: https://cdn.app.example;" in policy


@pytest.mark.parametrize(
    "logo_uri",
    [
        "https://a.example; script-src *",
        "https://a.example;script-src/x",
        "https://a.example,b/logo",
        "https://*/logo",
        "https://user@a.example/logo",
    ],
)
def test_a_logo_cannot_write_into_the_policy(browser: Browser, enrol: Enrol, logo_uri: str) -> None:
    enrol("crafty", metadata={"logo_uri": logo_uri})

    page = browser.authorize("crafty")

    policy = page.headers["Content-Security-Policy"]
    assert policy.count("script-src") == 1
    assert "img-src 'self' data: ;" in policy
    assert html.escape(logo_uri) in page.text


def test_an_app_of_an_operator_begins_where_it_said(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    """What it registered comes back, and an operator's app begins there on the front page."""
    start = "https://app.example/start"
    client = register(browser, initiate_login_uri=start)
    read: Any = manage(browser, client, "GET").json
    enrol("begins", home_uri="https://app.example/", metadata={"initiate_login_uri": start})
    browser.code(citizen)

    page = browser.get("/")

    assert client["initiate_login_uri"] == read["initiate_login_uri"] == start
    assert f'href="{start}?iss=https%3A%2F%2Fsso.example"' in page.text
    assert client["client_id"] not in page.text
