"""Both ways to the bridge from the real page: by call where the browser lets it, else by window."""

import contextlib

import pytest
from playwright.sync_api import Error, expect

from tests.bridge.running import until
from tests.cards.desk.conftest import PATIENCE, Desk

pytestmark = [
    pytest.mark.usefixtures("responder"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
WITHOUT_LEAVE = {"denied": "blocked", "prompt": "not_running"}
"""What the page says, by what the browser says of its leave."""
NEVER_ASKED = """navigator.permissions.query = (what) => Promise.resolve({state: "prompt"});"""
"""A browser without a screen asks nobody, keeps the page away, and calls that denied as well."""


PRESS_ONCE = """new MutationObserver((_, watching) => {
    const button = document.getElementById("card-popup");
    if (button && !button.hidden) { watching.disconnect(); button.click(); }
}).observe(document, {subtree: true, childList: true, attributes: true});"""


def open_window(desk: Desk) -> None:
    """Press the button for the bridge's window."""
    desk.page.click("#card-popup", timeout=PATIENCE)


@pytest.mark.parametrize("space", ["public", "local"], indirect=True)
def test_A_a_page_with_leave_signs_in_without_a_window(desk: Desk) -> None:
    desk.grant()
    with desk.bridge():
        desk.open()
        desk.state("ready")
        expect(desk.page.locator("#card-popup")).to_be_hidden()
        desk.press()
        desk.signed_in()

    assert len(desk.context.pages) == 1


@pytest.mark.parametrize("space", ["local"], indirect=True)
def test_A_a_page_of_an_intranet_needs_no_leave(desk: Desk) -> None:
    with desk.bridge():
        desk.open()
        desk.state("ready")
        desk.press()
        desk.signed_in()


@pytest.mark.parametrize("leave", WITHOUT_LEAVE)
def test_B_a_page_without_leave_signs_in_by_the_bridges_window(desk: Desk, leave: str) -> None:
    desk.deny()
    if leave == "prompt":
        desk.page.add_init_script(NEVER_ASKED)
    with desk.bridge():
        desk.open()
        assert desk.leave() == leave
        desk.state(WITHOUT_LEAVE[leave])
        assert desk.card.calls() == []  # no call has reached the bridge

        open_window(desk)
        desk.signed_in()

    assert desk.site.removeprefix("https://") in " ".join(desk.person.was_told())


@pytest.mark.parametrize("space", ["local"], indirect=True)
def test_B_the_window_serves_a_page_of_an_intranet_too(desk: Desk) -> None:
    desk.open()
    desk.state("not_running")
    with desk.bridge():
        open_window(desk)
        desk.signed_in()


def test_B_a_page_that_is_given_leave_later_goes_on_by_itself(desk: Desk) -> None:
    desk.deny()
    with desk.bridge():
        desk.open()
        desk.state("blocked")
        desk.grant()
        desk.state("ready")


def test_B_a_window_that_the_browser_blocks_is_told_with_the_remedy(desk: Desk) -> None:
    desk.deny()
    with desk.bridge():
        # A press that no person made opens no window: so the browser's blocker is the real one.
        desk.page.add_init_script(PRESS_ONCE)
        desk.open()
        desk.state("popup_blocked")
        desk.page.wait_for_timeout(2_500)
        desk.state("popup_blocked")
        assert len(desk.context.pages) == 1

        open_window(desk)
        desk.signed_in()


def test_D14_a_window_that_is_closed_half_way_leaves_a_page_that_goes_on(desk: Desk) -> None:
    desk.person.answers("wait", "246810")
    desk.deny()
    with desk.bridge():
        desk.open()
        with desk.context.expect_page() as opened:
            open_window(desk)
        until(lambda: "GETPIN" in desk.person.questions())
        opened.value.close()
        desk.state("window_closed")
        assert "login" not in desk.card.calls()

        open_window(desk)
        desk.signed_in()


def test_B_the_page_calls_off_what_the_window_asked(desk: Desk) -> None:
    desk.person.answers("wait", "246810")
    desk.deny()
    with desk.bridge():
        desk.open()
        open_window(desk)
        until(lambda: "GETPIN" in desk.person.questions())
        desk.page.click("#card-cancel")
        desk.state("cancelled")

        open_window(desk)
        desk.signed_in()


def test_B_how_a_try_ends_in_the_window_is_said_on_the_page(desk: Desk) -> None:
    desk.person.answers("111111", "246810")
    desk.deny()
    with desk.bridge():
        desk.open()
        open_window(desk)
        desk.state("pin_incorrect")
        desk.page.wait_for_timeout(2_500)
        desk.state("pin_incorrect")

        open_window(desk)
        desk.signed_in()


def test_B_a_window_without_a_bridge_is_told_and_closed(desk: Desk) -> None:
    desk.deny()
    desk.open()
    with desk.context.expect_page() as opened:
        open_window(desk)
    desk.state("not_running")
    with contextlib.suppress(Error):  # closed already
        opened.value.wait_for_event("close", timeout=PATIENCE)
    assert opened.value.is_closed()
    expect(desk.page.locator("#card-popup")).to_be_visible()


def test_P03_only_the_page_with_the_card_lets_windows_keep_their_opener(desk: Desk) -> None:
    desk.open()
    with_card = desk.page.goto(f"{desk.site}/signin/card")
    assert with_card is not None
    assert with_card.headers["cross-origin-opener-policy"] == "same-origin-allow-popups"
    for path in ("/", "/signin/password", "/guide", "/no-such-page"):
        other = desk.page.goto(f"{desk.site}{path}")
        assert other is not None
        assert other.headers["cross-origin-opener-policy"] == "same-origin", path
        assert "127.0.0.1" not in other.headers["content-security-policy"], path


def test_P03_nothing_of_others_and_no_script_within_the_page(desk: Desk) -> None:
    called: list[str] = []
    desk.page.on("request", lambda one: called.append(one.url))
    desk.grant()
    with desk.bridge():
        desk.open()
        desk.state("ready")
        unlike_us = "script:not([src]), [onclick], [style], input[type=password], iframe"
        assert desk.page.locator(unlike_us).count() == 0
        inline = desk.page.evaluate(
            """() => new Promise((resolve) => {
            document.addEventListener("securitypolicyviolation",
                (event) => resolve(event.violatedDirective));
            const script = document.createElement("script");
            script.textContent = "document.title = 'run'"; document.body.append(script);
            setTimeout(() => resolve("ran"), 3000); })"""
        )
    ours = (desk.site, f"http://127.0.0.1:{desk.port}/v1/", "data:")

    assert [url for url in called if not url.startswith(ours)] == []
    assert inline == "script-src-elem"
