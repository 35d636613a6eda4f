"""Tokens through the browser, beyond the Foundation's modules (``foundation/``)."""

import html
import re
from typing import Any

import pytest

from idp.config import ClientSection
from idp.oidc import clients
from idp.oidc.clients import BadRegistration
from idp.provider import Provider
from tests.people import APP, CALLBACK, HYBRID, Browser, Person, answer, request_of

FRONT = ("id_token", "id_token token", "code id_token", "code token", "code id_token token")


def go(browser: Browser, person: Person, response_type: str, **changes: str) -> dict[str, str]:
    """Go all the way to the answer, whichever way it travels; without PKCE, as the plans do."""
    request = {"response_type": response_type, "code_challenge": "", "code_challenge_method": ""}
    browser.authorize("hybrid", **(request | changes))
    if "/signin/password" in browser.trail[-1]:
        browser.sign_in(person)
    return arrived(browser)


def arrived(browser: Browser) -> dict[str, str]:
    """Read an answer from the redirect, or from the form that would be posted."""
    assert browser.last is not None
    if browser.last.headers.get("Location"):
        return answer(browser.last)
    form = re.search(r'<form id="form-post" method="post" action="([^"]*)"', browser.last.text)
    assert form, browser.last.text
    assert form[1] == CALLBACK
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', browser.last.text)
    return {name: html.unescape(value) for name, value in fields}


@pytest.mark.parametrize("response_type", FRONT)
def test_a_token_is_never_put_into_a_query(browser: Browser, response_type: str) -> None:
    browser.authorize("hybrid", response_type=response_type, response_mode="query")

    assert browser.last is not None
    assert "?" not in browser.last.headers["Location"]
    assert answer(browser.last)["error"] == "invalid_request"


def test_the_words_of_a_response_type_have_no_order(browser: Browser, citizen: Person) -> None:
    found = go(browser, citizen, "token code id_token")

    assert {"code", "access_token", "id_token"} <= set(found)


def test_an_id_token_needs_the_scope_openid(browser: Browser) -> None:
    browser.authorize("hybrid", response_type="code id_token", scope="profile")

    assert answer(browser.last)["error"] == "invalid_scope"


def test_pkce_is_honoured_where_it_was_sent(browser: Browser, citizen: Person) -> None:
    code = browser.code(citizen, "hybrid")

    without = browser.redeem(code, "hybrid", code_verifier="")
    with_it = browser.redeem(code, "hybrid")

    assert (without.json or {})["error"] == "invalid_grant"
    assert with_it.status_code == 200


def test_T12_a_verifier_without_a_challenge_is_refused(browser: Browser, citizen: Person) -> None:
    code = go(browser, citizen, "code")["code"]

    assert (browser.redeem(code, "hybrid").json or {})["error"] == "invalid_grant"
    assert browser.redeem(code, "hybrid", code_verifier="").status_code == 200


def test_signing_out_ends_the_token_that_came_through_the_browser(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    found = go(browser, citizen, "id_token token")
    assert browser.userinfo(found["access_token"]).status_code == 200

    assert citizen.account is not None
    with provider.database.write() as tx:
        provider.ending.end_all(tx, citizen.account.id, {}, subject=citizen.sub, why="test")

    assert browser.userinfo(found["access_token"]).status_code == 401


def test_the_form_post_page_can_be_sent_without_javascript_and_is_never_kept(
    browser: Browser, citizen: Person
) -> None:
    go(browser, citizen, "code", response_mode="form_post", state="\"><script>alert('x')</script>")

    page = browser.last
    assert page is not None
    assert page.status_code == 200
    assert '<button class="btn btn-primary" id="form-post-submit" type="submit">' in page.text
    assert "<script>alert" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "form-action https://app.example" in page.headers["Content-Security-Policy"]
    assert arrived(browser)["state"] == "\"><script>alert('x')</script>"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"profile": "oauth21", "response_types": ["code id_token"]}, "response_types"),
        ({"response_types": ["code foo"]}, "response_types"),
        ({"grant_types": ["authorization_code"]}, "grant_types"),
    ],
)
def test_implicit_and_hybrid_are_off_where_they_are_not_registered(
    changes: dict[str, Any], field: str
) -> None:
    registered = {**{name: getattr(HYBRID, name) for name in HYBRID.__struct_fields__}, **changes}

    with pytest.raises(BadRegistration, match=f"^{field}"):
        clients.check(ClientSection(**registered))


@pytest.mark.parametrize("response_type", FRONT)
def test_a_client_of_the_default_profile_gets_nothing_through_the_browser(
    browser: Browser, response_type: str
) -> None:
    assert APP.profile == "oauth21"

    browser.get("/authorize", **request_of("app", response_type=response_type))

    assert answer(browser.last)["error"] == "unsupported_response_type"
