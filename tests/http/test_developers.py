"""``/developers``: each flow is run with real messages, and is not there unless asked for."""

import hashlib
import html
import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from idp.config import Config, ProviderSection
from idp.web.developers.flows import BY_NAME, SERVICE_SECRET
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.people import BASE, CONFIG, Browser, Person

CALLBACK = f"{BASE}/developers/callback"
CIBA = "urn:openid:params:grant-type:ciba"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def config(request: pytest.FixtureRequest) -> Config:
    shown = getattr(request, "param", True)
    section = ProviderSection(issuer=BASE, developers_page=shown)
    return msgspec.structs.replace(CONFIG, provider=section)


@pytest.fixture(autouse=True)
def clients(enrol: Enrol) -> None:
    public: dict[str, Any] = {
        "token_endpoint_auth_method": "none",
        "secret_sha256": "",
        "redirect_uris": [CALLBACK],
    }
    out = {"post_logout_redirect_uris": [CALLBACK]}
    enrol(
        "developers", **public, **out, grant_types=["authorization_code", "refresh_token", DEVICE]
    )
    enrol(
        "developers-service",
        token_endpoint_auth_method="client_secret_post",
        secret_sha256=hashlib.sha256(SERVICE_SECRET.encode()).hexdigest(),
        redirect_uris=[],
        grant_types=["client_credentials", CIBA, EXCHANGE],
        introspects=True,
    )
    enrol(
        "developers-older",
        **public,
        profile="oidc",
        response_types=["code id_token", "id_token token"],
        grant_types=["authorization_code", "implicit", "refresh_token"],
    )


def press(browser: Browser, **fields: str) -> str:
    token = re.search(r'name="csrf_token" value="([^"]*)"', browser.get("/developers").text)
    assert token
    browser.post("/developers", {"csrf_token": token[1]} | fields)
    return settle(browser)


def settle(browser: Browser) -> str:
    """Follow redirects to the next page of ours, posting a form on the way as a browser would."""
    browser.follow(until="https://elsewhere.example")
    assert browser.last is not None
    if 'id="form-post"' in browser.last.text:
        fields = re.findall(r'hidden" name="(\w+)" value="([^"]*)"', browser.last.text)
        browser.post("/developers/callback", {n: html.unescape(v) for n, v in fields})
        browser.follow(until="https://elsewhere.example")
    return browser.last.text


def run(browser: Browser, citizen: Person, flow: str) -> str:
    browser.code(citizen)
    page = press(browser, flow=flow)
    (name,) = set(re.findall(r'name="run" value="([^"]*)"', page))
    for _ in BY_NAME[flow].steps:
        page = press(browser, run=name)
        if "device-link" in page:
            approve(browser, page)
        if "request-link" in page:
            agree(browser)
    return page


def agree(browser: Browser) -> None:
    """Answer the service on the page of requests."""
    page = browser.get("/requests")
    reference = re.search(r'name="reference" value="([^"]*)"', page.text)
    assert reference
    browser.post("/requests", browser.hidden() | {"reference": reference[1], "decision": "allow"})


def approve(browser: Browser, page: str, decision: str = "allow") -> None:
    link = re.search(r'id="device-link" href="[^"]*user_code=([A-Z-]*)"', page)
    assert link
    browser.get("/device", user_code=link[1])
    fields = {"csrf_token": browser.hidden()["csrf_token"], "user_code": link[1]}
    browser.post("/device", fields | {"decision": decision})


@pytest.mark.parametrize("flow", BY_NAME)
def test_a_flow_runs_to_its_end_and_shows_what_its_tokens_hold(
    browser: Browser, citizen: Person, flow: str
) -> None:
    page = html.unescape(run(browser, citizen, flow))

    assert "run-done" in page
    whose = "developers-service" if flow == "service" else citizen.sub
    assert f'"sub": "{whose}"' in page or f"sub = {whose}" in page
    assert "400 BAD REQUEST" not in page
    assert "401 UNAUTHORIZED" not in page


def test_a_bound_flow_shows_its_proofs(browser: Browser, citizen: Person) -> None:
    page = html.unescape(run(browser, citizen, "dpop"))

    assert '"typ": "dpop+jwt"' in page
    assert '"jkt"' in page


def begun(browser: Browser, flow: str) -> tuple[str, str]:
    """Begin a flow; give its name and its page."""
    page = press(browser, flow=flow)
    (name,) = set(re.findall(r'name="run" value="([^"]*)"', page))
    return name, page


def test_a_device_that_asks_too_soon_is_told_to_wait(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    name, _ = begun(browser, "device")
    press(browser, run=name)

    first = press(browser, run=name)
    clock.advance(timedelta(seconds=2))
    hurried = press(browser, run=name)
    clock.advance(timedelta(seconds=3))
    second = press(browser, run=name)

    assert "every 5 seconds" in first
    assert first.count("authorization_pending") == 1
    assert "wait another 3 seconds" in hurried
    assert hurried.count("authorization_pending") == 1
    assert second.count("authorization_pending") == 2
    assert "slow_down" not in second
    assert "Next message: poll" in second


def test_a_device_that_was_denied_is_at_the_end(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)
    name, _ = begun(browser, "device")
    approve(browser, press(browser, run=name), "deny")

    page = press(browser, run=name)

    assert "access_denied" in page
    assert "run-failed" in page
    assert 'id="next-step"' not in page


def test_an_error_ends_a_flow_which_can_be_begun_again(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)
    name, _ = begun(browser, "code")
    browser.post("/developers", browser.hidden() | {"run": name})

    page = browser.get("/developers/callback", state=name, error="access_denied")
    page = browser.follow()

    assert "run-failed" in page.text
    assert 'id="next-step"' not in page.text
    assert browser.post("/developers", browser.hidden() | {"run": name}).status_code == 404
    assert begun(browser, "code")[0] != name


def test_a_code_that_is_refused_ends_a_flow_too(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    name, _ = begun(browser, "code")
    press(browser, run=name)
    clock.advance(timedelta(minutes=10))

    page = press(browser, run=name)

    assert "invalid_grant" in page
    assert "run-failed" in page
    assert 'name="flow" value="code"' in page


def test_nothing_is_run_for_a_forged_form_or_an_unknown_demonstration(browser: Browser) -> None:
    assert browser.post("/developers", {"flow": "code", "csrf_token": "x"}).status_code == 403
    press(browser, run="pdr_unknown")
    assert browser.last is not None
    assert browser.last.status_code == 404
    assert browser.get("/developers/callback", state="pdr_unknown", code="c").status_code == 404
    assert browser.get("/developers/callback", response="x.y.z").status_code == 404


def test_the_welcome_page_leads_to_it(browser: Browser) -> None:
    assert '<a id="to-developers" href="/developers">' in browser.get("/").text


@pytest.mark.parametrize("config", [False], indirect=True)
def test_it_is_not_there_unless_the_configuration_asks_for_it(browser: Browser) -> None:
    assert "/developers" not in browser.get("/").text
    assert browser.get("/developers").status_code == 404
    assert browser.get("/developers/callback").status_code == 404
