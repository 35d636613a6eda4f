"""Tokens for one resource (RFC 8707), and details of what was allowed (RFC 9396)."""

import base64
import html
from typing import Any

import msgspec
import pytest

from idp.oidc.clients import BadRegistration
from tests.conftest import Enrol
from tests.labs.signing import claims_of
from tests.people import BASE, CALLBACK, SECRET, VERIFIER, Browser, Person, answer, request_of

CASES, FILES = "https://cases.example/api", "https://files.example/api"
PAYMENT = {"type": "payment", "amount": {"currency": "TWD", "value": 3000}, "payee": "法院"}
DETAILS = msgspec.json.encode([PAYMENT]).decode()


@pytest.fixture(autouse=True)
def registered(enrol: Enrol) -> None:
    enrol(
        "narrow",
        resources=[CASES, FILES],
        authorization_details_types=["payment"],
        grant_types=["authorization_code", "refresh_token", "client_credentials"],
        scope="openid offline_access api",
    )
    enrol("asking", trusted=False, authorization_details_types=["payment"])


def go(browser: Browser, citizen: Person, resources: list[str], **changes: str) -> str:
    query: dict[str, Any] = request_of("narrow", **changes) | {"resource": resources}
    browser.last = browser.client.get("/authorize", query_string=query, base_url=BASE)
    browser.follow()
    if "/signin/password" in browser.trail[-1]:
        browser.sign_in(citizen)
    return answer(browser.last)["code"]


def call(browser: Browser, resources: list[str], **form: str) -> Any:
    basic = base64.b64encode(f"narrow:{SECRET}".encode()).decode()
    return browser.client.post(
        "/token",
        data=form | {"resource": resources},
        headers={"Authorization": f"Basic {basic}"},
        base_url=BASE,
    ).json


def redeem(browser: Browser, code: str, resources: list[str]) -> Any:
    return call(
        browser,
        resources,
        grant_type="authorization_code",
        code=code,
        redirect_uri=CALLBACK,
        code_verifier=VERIFIER,
    )


def aud(document: Any) -> Any:
    return claims_of(document["access_token"])["aud"]


def test_a_token_names_what_was_asked_for_at_the_authorization_endpoint(
    browser: Browser, citizen: Person
) -> None:
    document = redeem(browser, go(browser, citizen, [CASES, FILES]), [])

    assert aud(document) == [BASE, CASES, FILES]
    assert browser.userinfo(document["access_token"]).status_code == 200


def test_a_token_for_one_resource_is_good_for_no_other(browser: Browser, citizen: Person) -> None:
    document = redeem(browser, go(browser, citizen, [CASES, FILES]), [FILES])

    assert aud(document) == FILES
    assert browser.userinfo(document["access_token"]).status_code == 401


def test_each_refresh_may_ask_for_another_of_them(browser: Browser, citizen: Person) -> None:
    code = go(browser, citizen, [CASES, FILES], scope="openid offline_access")
    bought = redeem(browser, code, [FILES])

    refreshed = call(
        browser, [CASES], grant_type="refresh_token", refresh_token=bought["refresh_token"]
    )
    whole = call(browser, [], grant_type="refresh_token", refresh_token=refreshed["refresh_token"])

    assert aud(refreshed) == CASES
    assert aud(whole) == [BASE, CASES, FILES]


def test_a_machine_asks_for_its_resources(browser: Browser) -> None:
    document = call(browser, [CASES, CASES], grant_type="client_credentials", scope="api")

    assert aud(document) == CASES


def test_without_a_resource_a_token_is_for_the_provider(browser: Browser, citizen: Person) -> None:
    assert aud(redeem(browser, go(browser, citizen, []), [])) == BASE


def test_what_is_not_registered_or_not_granted_is_refused(
    browser: Browser, citizen: Person
) -> None:
    code = go(browser, citizen, [CASES])
    assert redeem(browser, code, [FILES])["error"] == "invalid_target"

    browser.get("/authorize", **request_of("narrow", resource="https://evil.example/"))
    assert answer(browser.last)["error"] == "invalid_target"
    refused = call(browser, ["https://evil.example/"], grant_type="client_credentials")
    assert refused["error"] == "invalid_target"


def test_T07_no_other_parameter_may_come_twice(browser: Browser) -> None:
    browser.get(f"/authorize?resource={CASES}&resource={FILES}&client_id=a&client_id=a")

    assert browser.last is not None
    assert browser.last.status_code == 400


def test_details_are_shown_granted_and_told(browser: Browser, citizen: Person) -> None:
    browser.authorize("asking", authorization_details=DETAILS)
    page = browser.sign_in(citizen)
    assert "payment" in page.text
    assert 'amount: {"currency":"TWD","value":3000}; payee: 法院' in html.unescape(page.text)
    browser.consent()

    document: Any = browser.redeem(answer(browser.last)["code"], "asking").json

    assert document["authorization_details"] == [PAYMENT]
    assert claims_of(document["access_token"])["authorization_details"] == [PAYMENT]


def test_details_are_asked_about_every_time(browser: Browser, citizen: Person) -> None:
    browser.authorize("asking", authorization_details=DETAILS)
    browser.sign_in(citizen)
    browser.consent()

    browser.authorize("asking", authorization_details=DETAILS)
    assert "/signin/consent" in browser.trail[-1]
    browser.authorize("asking", authorization_details=DETAILS, prompt="none")
    assert answer(browser.last)["error"] in {"consent_required", "invalid_request"}
    browser.authorize("asking")
    assert "code" in answer(browser.last)


def test_introspection_tells_the_details(browser: Browser, citizen: Person) -> None:
    code = go(browser, citizen, [], authorization_details=DETAILS)
    token = redeem(browser, code, [])["access_token"]
    basic = base64.b64encode(f"narrow:{SECRET}".encode()).decode()

    found: Any = browser.post("/introspect", {"token": token}, Authorization=f"Basic {basic}").json

    assert found["authorization_details"] == [PAYMENT]


@pytest.mark.parametrize(
    "details",
    ["{", "{}", "[]", "[1]", '[{"type": "transfer"}]', '[{"amount": 1}]', '[{"type": ["payment"]}]',
     msgspec.json.encode([PAYMENT] * 21).decode()],
)  # fmt: skip
def test_details_that_cannot_be_had_are_refused(browser: Browser, details: str) -> None:
    browser.get("/authorize", **request_of("narrow", authorization_details=details))

    assert answer(browser.last)["error"] == "invalid_authorization_details"


def test_discovery_tells_the_types(browser: Browser) -> None:
    document: Any = browser.get("/.well-known/openid-configuration").json

    assert document["authorization_details_types_supported"] == ["payment"]


@pytest.mark.parametrize("uri", ["/api", "https://a.example/#f", "https://a.example/ b", ""])
def test_a_resource_is_an_absolute_uri(enrol: Enrol, uri: str) -> None:
    with pytest.raises(BadRegistration):
        enrol("other", resources=[uri])
