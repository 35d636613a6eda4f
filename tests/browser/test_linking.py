"""P32 in a real browser, with real processes: the first visit, unlinking, without JavaScript."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from idp.config import ClientSection
from tests.browser.conftest import APP_SECRET, Stack, violations
from tests.browser.conftest import _case_query as case_query
from tests.browser.conftest import _casequery as casequery
from tests.labs.listener import listener, says
from tests.labs.ports import free_port
from tests.people import PASSWORD
from tests.races.harness import HOUSE, running

pytestmark = pytest.mark.timeout(120)
LOCAL_PASSWORD = "the old key of the case room"


def registration(app: str) -> ClientSection:
    return msgspec.structs.replace(
        casequery(app), link_uri=f"{app}/linking", jwks_uri=f"{app}/linking/jwks"
    )


@pytest.fixture(scope="module")
def linked_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A provider and a case query that demands a link, each a process of its own."""
    folder, port = tmp_path_factory.mktemp("linked"), free_port()
    app = f"http://localhost:{port}"
    settings = {
        "PORTICO__CLIENTS": msgspec.json.encode([registration(app)]).decode(),
        "PORTICO__CAPTCHA__MODE": "always",
        "PORTICO__THROTTLE__EXEMPT_NETWORKS": '["127.0.0.0/8"]',
        "PORTICO__FETCH__ALLOWED_NETWORKS": '["127.0.0.0/8","::1/128"]',
        "PORTICO__WORKER__INSIDE_SERVE": "true",
        "PORTICO__OUTBOX__POLL_SECONDS": "1",
    }
    told = {
        "CASEQUERY__LINKING__REQUIRED": "true",
        "CASEQUERY__LINKING__KEY_FILE": str(folder / "link-key.json"),
    }
    database = f"sqlite:///{folder / 'idp.sqlite'}"
    with (
        pytest.MonkeyPatch.context() as environment,
        listener(says("200 OK")) as older,
        running(folder, database, workers=1, settings=settings) as provider,
    ):
        provider.command(
            "account", "add", "--username", "CITIZEN1", "--password-stdin",
            "--name", "林美玲", stdin=f"{PASSWORD}\n",
        )  # fmt: skip
        for name, value in told.items():
            environment.setenv(name, value)
        with case_query(folder, provider.url, port, "nobody"):
            open_account(folder)
            yield Stack(provider, app, older)


def open_account(folder: Path) -> None:
    listed = folder / "accounts.toml"
    quoted = json.dumps(LOCAL_PASSWORD)
    listed.write_text(f'[[accounts]]\nname = "CITIZEN1"\npassword = {quoted}\n')
    environment = os.environ | {"CASEQUERY__DATABASE__URL": f"sqlite:///{folder}/casequery.sqlite"}
    words = [sys.executable, "-m", "clients.casequery", "seed", "--accounts", str(listed)]
    subprocess.run(words, check=True, cwd=HOUSE, env=environment)


def unlink(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.provider.url}/links")
    page.click("#unlink-1")


@pytest.mark.parametrize(("locale", "scheme"), [("zh-TW", "light"), ("en-US", "dark")])
def test_P32_the_first_visit_asks_for_the_older_account(
    linked_stack: Stack, chromium: Browser, locale: str, scheme: str
) -> None:
    stack = linked_stack
    context = chromium.new_context(
        locale=locale,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": 320, "height": 700},
    )
    page = context.new_page()
    faults: dict[str, list[str]] = {}

    page.goto(f"{stack.app}/cases")
    stack.sign_in(page)
    expect(page.locator("#app-name")).to_be_visible()
    faults["form"] = violations(page)
    page.fill("#account-1", "CITIZEN1")
    page.fill("#password-1", "a wrong guess")
    page.click("#link-submit")
    expect(page.locator("#error-summary")).to_be_focused()
    expect(page.locator("#account-1")).to_have_value("CITIZEN1")
    expect(page.locator("#password-1")).to_have_value("")
    faults["wrong"] = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.fill("#password-1", LOCAL_PASSWORD)
    page.click("#link-submit")
    expect(page).to_have_url(f"{stack.app}/cases")
    expect(page.locator("body")).to_contain_text("TPD.109.他.000025")
    for path in ("/account", "/account/password"):
        page.goto(f"{stack.app}{path}")
        faults[path] = violations(page)

    page.goto(f"{stack.provider.url}/links")
    expect(page.locator("#linked-1")).to_have_text("C••••••1")
    faults["linked"] = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.click("#unlink-1")
    expect(page.locator("#account-1")).to_be_visible()
    faults["unlinked"] = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 1280, "height": 900})
    page.click("#link-1")
    expect(page.locator("#error-summary")).to_be_visible()
    faults["missing"] = violations(page)
    context.close()

    assert {name: one for name, one in faults.items() if one} == {}


@pytest.mark.parametrize(
    ("locale", "script"),
    [("en-US", False), ("zh-TW", False), ("zh-CN", False), ("zh-CN", True)],
)
def test_P32_is_linked_unlinked_and_linked_again_from_both_sides(
    linked_stack: Stack, chromium: Browser, locale: str, script: bool
) -> None:
    stack = linked_stack
    context = chromium.new_context(java_script_enabled=script, locale=locale)
    page = context.new_page()
    page.goto(f"{stack.app}/cases")
    stack.sign_in(page)
    page.fill("#account-1", "CITIZEN1")
    page.fill("#password-1", LOCAL_PASSWORD)
    page.press("#password-1", "Enter")
    expect(page).to_have_url(f"{stack.app}/cases")

    page.click("#my-account")
    page.click("#unlink")
    page.goto(f"{stack.app}/cases")

    expect(page).to_have_url(re.compile(r"/links/casequery\?"))
    page.goto(f"{stack.provider.url}/links")
    page.fill("#account-1", "CITIZEN1")
    page.fill("#password-1", LOCAL_PASSWORD)
    page.click("#link-1")
    expect(page.locator("#linked-1")).to_be_visible()
    unlink(stack, page)
    for _ in range(20):  # the app hears of it by the worker, within a second or two
        page.goto(f"{stack.app}/cases")
        if "/links/" in page.url:
            break
        page.wait_for_timeout(250)
    expect(page).to_have_url(re.compile(r"/links/casequery\?"))
    context.close()


def test_Q03_the_older_account_signs_in_by_itself(linked_stack: Stack, page: Page) -> None:
    page.goto(linked_stack.app)
    page.click("#sign-in-here")
    assert violations(page) == []
    page.fill("#account", "CITIZEN1")
    page.fill("#password", LOCAL_PASSWORD)
    page.click("#account-submit")

    expect(page).to_have_url(f"{linked_stack.app}/cases")
    page.click("#sign-out")
    expect(page).to_have_url(f"{linked_stack.app}/")
    assert APP_SECRET not in page.content()
