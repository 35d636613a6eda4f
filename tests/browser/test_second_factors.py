"""Second factors in a real browser: a passkey in Chromium's own authenticator, codes by hand."""

import base64
import contextlib
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from idp.authenticators.totp import code_of
from idp.clock import seconds, system_clock
from idp.secret import Secret
from tests.browser.conftest import Stack, violations
from tests.people import PASSWORD

pytestmark = pytest.mark.timeout(180)

_NUMBER = iter(range(1_000))


@pytest.fixture
def person(stack: Stack) -> str:
    """Somebody of their own for each test: factors stay with an account."""
    name = f"FACTORS{next(_NUMBER)}"
    stack.provider.command(
        "account", "add", "--username", name, "--password-stdin",
        "--name", "林美玲", "--email", f"{name.lower()}@people.example", stdin=f"{PASSWORD}\n",
    )  # fmt: skip
    return name


@pytest.fixture
def authenticator(page: Page) -> Iterator[tuple[CDPSession, str]]:
    with virtual_authenticator(page) as made:
        yield made


@contextlib.contextmanager
def virtual_authenticator(page: Page) -> Iterator[tuple[CDPSession, str]]:
    """Give a page an authenticator inside Chromium, which verifies without being asked."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    made = cdp.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "ctap2Version": "ctap2_1",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    yield cdp, made["authenticatorId"]
    cdp.send("WebAuthn.disable")


def keys_of(authenticator: tuple[CDPSession, str]) -> list[Any]:
    cdp, which = authenticator
    found: list[Any] = cdp.send("WebAuthn.getCredentials", {"authenticatorId": which})[
        "credentials"
    ]
    return found


def code(secret: str, *, away: int = 0) -> str:
    """Show what the app would show."""
    key = Secret(base64.b32decode(secret.replace(" ", "")))
    return code_of(key, seconds(system_clock()) // 30 + away)


def set_up_app(page: Page, stack: Stack) -> str:
    """Set an app up, signed in; gives its secret."""
    page.goto(f"{stack.provider.url}/account/totp")
    page.click("#totp-begin")
    secret = page.inner_text("#totp-secret")
    page.fill("#code", code(secret, away=-1))  # the next one is still good for the sign-in
    page.click("#totp-confirm-submit")
    expect(page.locator("#recovery-codes code")).to_have_count(10)
    return secret


def sign_out(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.provider.url}/")
    page.click("#sign-out")
    expect(page.locator("h1")).to_have_text("You are signed out")


def test_a_passkey_is_added_signs_in_alone_and_is_removed(
    stack: Stack, page: Page, person: str, authenticator: tuple[CDPSession, str]
) -> None:
    page.goto(f"{stack.provider.url}/signin/password?journey=passkeys")
    stack.sign_in(page, person)
    expect(page.locator("#no-passkeys")).to_be_visible()
    assert violations(page) == []

    page.fill("#name", "My telephone")
    page.click("#passkey-create")
    expect(page.locator("#recovery-codes code")).to_have_count(10)
    assert violations(page) == []
    page.click("#codes-kept")
    expect(page.locator("#passkey-1")).to_have_text("My telephone")
    assert violations(page) == []
    assert len(keys_of(authenticator)) == 1

    sign_out(page, stack)
    without_autofill(page)
    page.goto(f"{stack.provider.url}/signin/password")
    expect(page.locator("#username")).to_have_attribute("autocomplete", "username webauthn")
    page.click("#passkey-submit")
    expect(page.locator("#recent-title")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Passkey")

    page.goto(f"{stack.provider.url}/account/passkeys")
    page.fill("#name-1", "My old telephone")
    page.click("#rename-1")
    expect(page.locator("#passkey-1")).to_have_text("My old telephone")
    expect(page.locator("#last-factor")).to_be_visible()
    page.click("#remove-1")
    expect(page.locator("#no-passkeys")).to_be_visible()

    sign_out(page, stack)
    page.goto(f"{stack.provider.url}/signin/password")
    page.click("#passkey-submit")
    expect(page.locator("#error-summary")).to_contain_text("passkey could not be used")


def without_autofill(page: Page) -> None:
    """Be a browser that offers passkeys at the press of a button alone."""
    page.add_init_script(
        "PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(false)"
    )


@pytest.mark.usefixtures("authenticator")
def test_a_passkey_is_offered_where_the_account_is_typed(
    stack: Stack, page: Page, person: str
) -> None:
    page.goto(f"{stack.provider.url}/signin/password?journey=passkeys")
    stack.sign_in(page, person)
    page.click("#passkey-create")
    page.click("#codes-kept")
    sign_out(page, stack)

    # Chromium's own authenticator chooses at once from what the autofill would list.
    page.goto(f"{stack.provider.url}/signin/password?journey=passkeys")

    expect(page.locator("#passkey-1")).to_have_text("Passkey")


def test_a_passkey_that_does_not_come_is_told(
    stack: Stack, page: Page, authenticator: tuple[CDPSession, str]
) -> None:
    cdp, which = authenticator
    without_autofill(page)
    page.goto(f"{stack.provider.url}/signin/password")
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": which, "isUserVerified": False})

    page.click("#passkey-submit")

    expect(page.locator("[data-passkey-failure]")).to_be_visible()


@pytest.mark.usefixtures("authenticator")
def test_a_passkey_serves_beside_the_password(stack: Stack, page: Page, person: str) -> None:
    page.goto(f"{stack.provider.url}/signin/password?journey=passkeys")
    stack.sign_in(page, person)
    page.click("#passkey-create")
    page.click("#codes-kept")
    sign_out(page, stack)

    without_autofill(page)
    page.goto(f"{stack.provider.url}/signin/password")
    stack.sign_in(page, person)
    expect(page.locator("h1")).to_have_text("One more step")
    assert violations(page) == []
    page.click("#passkey-submit")

    expect(page.locator("#recent-title")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Password and passkey")


def test_an_app_is_set_up_and_asked_for(stack: Stack, page: Page, person: str) -> None:
    page.goto(f"{stack.provider.url}/signin/password?journey=totp")
    stack.sign_in(page, person)
    assert violations(page) == []
    page.click("#totp-begin")
    expect(page.locator(".p-qr svg")).to_be_visible()
    assert violations(page) == []
    secret = page.inner_text("#totp-secret")
    page.fill("#code", "000000")
    page.click("#totp-confirm-submit")
    expect(page.locator("#error-summary")).to_contain_text("The code is not right")
    page.fill("#code", code(secret, away=-1))
    page.click("#totp-confirm-submit")
    recovery = page.inner_text("#recovery-codes li:first-child code")
    page.click("#codes-kept")
    expect(page.locator("#asked-always")).to_be_visible()
    assert violations(page) == []
    sign_out(page, stack)

    page.goto(f"{stack.app}/")
    page.click("#sign-in")
    stack.sign_in(page, person)
    expect(page.locator("h1")).to_have_text("One more step")
    expect(page.locator("#code")).to_be_focused()
    page.fill("#code", code(secret))
    page.click("#totp-submit")
    expect(page).not_to_have_url(re.compile("second-factor"))
    sign_out(page, stack)

    page.goto(f"{stack.provider.url}/signin/password")
    stack.sign_in(page, person)
    page.fill("#code", code(secret))  # used already
    page.click("#totp-submit")
    expect(page.locator("#error-summary")).to_contain_text("used already")
    assert violations(page) == []
    page.click("#recovery summary")
    page.fill("#recovery_code", recovery)
    page.click("#recovery-submit")
    expect(page.locator("#recent-title")).to_be_visible()


def test_everything_about_an_app_works_without_javascript(
    stack: Stack, chromium: Browser, person: str
) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="en-US")
    page = context.new_page()
    page.goto(f"{stack.provider.url}/signin/password?journey=totp")
    expect(page.locator("#passkey-submit")).to_be_hidden()
    stack.sign_in(page, person)
    secret = set_up_app(page, stack)
    sign_out(page, stack)

    page.goto(f"{stack.provider.url}/signin/password")
    stack.sign_in(page, person)
    page.fill("#code", code(secret))
    page.click("#totp-submit")
    expect(page.locator("#recent-title")).to_be_visible()
    page.goto(f"{stack.provider.url}/account/passkeys")
    expect(page.locator("#no-script")).to_be_visible()
    page.goto(f"{stack.provider.url}/account/totp")
    page.click("#totp-remove")
    expect(page.locator("#totp-begin")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    stack: Stack, chromium: Browser, person: str, width: int, scheme: str
) -> None:
    context = chromium.new_context(
        locale="zh-TW",
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    found: dict[str, list[str]] = {}

    def examine(name: str) -> None:
        page.wait_for_load_state()
        page.wait_for_function("document.documentElement !== null")  # a redirect may be under way
        wide = page.evaluate("document.documentElement.scrollWidth") > width
        found[name] = violations(page) + (["too wide"] if wide else [])

    page.goto(f"{stack.provider.url}/signin/password?journey=totp")
    stack.sign_in(page, person)
    examine("app")
    page.click("#totp-begin")
    examine("picture")
    secret = page.inner_text("#totp-secret")
    page.fill("#code", code(secret, away=-1))
    page.click("#totp-confirm-submit")
    examine("codes")
    for path in ("totp", "passkeys"):
        page.goto(f"{stack.provider.url}/account/{path}")
        examine(path)
    page.goto(f"{stack.provider.url}/")
    page.click("#sign-out")
    page.goto(f"{stack.provider.url}/signin/password")
    stack.sign_in(page, person)
    page.evaluate("document.getElementById('recovery').open = true")
    examine("second factor")

    context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_the_script_of_passkeys_costs_no_request(stack: Stack, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{stack.provider.url}/signin/password")

    scripts = [url for url in asked if url.endswith(".js")]
    assert len(scripts) == 1
    assert "data-passkey" in httpx2.get(scripts[0]).text
