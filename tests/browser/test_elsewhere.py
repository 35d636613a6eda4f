"""Devices and services that a person answers elsewhere, in a real browser."""

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import APP_SECRET, Stack, violations

pytestmark = pytest.mark.timeout(120)
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CIBA_GRANT = "urn:openid:params:grant-type:ciba"


def token(stack: Stack, **form: str) -> httpx2.Response:
    return httpx2.post(f"{stack.provider.url}/token", data=form)


@pytest.mark.parametrize(("locale", "scheme"), [("zh-TW", "light"), ("en-US", "dark")])
def test_a_device_is_connected_from_a_phone(
    stack: Stack, chromium: Browser, locale: str, scheme: str
) -> None:
    begun = httpx2.post(
        f"{stack.provider.url}/device_authorization",
        data={"client_id": "kiosk", "scope": "openid email"},
    ).json()
    context = chromium.new_context(
        locale=locale,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": 320, "height": 700},
    )
    page = context.new_page()
    faults: dict[str, list[str]] = {}

    page.goto(begun["verification_uri_complete"])
    stack.sign_in(page)
    expect(page.locator("#user_code")).to_have_value(begun["user_code"])
    faults["code"] = violations(page)
    page.fill("#user_code", "BCDF-GHJK")
    page.click("#device-continue")
    faults["wrong"] = violations(page)
    page.fill("#user_code", begun["user_code"].lower().replace("-", " "))
    page.click("#device-continue")
    faults["question"] = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.click("#device-allow")
    expect(page.locator("#device-allowed")).to_be_visible()
    faults["done"] = violations(page)
    context.close()

    found = token(
        stack, grant_type=DEVICE_GRANT, device_code=begun["device_code"], client_id="kiosk"
    )
    assert found.status_code == 200, found.text
    assert {name: one for name, one in faults.items() if one} == {}


def test_a_request_of_a_service_waits_on_the_front_page(stack: Stack, chromium: Browser) -> None:
    auth = ("counter", APP_SECRET)
    asked = httpx2.post(
        f"{stack.provider.url}/bc-authorize",
        data={"scope": "openid", "login_hint": "citizen1", "binding_message": "W-4711"},
        auth=auth,
    ).json()
    context = chromium.new_context(
        locale="zh-TW", viewport={"width": 320, "height": 700}, java_script_enabled=True
    )
    page = context.new_page()
    page.goto(f"{stack.provider.url}/signin/password")
    stack.sign_in(page)

    page.click("#waiting-requests a")
    expect(page.locator("#message-1")).to_have_text("W-4711")
    faults = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.click("#allow-1")
    expect(page.locator("#no-requests")).to_be_visible()
    context.close()

    found = httpx2.post(
        f"{stack.provider.url}/token",
        data={"grant_type": CIBA_GRANT, "auth_req_id": asked["auth_req_id"]},
        auth=auth,
    )
    assert found.status_code == 200, found.text
    assert faults == []
