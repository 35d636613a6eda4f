"""``/developers`` in a real browser: a whole flow by clicks, nothing for axe to find."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Stack, violations

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_flow_is_run_by_clicking(stack: Stack, chromium: Browser, scripts: bool) -> None:
    context = chromium.new_context(
        locale="zh-TW", java_script_enabled=scripts, viewport={"width": 320, "height": 800}
    )
    page = context.new_page()
    page.goto(f"{stack.provider.url}/signin/password")
    stack.sign_in(page)
    page.goto(f"{stack.provider.url}/developers")
    faults = violations(page) if scripts else []

    page.click("#flow-par")
    for _ in range(3):
        page.click("#next-step")
        if page.locator("#consent-accept").count():
            page.click("#consent-accept")
    expect(page.locator("#latest")).to_contain_text("access_token")
    page.click("#next-step")

    expect(page.locator("#run-done")).to_be_visible()
    faults += violations(page) if scripts else []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320 if scripts else True
    context.close()
    assert faults == []
