"""``/developers``: each flow is run with real messages, and is not there unless asked for."""

import html
import re
from typing import Any

import msgspec
import pytest

from idp.config import Config, ProviderSection
from idp.web.developers.flows import BY_NAME
from tests.conftest import Enrol
from tests.people import BASE, CONFIG, Browser, Person

CALLBACK = f"{BASE}/developers/callback"
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
    enrol("developers", **public, grant_types=["authorization_code", "refresh_token", DEVICE])
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
    return page


def approve(browser: Browser, page: str) -> None:
    link = re.search(r'id="device-link" href="[^"]*user_code=([A-Z-]*)"', page)
    assert link
    browser.get("/device", user_code=link[1])
    fields = {"csrf_token": browser.hidden()["csrf_token"], "user_code": link[1]}
    browser.post("/device", fields | {"decision": "allow"})


@pytest.mark.parametrize("flow", BY_NAME)
def test_a_flow_runs_to_its_end_and_shows_what_its_tokens_hold(
    browser: Browser, citizen: Person, flow: str
) -> None:
    page = html.unescape(run(browser, citizen, flow))

    assert "run-done" in page
    assert f'"sub": "{citizen.sub}"' in page
    assert "400 BAD REQUEST" not in page
    assert "401 UNAUTHORIZED" not in page


def test_a_bound_flow_shows_its_proofs(browser: Browser, citizen: Person) -> None:
    page = html.unescape(run(browser, citizen, "dpop"))

    assert '"typ": "dpop+jwt"' in page
    assert '"jkt"' in page


def test_a_mistake_is_shown_and_the_step_can_be_repeated(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)
    page = press(browser, flow="device")
    (name,) = set(re.findall(r'name="run" value="([^"]*)"', page))
    press(browser, run=name)

    page = press(browser, run=name)

    assert "authorization_pending" in page
    assert "Next message: poll" in page


def test_nothing_is_run_for_a_forged_form_or_an_unknown_demonstration(browser: Browser) -> None:
    assert browser.post("/developers", {"flow": "code", "csrf_token": "x"}).status_code == 403
    press(browser, run="pdr_unknown")
    assert browser.last is not None
    assert browser.last.status_code == 404
    assert browser.get("/developers/callback", state="pdr_unknown", code="c").status_code == 404
    assert browser.get("/developers/callback", response="x.y.z").status_code == 404


@pytest.mark.parametrize("config", [False], indirect=True)
def test_it_is_not_there_unless_the_configuration_asks_for_it(browser: Browser) -> None:
    assert browser.get("/developers").status_code == 404
    assert browser.get("/developers/callback").status_code == 404
