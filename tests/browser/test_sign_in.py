"""P01, P05, Q04 in a real browser: in, out everywhere, without JavaScript, for everybody."""

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Stack, violations
from tests.people import CHALLENGE, PASSWORD

pytestmark = pytest.mark.timeout(120)


def stranger_request(stack: Stack) -> str:
    query = {
        "response_type": "code",
        "client_id": "stranger",
        "redirect_uri": "http://localhost:1/callback",
        "scope": "openid profile email",
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return f"{stack.provider.url}/authorize?{urlencode(query)}"


def test_P05_a_person_signs_in_sees_the_cases_and_signs_out_everywhere(
    stack: Stack, page: Page
) -> None:
    page.goto(stack.app)
    page.click("#sign-in")
    expect(page.locator("#app-name")).to_have_text("Case progress query")

    stack.sign_in(page)
    expect(page).to_have_url(re.compile(r"/cases$"))
    expect(page.locator("body")).to_contain_text("TPD.109.他.000025")
    expect(page.locator("body")).to_contain_text("林美玲")
    page.click("#open-1")
    expect(page.locator("h1")).to_contain_text("TPD.")

    page.click("#sign-out")
    expect(page).to_have_url(f"{stack.app}/")
    page.goto(f"{stack.provider.url}/")
    expect(page.locator("#sign-in")).to_be_visible()


def test_P05_signing_out_at_the_portal_signs_out_of_the_app(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.app}/cases")
    stack.sign_in(page)
    page.goto(f"{stack.provider.url}/")
    page.click("#sign-out")
    expect(page.locator("h1")).to_have_text("You are signed out")

    for _ in range(20):  # the app hears of it by the worker, within a second or two
        page.goto(stack.app)
        if page.locator("#sign-in").count():
            break
        page.wait_for_timeout(250)

    expect(page.locator("#sign-in")).to_be_visible()


def test_P01_a_wrong_password_says_so_and_keeps_the_account(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.provider.url}/signin/password")

    stack.sign_in(page, password="a wrong guess")

    expect(page.locator("#error-summary")).to_be_focused()
    expect(page.locator("#error-summary")).to_contain_text("The account or the password")
    expect(page.locator("#username")).to_have_value("CITIZEN1")
    expect(page.locator("#password")).to_have_value("")


def test_the_consent_page_names_the_app_and_takes_no_for_an_answer(
    stack: Stack, page: Page
) -> None:
    page.route("http://localhost:1/**", lambda route: route.fulfill(body="the app"))
    page.goto(stranger_request(stack))
    stack.sign_in(page)
    expect(page.locator("#app-name")).to_have_text("A stranger's app")
    expect(page.locator("main")).to_contain_text("Your e-mail address")
    assert violations(page) == []

    page.click("#consent-deny")
    expect(page).to_have_url(re.compile(r"callback\?error=access_denied"))
    page.goto(stranger_request(stack))
    page.click("#consent-accept")

    expect(page).to_have_url(re.compile(r"callback\?code="))


def test_everything_works_without_javascript(stack: Stack, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="zh-TW")
    page = context.new_page()
    page.goto(f"{stack.app}/cases")
    before = page.input_value("input[name=captcha_id]")
    page.fill("#username", "CITIZEN1")
    page.click("#captcha-refresh")
    assert page.input_value("input[name=captcha_id]") != before
    expect(page.locator("#username")).to_have_value("CITIZEN1")

    stack.sign_in(page)
    expect(page).to_have_url(re.compile(r"/cases$"))
    page.click("#sign-out")

    expect(page.locator("#sign-in")).to_be_visible()
    context.close()


def test_the_captcha_can_be_heard(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.provider.url}/signin/password")

    heard = page.evaluate(
        """async () => {
            const audio = document.getElementById('captcha-audio');
            await new Promise((go, no) => {
                audio.addEventListener('loadedmetadata', go);
                audio.addEventListener('error', no);
                audio.load();
            });
            return audio.duration;
        }"""
    )

    assert 4 < heard < 15


def test_by_keyboard_alone(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.provider.url}/signin/password")
    expect(page.locator("#username")).to_be_focused()

    page.keyboard.type("CITIZEN1")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "captcha":
            break
    page.keyboard.type(stack.captcha(page))
    page.keyboard.press("Enter")

    expect(page.locator("#apps-title")).to_be_visible()


PAGES = ["/", "/signin/password", "/guide", "/logout/done", "/nowhere", "/authorize"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("locale", ["zh-TW", "zh-CN", "en-US"])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    stack: Stack, chromium: Browser, locale: str, width: int, scheme: str
) -> None:
    context = chromium.new_context(
        locale=locale,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    found: dict[str, list[str]] = {}
    wide: list[str] = []

    for path in PAGES:
        page.goto(f"{stack.provider.url}{path}")
        found[path] = violations(page)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(path)

    context.close()
    assert {path: faults for path, faults in found.items() if faults} == {}
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_pages_behind_the_sign_in(
    stack: Stack, chromium: Browser, scheme: str
) -> None:
    context = chromium.new_context(locale="zh-TW", color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{stack.app}/")
    found = {"welcome": violations(page)}
    page.goto(f"{stack.app}/open-case-words")
    found["words"] = violations(page)
    page.goto(f"{stack.app}/cases")
    stack.sign_in(page, password="a wrong guess")
    found["refused"] = violations(page)
    stack.sign_in(page)
    found["cases"] = violations(page)
    page.click("#open-1")
    found["case"] = violations(page)
    page.goto(f"{stack.provider.url}/")
    found["front page"] = violations(page)
    page.goto(f"{stack.provider.url}/logout")
    found["sign out?"] = violations(page)
    page.goto(f"{stack.app}/signin/callback?state=x")
    found["refused by the app"] = violations(page)

    context.close()
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_a_page_is_small_and_asks_only_its_own_site(stack: Stack, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    document = page.goto(f"{stack.provider.url}/signin/password")

    assert document is not None
    assert len(document.body()) <= 60_000
    besides = [url for url in asked if not url.startswith("data:")][1:]
    assert len(besides) <= 3, besides
    assert all(url.startswith(stack.provider.url) for url in besides)
