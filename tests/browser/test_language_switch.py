"""Another language in a real browser, in the middle of typing."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Stack, violations
from tests.people import PASSWORD

pytestmark = pytest.mark.timeout(120)


def test_with_scripts_even_the_password_and_the_digits_stay(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.provider.url}/signin/password?journey=account")
    page.fill("#username", "CITIZEN1")
    page.fill("#password", PASSWORD)
    page.fill("#captcha", stack.captcha(page))
    page.click("#password-show")
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.post_data or ""))

    page.click("#lang-zh-Hant")

    expect(page.locator("h1")).to_have_text("登入")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant-TW")
    expect(page.locator("#lang-zh-Hant")).to_be_focused()
    expect(page.locator("#password")).to_have_value(PASSWORD)
    assert "CITIZEN1" in "".join(sent)
    assert not any(PASSWORD.split()[0] in one for one in sent)
    assert "typed=" not in page.url
    assert violations(page) == []

    page.click("#password-show")
    expect(page.locator("#password")).to_have_attribute("type", "text")
    page.click("#lang-en")
    expect(page.locator("h1")).to_have_text("Sign in")
    page.press("#username", "Enter")
    expect(page.locator("#tab-account")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_several_forms_of_a_page(stack: Stack, chromium: Browser, scripts: bool) -> None:
    context = chromium.new_context(locale="en-US", java_script_enabled=scripts)
    page = context.new_page()
    page.goto(f"{stack.provider.url}/signin/password?journey=details")
    page.fill("#username", "CITIZEN1")
    page.fill("#password", PASSWORD)
    page.click("#lang-zh-Hans")
    expect(page.locator("#username")).to_have_value("CITIZEN1")
    expect(page.locator("#password")).to_have_value(PASSWORD if scripts else "")
    stack.sign_in(page)

    page.fill("#phone", "not yet a number")
    page.fill("#street", '中正區"博愛路"<131>號')
    page.select_option("#region", "臺北市")
    page.click("#lang-zh-Hant")
    expect(page.locator("h1")).to_have_text("修改基本資料")
    expect(page.locator("#phone")).to_have_value("not yet a number")
    expect(page.locator("#street")).to_have_value('中正區"博愛路"<131>號')
    expect(page.locator("#region")).to_have_value("臺北市")
    expect(page.locator("#error-summary")).to_have_count(0)

    page.goto(f"{stack.app}/account/signin")
    page.fill("#account", "LOCAL")
    page.fill("#password", "half a pass")
    page.click("#lang-en")
    expect(page.locator("h1")).to_have_text("Sign in with a case-query account")
    expect(page.locator("#account")).to_have_value("LOCAL")
    expect(page.locator("#password")).to_have_value("half a pass" if scripts else "")
    context.close()


def test_a_passkey_is_asked_for_after_a_switch_as_before(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.provider.url}/signin/password")
    before = page.get_attribute("#passkey-form", "data-passkey-options")

    page.click("#lang-zh-Hant")

    expect(page.locator("#passkey-submit")).to_have_text("以通行密鑰登入")
    expect(page.locator("#passkey-submit")).to_be_visible()
    assert page.get_attribute("#passkey-form", "data-passkey-options") != before


def test_where_the_page_has_gone_the_button_does_what_it_says(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.provider.url}/recovery")
    page.fill("#username", "CITIZEN1")
    page.context.clear_cookies()

    page.click("#lang-zh-Hant")

    expect(page.locator("#error-code")).to_have_text("forbidden")
    page.go_back()
    expect(page.locator("#username")).to_have_value("CITIZEN1")
