"""Pushed authorization requests (RFC 9126; B4), by any client."""

import base64
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from werkzeug.test import TestResponse

from idp.oidc import clients
from idp.provider import Provider
from idp.worker import sweep
from tests.clock import MovableClock
from tests.people import (
    APP,
    CALLBACK,
    SECRET,
    Browser,
    Person,
    answer,
    dropped,
    request_of,
)
from tests.protocol.test_authorization_endpoint import error_page

URN = "urn:ietf:params:oauth:request_uri:"


def push(browser: Browser, client_id: str = "app", /, **changes: str) -> TestResponse:
    basic = base64.b64encode(f"{client_id}:{SECRET}".encode()).decode()
    form = request_of(client_id) | changes
    return browser.post("/par", dropped(form), Authorization=f"Basic {basic}")


def pushed(browser: Browser, client_id: str = "app", **changes: str) -> str:
    found = push(browser, client_id, **changes)
    assert found.status_code == 201, found.text
    return str((found.json or {})["request_uri"])


def follow(browser: Browser, request_uri: str, client_id: str = "app", **more: str) -> TestResponse:
    browser.get("/authorize", client_id=client_id, request_uri=request_uri, **more)
    return browser.follow()


def test_a_pushed_request_is_carried_out(browser: Browser, citizen: Person) -> None:
    found = push(browser, scope="openid email")
    document: Any = found.json
    assert found.headers["Cache-Control"] == "no-store"
    assert document["request_uri"].startswith(URN)
    assert 0 < document["expires_in"] <= 90

    follow(browser, document["request_uri"])
    browser.sign_in(citizen)

    sent_back = answer(browser.last)
    assert sent_back["state"] == "state of the app"
    tokens: Any = browser.redeem(sent_back["code"]).json
    assert tokens["scope"] == "email openid"


def test_with_a_session_the_answer_comes_at_once(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)

    follow(browser, pushed(browser))

    assert "code" in answer(browser.last)


def test_what_the_browser_adds_counts_for_nothing(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)
    request_uri = pushed(browser, state="mine")

    follow(browser, request_uri, state="forged", scope="openid phone", prompt="login")

    found = answer(browser.last)
    assert found["state"] == "mine"
    assert (browser.redeem(found["code"]).json or {})["scope"] == "openid"


def test_par_attempt_reuse_request_uri(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)
    request_uri = pushed(browser)
    assert "code" in answer(follow(browser, request_uri))

    browser.get("/authorize", client_id="app", request_uri=request_uri)

    assert error_page(browser) == "invalid_request_uri"


def test_a_no_uses_the_request_up(browser: Browser, citizen: Person) -> None:
    request_uri = pushed(browser, "stranger")
    follow(browser, request_uri, "stranger")
    browser.sign_in(citizen)
    browser.consent("deny")
    assert answer(browser.last)["error"] == "access_denied"

    browser.get("/authorize", client_id="stranger", request_uri=request_uri)

    assert error_page(browser) == "invalid_request_uri"


def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(
    browser: Browser, citizen: Person
) -> None:
    request_uri = pushed(browser)
    follow(browser, request_uri)

    follow(browser, request_uri)
    browser.sign_in(citizen)

    assert "code" in answer(browser.last)
    browser.get("/authorize", client_id="app", request_uri=request_uri)
    assert error_page(browser) == "invalid_request_uri"


def test_of_two_journeys_with_one_reference_the_first_to_end_wins(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    request_uri = pushed(browser)
    other = Browser.on(provider)
    follow(browser, request_uri)
    follow(other, request_uri)

    browser.sign_in(citizen)
    assert "code" in answer(browser.last)
    other.sign_in(citizen)

    assert error_page(other) == "invalid_request_uri"


def test_par_attempt_to_use_expired_request_uri(browser: Browser, clock: MovableClock) -> None:
    request_uri = pushed(browser)
    clock.advance(timedelta(seconds=61))

    browser.get("/authorize", client_id="app", request_uri=request_uri)

    assert error_page(browser) == "invalid_request_uri"


def test_a_slow_person_is_not_lost(
    browser: Browser, citizen: Person, clock: MovableClock, provider: Provider
) -> None:
    follow(browser, pushed(browser))
    clock.advance(timedelta(minutes=20))
    sweep(provider)

    browser.sign_in(citizen)

    assert "code" in answer(browser.last)


def test_par_attempt_to_use_request_uri_for_different_client(browser: Browser) -> None:
    request_uri = pushed(browser)

    browser.get("/authorize", client_id="lawyers", request_uri=request_uri)

    assert error_page(browser) == "invalid_request_uri"


@pytest.mark.parametrize("reference", ["", "par_guessed", "x" * 3000, "../../etc/passwd"])
def test_a_reference_that_is_none_of_ours_never_redirects(browser: Browser, reference: str) -> None:
    browser.get("/authorize", **request_of("app", request_uri=URN + reference))

    assert error_page(browser) == "invalid_request_uri"


def test_par_pushed_request_uri_is_refused(browser: Browser) -> None:
    found = push(browser, request_uri=pushed(browser))

    assert (found.status_code, (found.json or {})["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": CALLBACK + "/x"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "api"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
    ],
)
def test_a_bad_request_is_refused_before_anybody_is_sent_anywhere(
    browser: Browser, changes: dict[str, str], error: str
) -> None:
    found = push(browser, **changes)

    assert (found.status_code, (found.json or {})["error"]) == (400, error)


def test_only_the_client_itself_pushes(browser: Browser) -> None:
    basic = base64.b64encode(b"app:wrong").decode()

    found = browser.post("/par", request_of("app"), Authorization=f"Basic {basic}")
    other = push(browser, "app", client_id="lawyers")

    assert (found.status_code, (found.json or {})["error"]) == (401, "invalid_client")
    assert (other.status_code, (other.json or {})["error"]) == (401, "invalid_client")
    assert browser.get("/par").status_code == 405


def test_prompt_none_answers_through_the_browser(browser: Browser) -> None:
    follow(browser, pushed(browser, prompt="none"))

    found = answer(browser.last)
    assert (found["error"], found["state"]) == ("login_required", "state of the app")


def test_a_client_that_always_pushes_is_answered_no_other_way(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    strict = msgspec.structs.replace(
        APP, client_id="strict", require_pushed_authorization_requests=True
    )
    with provider.database.write() as tx:
        clients.add(tx, strict, source="operator")

    browser.authorize("strict")
    assert answer(browser.last)["error"] == "invalid_request"

    follow(browser, pushed(browser, "strict"), "strict")
    browser.sign_in(citizen)
    assert "code" in answer(browser.last)
